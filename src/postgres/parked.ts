import type { Event } from '../event/decode.js';
import type { Message } from '../event/message.js';
import type { Need, Waiting } from '../tables/resolve.js';
import { encodeArray } from './arrays.js';
import { readHeaders, storedHeaders } from './headers.js';
import { eventKey } from './processed.js';
import type { Session, Tuple } from './session.js';
import { statement } from './statements.js';

/** What a parked event is known by: two deliveries of one event are one. */
interface Identity {
  readonly id: Buffer;
  readonly hash: number;
}

/** A parked event's message, and how often it was tried. */
export interface Parked extends Identity {
  readonly message: Message;
  readonly attempts: number;
  readonly waitTable: string;
  readonly waitKey: string;
}

const COLUMNS = `uuid_send(id), hash, topic, partition, "offset", key, value, headers, (extract(epoch FROM produced_at) * 1000)::float8,
  attempts, wait_table, wait_key`;

function read(tuple: Tuple): Parked {
  const [id, hash, topic, partition, offset, key, value, headers, timestamp, attempts, waitTable, waitKey] = tuple;
  const message: Message = {
    topic: String(topic),
    partition: Number(partition),
    offset: Number(offset),
    key: Buffer.isBuffer(key) ? key : null,
    value: Buffer.isBuffer(value) ? value : null,
    headers: readHeaders(headers),
    timestamp: Number(timestamp),
  };
  return {
    id: Buffer.isBuffer(id) ? id : Buffer.alloc(16),
    hash: Number(hash),
    message,
    attempts: Number(attempts),
    waitTable: String(waitTable),
    waitKey: String(waitKey),
  };
}

function places(messages: readonly Message[]): Buffer[] {
  return [
    encodeArray('text', messages.length, (i) => messages[i]?.topic).bytes,
    encodeArray('integer', messages.length, (i) => messages[i]?.partition).bytes,
    encodeArray('bigint', messages.length, (i) => messages[i]?.offset).bytes,
  ];
}

/** The parameters that say which parked events a statement is about. */
function identities(parked: readonly Identity[]): Buffer[] {
  return [
    encodeArray('uuid', parked.length, (i) => parked[i]?.id).bytes,
    encodeArray('integer', parked.length, (i) => parked[i]?.hash).bytes,
  ];
}

function identityOf(event: Event): Identity {
  return { id: eventKey(event.id), hash: event.hash };
}

/**
 * Parks events with their messages; one that is parked already stays as it is.
 *
 * @returns those that were not parked before
 */
export async function park(session: Session, waiting: readonly Waiting[]): Promise<readonly Waiting[]> {
  const events = waiting.map(({ event }) => event);
  const messages = events.map(({ message }) => message);
  const text = `INSERT INTO dbw.parked_events
      (topic, partition, "offset", key, value, headers, produced_at, event_id, event_type, wait_table, wait_key, id, hash)
    SELECT * FROM unnest($1::text[], $2::integer[], $3::bigint[], $4::bytea[], $5::bytea[], $6::jsonb[], $7::timestamptz[],
      $8::text[], $9::text[], $10::text[], $11::text[], $12::uuid[], $13::integer[]) AS x (topic, partition, "offset", key,
      value, headers, produced_at, event_id, event_type, wait_table, wait_key, id, hash) ORDER BY id, hash
    ON CONFLICT (id, hash) DO NOTHING RETURNING uuid_send(id), hash`;
  const column = (type: 'bytea' | 'jsonb' | 'timestamptz' | 'text', valueAt: (i: number) => unknown) =>
    encodeArray(type, waiting.length, valueAt).bytes;
  const { rows } = await session.run(
    statement(text, [
      ...places(messages),
      column('bytea', (i) => messages[i]?.key),
      column('bytea', (i) => messages[i]?.value),
      column('jsonb', (i) => messages[i] && storedHeaders(messages[i].headers)),
      column('timestamptz', (i) => (messages[i]?.timestamp ?? 0) * 1000),
      column('text', (i) => events[i]?.id),
      column('text', (i) => events[i]?.type.type),
      column('text', (i) => waiting[i]?.need.table.name),
      column('text', (i) => waiting[i]?.need.key),
      ...identities(events.map(identityOf)),
    ]),
  );
  const nameOf = (id: unknown, hash: unknown) => `${Buffer.isBuffer(id) ? id.toString('hex') : ''}:${String(hash)}`;
  const parked = new Set(rows.map(([id, hash]) => nameOf(id, hash)));
  // Each name once: of two deliveries in one batch the first is parked.
  return waiting.filter(({ event }) => parked.delete(nameOf(eventKey(event.id), event.hash)));
}

/** Takes events out that were applied, or turned out to be duplicates. */
export async function unpark(session: Session, events: readonly Event[]): Promise<void> {
  if (events.length === 0) return;
  const text = `DELETE FROM dbw.parked_events p USING unnest($1::uuid[], $2::integer[]) AS x (id, hash)
    WHERE p.id = x.id AND p.hash = x.hash`;
  await session.run(statement(text, identities(events.map(identityOf))));
}

/** Events that were tried and wait again, now maybe for another row. */
export async function repark(session: Session, waiting: readonly Waiting[]): Promise<void> {
  if (waiting.length === 0) return;
  const text = `UPDATE dbw.parked_events p SET wait_table = x.wait_table, wait_key = x.wait_key, attempts = p.attempts + 1
    FROM unnest($1::uuid[], $2::integer[], $3::text[], $4::text[]) AS x (id, hash, wait_table, wait_key)
    WHERE p.id = x.id AND p.hash = x.hash`;
  const tables = encodeArray('text', waiting.length, (i) => waiting[i]?.need.table.name).bytes;
  const keys = encodeArray('text', waiting.length, (i) => waiting[i]?.need.key).bytes;
  await session.run(statement(text, [...identities(waiting.map(({ event }) => identityOf(event))), tables, keys]));
}

/** A parked event was tried in vain. */
export async function countAttempt(session: Session, parked: Parked): Promise<void> {
  const text = `UPDATE dbw.parked_events p SET attempts = p.attempts + 1
    FROM unnest($1::uuid[], $2::integer[]) AS x (id, hash) WHERE p.id = x.id AND p.hash = x.hash`;
  await session.run(statement(text, identities([parked])));
}

/**
 * Locks parked events that wait for one of these rows. Those that another transaction has are left to it.
 *
 * @param wanted rows, each once
 * @param limit how many at the most
 */
export async function lockWaitingFor(session: Session, wanted: readonly Need[], limit: number): Promise<Parked[]> {
  const tables = encodeArray('text', wanted.length, (i) => wanted[i]?.table.name).bytes;
  const keys = encodeArray('text', wanted.length, (i) => wanted[i]?.key).bytes;
  const text = `SELECT ${COLUMNS} FROM unnest($1::text[], $2::text[]) AS x (of_table, of_key)
    JOIN dbw.parked_events p ON p.wait_table = x.of_table AND p.wait_key = x.of_key
    ORDER BY topic, partition, "offset" LIMIT $3 FOR UPDATE OF p SKIP LOCKED`;
  const { rows } = await session.run(statement(text, [tables, keys, limit]));
  return rows.map(read);
}

/** Locks events that have waited long enough to be given up, the longest waiting first. */
export async function lockDue(session: Session, table: string, timeoutMs: number, limit: number): Promise<Parked[]> {
  const text = `SELECT ${COLUMNS} FROM dbw.parked_events WHERE dead_at IS NULL AND wait_table = $1
    AND parked_at <= clock_timestamp() - $2::float8 * interval '1 millisecond' ORDER BY parked_at LIMIT $3 FOR UPDATE SKIP LOCKED`;
  const { rows } = await session.query(text, [table, timeoutMs, limit]);
  return rows.map(read);
}

/** Marks events whose letters were written; they stay parked. */
export async function markDead(session: Session, parked: readonly Parked[]): Promise<void> {
  const text = `UPDATE dbw.parked_events p SET dead_at = clock_timestamp() FROM unnest($1::uuid[], $2::integer[]) AS x (id, hash)
    WHERE p.id = x.id AND p.hash = x.hash`;
  await session.run(statement(text, identities(parked)));
}

/**
 * The rows that events wait for, one for each event: the name of a table and a key.
 *
 * @param most events that may be parked
 * @returns undefined where more are
 */
export async function awaitedByFew(
  session: Session,
  most: number,
): Promise<readonly (readonly [table: string, key: string])[] | undefined> {
  const { rows } = await session.run(
    statement('SELECT wait_table, wait_key FROM dbw.parked_events LIMIT $1', [most + 1]),
  );
  return rows.length > most ? undefined : rows.map(([table, key]) => [String(table), String(key)]);
}

/** Which of these tables events wait for rows of, be it given up. */
export async function awaitedTables(session: Session, names: readonly string[]): Promise<ReadonlySet<string>> {
  const { bytes } = encodeArray('text', names.length, (i) => names[i]);
  const text = `SELECT name FROM unnest($1::text[]) AS x (name)
    WHERE EXISTS (SELECT FROM dbw.parked_events WHERE wait_table = name)`;
  const { rows } = await session.run(statement(text, [bytes]));
  return new Set(rows.map(([name]) => String(name)));
}

/** A page of the rows that parked events wait for, in key order after `after`; `recentMs` limits it to events parked since. */
export async function awaited(
  session: Session,
  table: string,
  after: string,
  recentMs: number | undefined,
  limit: number,
): Promise<string[]> {
  const recent =
    recentMs === undefined ? '' : `AND parked_at > clock_timestamp() - interval '${recentMs} milliseconds'`;
  const text = `SELECT DISTINCT wait_key COLLATE "C" FROM dbw.parked_events
    WHERE wait_table = $1 AND wait_key COLLATE "C" > $2 ${recent} ORDER BY 1 LIMIT $3`;
  const { rows } = await session.run(statement(text, [table, after, limit]));
  return rows.map(([key]) => String(key));
}

export interface ParkedCount {
  readonly waiting: number;
  readonly dead: number;
  /** Milliseconds that the one which waits the longest has waited. */
  readonly oldestMs: number;
}

/** How many events are parked. */
export async function countParked(session: Session): Promise<ParkedCount> {
  const { rows } = await session.query(
    `SELECT count(*) FILTER (WHERE dead_at IS NULL)::float8, count(dead_at)::float8,
      coalesce(extract(epoch FROM clock_timestamp() - min(parked_at) FILTER (WHERE dead_at IS NULL)) * 1000, 0)::float8
     FROM dbw.parked_events`,
  );
  const [waiting, dead, oldestMs] = rows[0] ?? [];
  return { waiting: Number(waiting), dead: Number(dead), oldestMs: Number(oldestMs) };
}
