import { setTimeout as delay } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import { backoff } from '../waiting/backoff.js';
import { blame } from './blame.js';
import { divided, type Guilty } from './bisect.js';
import type { Event } from '../event/decode.js';
import { eventKey } from '../postgres/processed.js';
import { Session } from '../postgres/session.js';
import { Keys, resolve, type Waiting } from '../tables/resolve.js';
import { madeBy } from './in-flight.js';
import { isolate } from './isolate.js';
import { needed, needsOf } from './resolver.js';
import type { Store } from './store.js';
import type { Table } from '../tables/table.js';

/** What would become of events. Each is in exactly one of the lists. */
export interface Rehearsed {
  readonly applied: readonly Event[];
  readonly duplicates: readonly Event[];
  readonly waiting: readonly Waiting[];
  readonly guilty: readonly Guilty<Event>[];
  /** Events of which it could not be found out, because others hold the rows: nobody is made to wait for a rehearsal. */
  readonly unclear: readonly Event[];
  /** Where events are applied again: rows that do not hold what they last said, at most. */
  readonly repaired?: number;
}

/** Who writes beside us must not wait: a lock that is not there at once is not waited for. */
const LOCK_TIMEOUT = "SET LOCAL lock_timeout = '100ms'";
const TRIES = 5;
const RETRY_MS = 50;

/** Events that need rows which are not there, but would be, and those that need what these make. */
function leaning(events: readonly Event[], isPromised: (table: Table, key: string) => boolean): ReadonlySet<Event> {
  const found = new Set<Event>();
  const made = new Keys();
  for (let before = -1; before !== found.size;) {
    before = found.size;
    for (const event of events) {
      if (found.has(event)) continue;
      const lacks = lacksOf(event, (table, key) => isPromised(table, key) || made.has(table, key));
      if (lacks.isEmpty) continue;
      found.add(event);
      made.addAll(madeBy([event]));
    }
  }
  return found;
}

/**
 * Finds out what would become of events without changing anything: each batch is written in a transaction that is rolled
 * back. What earlier batches would have brought is remembered, their rows and their ids. An event that needs such a row
 * cannot be tried in the tables, where the row is missing: it counts as applied where its id is new.
 */
export class Rehearsal {
  private readonly rows = new Keys();
  /** Ids that would be claimed, as 16 bytes each. */
  private readonly ids = new Set<string>();
  /** Events that would wait: rows that are not there, and rows that they would make. */
  private readonly waiters = new Map<string, { readonly lacks: Keys; readonly makes: Keys }>();

  constructor(
    private readonly dataSource: DataSource,
    private readonly store: Store,
    private readonly signal: AbortSignal,
  ) {}

  /** @throws what is no event's own: the database is away or ill */
  async of(events: readonly Event[]): Promise<Rehearsed> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await Session.with(this.dataSource, (session) => this.try(session, events));
      } catch (error) {
        const { class: kind, halve } = blame(error);
        if ((kind !== 'transient' && !halve) || this.signal.aborted) throw error;
        if (attempt < TRIES) {
          await delay(backoff(RETRY_MS, attempt), undefined, { signal: this.signal }).catch(() => undefined);
        } else if (events.length === 1) {
          return { applied: [], duplicates: [], waiting: [], guilty: [], unclear: events };
        } else {
          return sum([await this.of(divided(events)[0] ?? []), await this.of(divided(events)[1] ?? [])]);
        }
      }
    }
  }

  private async try(session: Session, events: readonly Event[]): Promise<Rehearsed> {
    const { store } = this;
    const { marked, unmarked } = await store.knownEvents.sift(session, events);
    const repeated = unmarked.filter(({ id }) => this.ids.has(idOf(id)));
    const rest = repeated.length === 0 ? unmarked : unmarked.filter(({ id }) => !this.ids.has(idOf(id)));
    const found = await needed(session, rest);
    const resolved = resolve(rest, (table, key) => found.has(table, key) || this.rows.has(table, key));
    const leans = leaning(resolved.applicable, (table, key) => !found.has(table, key) && this.rows.has(table, key));
    const plain = resolved.applicable.filter((event) => !leans.has(event));
    const { written, guilty, claimed } = await session.rehearsal(async () => {
      await session.query(LOCK_TIMEOUT);
      const isolated = await isolate(session, plain, (group) => store.writeGroup(session, group));
      const claims = leans.size === 0 ? undefined : await store.claim(session, [...leans]);
      return { ...isolated, claimed: claims };
    });
    const applied = [...written.applied, ...(claimed?.fresh ?? [])];
    for (const event of applied) this.promise(event);
    const waiting = [...resolved.waiting, ...written.waiting];
    for (const { event } of waiting) {
      this.waiters.set(event.id, {
        lacks: lacksOf(event, (table, key) => !found.has(table, key)),
        makes: madeBy([event]),
      });
    }
    return {
      applied,
      duplicates: [
        ...marked,
        ...repeated,
        ...resolved.repeated,
        ...resolved.collisions,
        ...written.duplicates,
        ...written.collisions,
        ...(claimed?.duplicates ?? []),
        ...(claimed?.collisions ?? []),
      ],
      waiting,
      guilty,
      unclear: [],
      repaired: written.repaired ?? 0,
    };
  }

  private promise(event: Event): void {
    this.ids.add(idOf(event.id));
    this.rows.addAll(madeBy([event]));
  }

  /**
   * Which of the events that had to wait would be applied in the end, because what they wait for came with a later one.
   *
   * @returns their ids
   */
  came(): string[] {
    const came: string[] = [];
    for (let before = -1; before !== came.length;) {
      before = came.length;
      for (const [id, { lacks, makes }] of this.waiters) {
        const isComplete = [...lacks.byTable].every(([table, keys]) =>
          [...keys].every((key) => this.rows.has(table, key)),
        );
        if (!isComplete) continue;
        came.push(id);
        this.waiters.delete(id);
        this.rows.addAll(makes);
      }
    }
    return came;
  }
}

/** The rows that an event needs, lacks and does not make. */
function lacksOf(event: Event, isLacking: (table: Table, key: string) => boolean): Keys {
  const own = madeBy([event]);
  return needsOf([event], (table, key) => own.has(table, key) || !isLacking(table, key));
}

function idOf(id: string): string {
  return eventKey(id).toString('latin1');
}

function sum(all: readonly Rehearsed[]): Rehearsed {
  return {
    applied: all.flatMap(({ applied }) => applied),
    duplicates: all.flatMap(({ duplicates }) => duplicates),
    waiting: all.flatMap(({ waiting }) => waiting),
    guilty: all.flatMap(({ guilty }) => guilty),
    unclear: all.flatMap(({ unclear }) => unclear),
    repaired: all.reduce((sum, { repaired = 0 }) => sum + repaired, 0),
  };
}
