import type { Event } from '../event/decode.js';
import { has, Keys, makesAwaitable, type RowKeys, type Waiting } from '../tables/resolve.js';

/** A batch on its way into the database. */
export interface Batch {
  /** The rows that it is going to make; asked seldom. */
  readonly makes: () => RowKeys;
  readonly done: Promise<unknown>;
}

/** The rows that events make, if they can be written, as far as others may need them. */
export function madeBy(events: readonly Event[]): Keys {
  const makes = new Keys();
  for (const event of events) {
    try {
      for (const change of event.changes) {
        if (makesAwaitable(change)) makes.add(change.table, change.table.keyOf(change.row));
      }
    } catch {
      // An event that breaks our code makes no rows; whoever tries to write it says so.
    }
  }
  return makes;
}

/** The batches that are being written. */
export class InFlight {
  private readonly batches = new Set<Batch>();

  /** Does work for a batch, which is in flight meanwhile and knows which others began before it. */
  async during<T>(events: readonly Event[], write: (older: readonly Batch[]) => Promise<T>): Promise<T> {
    const older = [...this.batches];
    let made: RowKeys | undefined;
    const work = write(older);
    const batch: Batch = { makes: () => (made ??= madeBy(events)), done: work.catch(() => undefined) };
    this.batches.add(batch);
    try {
      return await work;
    } finally {
      this.batches.delete(batch);
    }
  }
}

/** Those of these batches that make a row for which an event waits. */
export function makersFor(waiting: readonly Waiting[], batches: readonly Batch[]): Batch[] {
  return batches.filter(({ makes }) => waiting.some(({ need }) => has(makes(), need.table, need.key)));
}
