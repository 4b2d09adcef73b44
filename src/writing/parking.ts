import type { Logger } from 'pino';
import type { DataSource } from 'typeorm';
import { AwaitedRows } from './awaited.js';
import { decode, type Decoded, type Event, type Refusal } from '../event/decode.js';
import type { EventType } from '../event/event.js';
import { blame, mayBeOneEvents } from './blame.js';
import { faultOf } from '../failures/failure.js';
import { placeOf, type Message } from '../event/message.js';
import {
  countAttempt,
  countParked,
  lockDue,
  lockWaitingFor,
  markDead,
  repark,
  unpark,
  type Parked,
  type ParkedCount,
} from '../postgres/parked.js';
import { identityOf } from '../postgres/identity.js';
import { Session } from '../postgres/session.js';
import { Keys, type Need, type RowKeys } from '../tables/resolve.js';
import { type Store } from './store.js';
import { Collided, type Written } from './written.js';
import type { Table } from '../tables/table.js';

const BATCH = 1_000;
const PAGE = 5_000;

/** A parked event that cannot be applied after all, or has waited in vain. */
export interface GivenUp {
  readonly message: Message;
  readonly refusal: Refusal;
  readonly attempts: number;
}

interface Context {
  readonly dataSource: DataSource;
  readonly store: Store;
  readonly registry: ReadonlyMap<string, EventType>;
  readonly tables: readonly Table[];
  readonly prefix: string;
  /** Tries of an event that fails for an unknown reason. */
  readonly maxAttempts: number;
  readonly log: Logger;
  readonly onWritten: (written: Written) => void;
  /** Resolves when the dead-letter topic has them. */
  readonly sendLetters: (letters: readonly GivenUp[]) => Promise<void>;
}

/** Applies parked events when what they wait for comes, and gives up those that have waited in vain. */
export class Parking {
  private wanted = new Keys();
  /** Whether events may be parked; true until a look says otherwise. */
  private occupied = true;
  /** How many events are parked: as counted last, and what this process has parked since. */
  size = 0;
  /** Tables whose rows events may wait for. */
  private readonly awaitable: readonly Table[];
  private readonly awaited: AwaitedRows;

  constructor(private readonly context: Context) {
    this.awaitable = context.tables.filter(({ isAwaitable }) => isAwaitable);
    this.awaited = new AwaitedRows(context.dataSource, this.awaitable);
  }

  /** Rows were made: events that wait for them are tried by the next `wakeWanted`. */
  private want(created: RowKeys): void {
    for (const table of this.awaitable) {
      for (const key of created.byTable.get(table)?.keys() ?? []) this.wanted.add(table, key);
    }
  }

  /** Whether rows were made since the last `wakeWanted` for which events may wait. */
  get isWanted(): boolean {
    return this.wanted.byTable.size > 0;
  }

  /** A batch was written: its rows may be waited for, and its events may have been parked. */
  noticed({ created, waiting }: Pick<Written, 'created' | 'waiting'>): void {
    if (waiting.length > 0) this.occupied = true;
    this.size += waiting.length;
    // Where nothing is parked, nothing waits; what other processes park meanwhile is found by the sweep.
    if (this.occupied) this.want(created);
  }

  /** Whether any event is parked, by whichever process. */
  async isOccupied(): Promise<boolean> {
    const [{ occupied }]: [{ occupied: boolean }] = await this.context.dataSource.query(
      'SELECT EXISTS (SELECT FROM dbw.parked_events) AS occupied',
    );
    return (this.occupied = occupied);
  }

  async count(): Promise<ParkedCount> {
    const count = await Session.with(this.context.dataSource, countParked);
    this.size = count.waiting + count.dead;
    return count;
  }

  /** Tables for whose rows events have waited longer than this. */
  async tablesWithDue(timeoutMs: number): Promise<Table[]> {
    const rows: { wait_table: string }[] = await this.context.dataSource.query(
      `SELECT DISTINCT wait_table FROM dbw.parked_events
       WHERE dead_at IS NULL AND parked_at <= clock_timestamp() - $1::float8 * interval '1 millisecond'`,
      [timeoutMs],
    );
    return this.awaitable.filter(({ name }) => rows.some(({ wait_table }) => wait_table === name));
  }

  /** Tries events that wait for rows that were made, and those that wait for these in turn. */
  async wakeWanted(): Promise<void> {
    while (this.wanted.byTable.size > 0) {
      const { wanted } = this;
      this.wanted = new Keys();
      await this.wakeAll(await this.awaited.among(wanted));
    }
  }

  /**
   * Looks for parked events whose row has come unnoticed: made by another process, or by a writer that passed the parking
   * one.
   *
   * @param all false: where many are parked, only those parked in the last minutes
   */
  async sweep(all: boolean): Promise<void> {
    for await (const needs of this.awaited.there(all)) await this.wakeAll(needs);
    await this.wakeWanted();
  }

  /** Tries the events that wait for these rows. */
  private async wakeAll(needs: readonly Need[]): Promise<void> {
    for (let start = 0; start < needs.length; start += PAGE) {
      const some = needs.slice(start, start + PAGE);
      for (let limit = BATCH; ;) {
        try {
          const { tried, moved } = await this.wake(some, limit);
          if (tried < limit || moved === 0) break;
        } catch (error) {
          if (!mayBeOneEvents(blame(error))) throw error;
          this.context.store.forget();
          // What fails for an unknown reason is left for the next sweep, until it was tried often enough.
          if (limit === 1 && !(await this.refuseFirst(some, error))) break;
          limit = Math.max(1, limit >> 2);
        }
      }
    }
  }

  /** Tries the first events that wait for these rows, in one transaction; returns how many, and how many wait so no longer. */
  private async wake(needs: readonly Need[], limit: number): Promise<{ tried: number; moved: number }> {
    const { dataSource, store, onWritten } = this.context;
    const excluded: Event[] = [];
    for (;;) {
      try {
        return await Session.with(dataSource, async (session) => {
          const identity = await identityOf(session);
          const { tried, moved, written } = await session.transaction(async () => {
            const parked = await lockWaitingFor(session, needs, limit);
            const events = parked.flatMap((one) => this.eventOf(one) ?? []);
            const places = new Set(excluded.map(({ message }) => placeOf(message)));
            const isExcluded = ({ message }: Event) => places.has(placeOf(message));
            const resolved = await store.resolver.resolve(
              session,
              events.filter((event) => !isExcluded(event)),
            );
            const result = await store.apply(session, resolved);
            const written = { ...result, collisions: [...result.collisions, ...events.filter(isExcluded)] };
            const done = [...written.applied, ...written.duplicates, ...written.collisions];
            await unpark(session, done);
            await repark(session, written.waiting);
            return { tried: parked.length, moved: done.length + written.waiting.length, written };
          });
          store.acknowledge(written, identity);
          this.want(written.created);
          onWritten({ ...written, waiting: [] }); // they were counted when they were parked
          return { tried, moved };
        });
      } catch (error) {
        if (!(error instanceof Collided)) throw error;
        excluded.push(...error.events);
      }
    }
  }

  private decoded({ message }: Parked): Decoded {
    return decode(message, this.context.registry, this.context.prefix);
  }

  /** What a parked message says; it was valid when it was parked, and only newer or older code may think otherwise. */
  private eventOf(parked: Parked): Event | undefined {
    const { log } = this.context;
    const decoded = this.decoded(parked);
    if (decoded.kind === 'event') return decoded.event;
    log.error({ at: placeOf(parked.message) }, 'a parked event is valid no longer; it stays parked');
    return undefined;
  }

  /** Refuses the first event that waits for these rows, which alone cannot be written; returns whether it did. */
  private async refuseFirst(needs: readonly Need[], error: unknown): Promise<boolean> {
    const { dataSource, sendLetters, maxAttempts } = this.context;
    const kind = blame(error).class;
    return Session.with(dataSource, (session) =>
      session.transaction(async () => {
        const [first] = await lockWaitingFor(session, needs, 1);
        const event = first && this.eventOf(first);
        if (!event) return false;
        const attempts = first.attempts + 1;
        if (kind === 'unknown' && attempts <= maxAttempts) {
          await countAttempt(session, first);
          return false;
        }
        const refusal: Refusal = {
          reason: kind === 'bug' ? 'bug' : 'database',
          code: faultOf(error)?.sqlState ?? 'unknown',
          path: first.waitTable,
          message: 'the parked event cannot be written',
          eventId: event.id,
          eventType: event.type.type,
        };
        await sendLetters([{ message: event.message, attempts, refusal }]);
        await unpark(session, [event]);
        return true;
      }),
    );
  }

  /**
   * Writes letters for events that wait for a row of this table since before `cutoffMs` ago, each with what is wrong with it
   * by now. They stay parked: should the row come, they are applied. A letter is written while its row is locked, so that no two processes write one.
   *
   * @returns how many were given up
   */
  async giveUp(table: Table, cutoffMs: number): Promise<number> {
    return Session.with(this.context.dataSource, (session) =>
      session.transaction(async () => {
        const due = await lockDue(session, table.name, cutoffMs, BATCH);
        const letters = due.flatMap((parked): GivenUp[] => {
          const decoded = this.decoded(parked);
          if (decoded.kind === 'tombstone') return [];
          const refusal: Refusal =
            decoded.kind === 'refusal'
              ? decoded.refusal
              : {
                  reason: 'missing_reference',
                  code: '23503',
                  path: table.name,
                  message: `the row of ${table.name} that it needs has not come`,
                  eventId: decoded.event.id,
                  eventType: decoded.event.type.type,
                };
          return [{ message: parked.message, refusal, attempts: parked.attempts }];
        });
        await this.context.sendLetters(letters);
        if (due.length > 0) await markDead(session, due);
        return letters.length;
      }),
    );
  }
}
