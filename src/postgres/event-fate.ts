import { eventKey } from './processed.js';
import type { Session } from './session.js';

/** What an event that is parked waits for. Times are ISO 8601. */
export interface Wait {
  readonly table: string;
  /** Of the row; a value of the event. */
  readonly key: string;
  readonly since: string;
  readonly attempts: number;
  /** When it was given up; it is applied all the same should the row come. */
  readonly deadAt: string | null;
}

/** What the database knows of an event. */
export interface EventFate {
  /** The content hashes under which the id was processed: none, or one. */
  readonly processed: readonly number[];
  readonly waits: readonly Wait[];
}

function isoOf(time: unknown): string | null {
  return time instanceof Date ? time.toISOString() : null;
}

/** Whether an event has been processed, and what it waits for. */
export async function fateOf(session: Session, eventId: string): Promise<EventFate> {
  const id = eventKey(eventId).toString('hex');
  const hashes = await session.query('SELECT hash FROM dbw.processed_events WHERE id = $1::uuid', [id]);
  const waiting = await session.query(
    `SELECT wait_table, wait_key, parked_at, attempts, dead_at FROM dbw.parked_events WHERE id = $1::uuid ORDER BY parked_at`,
    [id],
  );
  return {
    processed: hashes.rows.map(([hash]) => Number(hash)),
    waits: waiting.rows.map(([table, key, since, attempts, deadAt]) => ({
      table: String(table),
      key: String(key),
      since: isoOf(since) ?? '',
      attempts: Number(attempts),
      deadAt: isoOf(deadAt),
    })),
  };
}
