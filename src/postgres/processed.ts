import { createHash } from 'node:crypto';
import type { DataSource } from 'typeorm';
import type { Event } from '../event/decode.js';
import { faultOf } from '../failures/failure.js';
import { dayOf, now, type Micros } from '../event/time.js';
import { encodeArray } from './arrays.js';
import { unhurried } from './data-source.js';
import { attach, dayOfPartition, dropBefore, isoDay } from './id-days.js';
import type { Session } from './session.js';
import { statement, type Statement } from './statements.js';

/** The day under which ids are kept whose own day has no partition; see migrations/…-writer-tables.up.sql. */
const OLD_DAY = dayOf(Date.UTC(1999, 0, 1) * 1000);
const DAYS_AHEAD = 3;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

const CLAIM = `WITH claimed AS (
  INSERT INTO dbw.processed_events (day, id, hash)
  SELECT day, id, hash FROM unnest($1::date[], $2::uuid[], $3::integer[]) AS x (day, id, hash)
  ON CONFLICT (id, day) DO NOTHING RETURNING id)
SELECT count(*)::integer, CASE WHEN count(*) < $4::integer THEN array_agg(id::text) END FROM claimed`;

// Joined, not `= ANY`: where there are no statistics yet PostgreSQL would compare each row of a day with each id.
const HASHES = `SELECT p.id::text, p.hash FROM unnest($1::date[], $2::uuid[]) AS x (day, id)
  JOIN dbw.processed_events p ON p.id = x.id AND p.day = x.day`;

const CLAIM_NEW = `INSERT INTO dbw.processed_events (day, id, hash)
  SELECT day, id, hash FROM unnest($1::date[], $2::uuid[], $3::integer[]) AS x (day, id, hash)`;

/** The UUID that stands for an event's id: one in its usual spelling is itself, other texts are hashed. */
function uuidOf(id: string): string {
  if (UUID.test(id)) return id;
  const hex = createHash('sha256').update(id).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`;
}

/** The 16 bytes of that UUID. */
export function eventKey(id: string): Buffer {
  return Buffer.from(uuidOf(id).replaceAll('-', ''), 'hex');
}

// Not `= ANY`: where there are no statistics yet PostgreSQL reads whole partitions and compares each row with each id.
const PROCESSED = `SELECT x.id::text FROM unnest($1::uuid[]) AS x (id)
  WHERE EXISTS (SELECT FROM dbw.processed_events p WHERE p.id = x.id)`;

/**
 * Which of these events were processed, by their ids alone: their days are not known, so each partition is asked.
 *
 * @param ids event ids
 * @returns those that were
 */
export async function processedAmong(session: Session, ids: readonly string[]): Promise<ReadonlySet<string>> {
  if (ids.length === 0) return new Set();
  const byKey = new Map(ids.map((id) => [uuidOf(id), id]));
  const keys = [...byKey.keys()].sort(); // neighbours in the index one after the other
  const { bytes } = encodeArray('uuid', keys.length, (i) => keys[i]);
  const { rows } = await session.run(statement(PROCESSED, [bytes]));
  return new Set(rows.flatMap(([key]) => byKey.get(String(key)) ?? []));
}

const KNOWN = `SELECT string_agg(uuid_send(id) || int4send(hash), '') FROM dbw.processed_events
  WHERE day = $1::date AND id = ANY($2::uuid[])`;

/** An event by what it is known by when it was processed. */
export interface Candidate {
  readonly id: string;
  readonly time: Micros;
  readonly hash: number;
}

export interface Claimed {
  /** Events that were not processed before; from now on they are, if the transaction commits. */
  readonly fresh: readonly Event[];
  readonly duplicates: readonly Event[];
  /** Events under an id that was processed with other content. */
  readonly collisions: readonly Event[];
}

/** An event that is to be claimed, by the day and the UUID under which it is kept. */
interface Claim {
  readonly event: Event;
  readonly day: number;
  readonly id: string;
}

function daysOf(claims: readonly Claim[]): Buffer {
  return encodeArray('date', claims.length, (i) => claims[i]?.day).bytes;
}

function idsOf(claims: readonly Claim[]): Buffer {
  return encodeArray('uuid', claims.length, (i) => claims[i]?.id).bytes;
}

/** The record of processed events, `dbw.processed_events`, and its day partitions. */
export class ProcessedEvents {
  private days: ReadonlySet<number> = new Set();
  private newest = -Infinity;

  /**
   * Attaches the days up to a few ahead, and learns which there are. A new record begins `keptDays` ago; one that is there
   * grows towards the future only, for the ids of a day that had no partition are among the old ones, and stay there.
   * Safe to run from several processes at once.
   */
  async maintain(dataSource: DataSource, keptDays: number): Promise<void> {
    const today = dayOf(now());
    await this.load(dataSource);
    await this.attachFrom(dataSource, Math.max(today - keptDays, this.newest + 1), today + DAYS_AHEAD);
  }

  /**
   * Drops days that are older than `keptDays`, whole. Safe to run from several processes at once.
   *
   * @throws where a transaction of somebody else uses one of them for long; it may be tried again at any time
   */
  async drop(dataSource: DataSource, keptDays: number): Promise<void> {
    // Detaching waits for every transaction that may still use the partition.
    await unhurried(dataSource, (patient) => dropBefore(patient, dayOf(now()) - keptDays));
    await this.load(dataSource);
  }

  /**
   * Makes sure, before events are claimed, that their days have partitions: whoever claims an event must look for it in the
   * same one. `maintain` sees to it days before; this is for when it could not.
   */
  async reach(dataSource: DataSource, events: readonly Event[]): Promise<void> {
    let latest = 0;
    for (const { time } of events) if (time > latest) latest = time;
    const day = dayOf(latest);
    // A record that has no days at all keeps all ids together.
    if (day <= this.newest || this.days.size === 0) return;
    await this.load(dataSource);
    await this.attachFrom(dataSource, this.newest + 1, day);
  }

  private async attachFrom(dataSource: DataSource, first: number, last: number): Promise<void> {
    if (first > last) return;
    await attach(
      dataSource,
      Array.from({ length: last - first + 1 }, (_, i) => first + i),
    );
    await this.load(dataSource);
  }

  /** Reads from the catalog which days have a partition. */
  async load(dataSource: DataSource): Promise<ReadonlySet<number>> {
    const rows: { name: string }[] = await dataSource.query(
      `SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
       WHERE i.inhparent = 'dbw.processed_events'::regclass AND c.relname ~ '_[0-9]{8}$' AND NOT i.inhdetachpending`,
    );
    this.days = new Set(rows.map(({ name }) => dayOfPartition(name)));
    this.newest = Math.max(-Infinity, ...this.days);
    return this.days;
  }

  private partitionDay({ time }: { readonly time: Micros }): number {
    const day = dayOf(time);
    return this.days.has(day) ? day : OLD_DAY;
  }

  /** Whether the ids of events of this time are still kept: what is not among them was not processed. */
  keeps(time: Micros): boolean {
    return this.days.has(dayOf(time));
  }

  /**
   * Asks for the content hashes of events that were processed, without claiming anything: one question a day, one row each.
   *
   * @returns the hash of each candidate's id, undefined where that was not processed; in the order of the candidates
   */
  async hashesOf(session: Session, candidates: readonly Candidate[]): Promise<(number | undefined)[]> {
    const byDay = new Map<number, Buffer[]>();
    const keys = candidates.map((candidate) => {
      const key = eventKey(candidate.id);
      const day = this.partitionDay(candidate);
      const ofDay = byDay.get(day);
      if (ofDay) ofDay.push(key);
      else byDay.set(day, [key]);
      return key;
    });
    const hashes = new Map<string, number>();
    for (const [day, ids] of byDay) {
      const { bytes } = encodeArray('uuid', ids.length, (i) => ids[i]);
      const { rows } = await session.run(statement(KNOWN, [isoDay(day), bytes]));
      const found = rows[0]?.[0];
      if (!Buffer.isBuffer(found)) continue;
      for (let at = 0; at < found.length; at += 20) {
        hashes.set(found.toString('latin1', at, at + 16), found.readInt32BE(at + 16));
      }
    }
    return keys.map((key) => hashes.get(key.toString('latin1')));
  }

  /**
   * Records events as processed, within the transaction that applies them, in the order of their ids: two writers that
   * claim the same ids wait for each other instead of deadlocking.
   *
   * @param events with distinct ids
   */
  async claim(session: Session, events: readonly Event[]): Promise<Claimed> {
    const { claims, days, ids, hashes } = this.claims(events);
    const { rows } = await session.run(statement(CLAIM, [days, ids, hashes, claims.length]));
    const [count, fewer] = rows[0] ?? [];
    if (count === claims.length) return { fresh: events, duplicates: [], collisions: [] };

    const claimed = new Set(Array.isArray(fewer) ? fewer : []);
    const left = claims.filter(({ id }) => !claimed.has(id));
    const { rows: known } = await session.run(statement(HASHES, [daysOf(left), idsOf(left)]));
    const hashOf = new Map(known.map(([id, hash]) => [id, hash]));
    const fresh = new Set<Event>();
    const duplicates: Event[] = [];
    const collisions: Event[] = [];
    for (const { event, id } of claims) {
      if (claimed.has(id)) fresh.add(event);
      else if (hashOf.get(id) === event.hash) duplicates.push(event);
      else collisions.push(event);
    }
    return { fresh: events.filter((event) => fresh.has(event)), duplicates, collisions };
  }

  /**
   * The statement that records events as processed of which none was.
   *
   * @param events with distinct ids
   * @throws 23505, when it is run, where one was
   */
  claimNew(events: readonly Event[]): Statement {
    const { days, ids, hashes } = this.claims(events);
    return statement(CLAIM_NEW, [days, ids, hashes]);
  }

  private claims(events: readonly Event[]) {
    const claims = events.map((event): Claim => ({ event, day: this.partitionDay(event), id: uuidOf(event.id) }));
    // UUIDs of one spelling stand in the order of their bytes.
    claims.sort((a, b) => (a.id < b.id ? -1 : 1));
    const [days, ids] = [daysOf(claims), idsOf(claims)];
    const hashes = encodeArray('integer', claims.length, (i) => claims[i]?.event.hash).bytes;
    return { claims, days, ids, hashes };
  }

  /**
   * Forgets that events were processed, those with this very content: they are going to wait, and what waits was not.
   */
  async forget(session: Session, events: readonly Event[]): Promise<void> {
    const days = encodeArray('date', events.length, (i) => events[i] && this.partitionDay(events[i])).bytes;
    const ids = encodeArray('uuid', events.length, (i) => events[i] && uuidOf(events[i].id)).bytes;
    const hashes = encodeArray('integer', events.length, (i) => events[i]?.hash).bytes;
    const text = `DELETE FROM dbw.processed_events p USING unnest($1::date[], $2::uuid[], $3::integer[]) AS x (day, id, hash)
      WHERE p.day = x.day AND p.id = x.id AND p.hash = x.hash`;
    await session.run(statement(text, [days, ids, hashes]));
  }
}

/** Whether a claim failed because its day has no partition any more: another process has dropped it, or this is an older copy. */
export function lacksDay(error: unknown): boolean {
  const { sqlState, table } = faultOf(error) ?? {};
  return sqlState === '23514' && table === 'processed_events';
}
