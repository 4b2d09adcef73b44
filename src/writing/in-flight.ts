import type { Event } from '../event/decode.js';
import { Keys, makesAwaitable, type RowKeys } from '../tables/resolve.js';
import type { Written } from './written.js';

/** A batch on its way into the database. */
export interface Batch {
  /** The rows that it is going to make; asked seldom. */
  readonly makes: () => RowKeys;
  /** Of its events; asked seldom. */
  readonly ids: () => ReadonlySet<string>;
  /** What was written of it; undefined where it failed. */
  readonly done: Promise<Written | undefined>;
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

/**
 * Leaves out what other batches are about to write: what is delivered twice comes close together, mostly.
 *
 * @returns also those that were left out, and the batches that have them
 */
export function withoutTwins(
  events: readonly Event[],
  older: readonly Batch[],
): { readonly rest: readonly Event[]; readonly twins: readonly Event[]; readonly makers: readonly Batch[] } {
  const idsOf = older.map((batch) => ({ batch, ids: batch.ids() }));
  const makers = new Set<Batch>();
  const rest: Event[] = [];
  const twins: Event[] = [];
  for (const event of events) {
    let isTwin = false;
    for (const { batch, ids } of idsOf) {
      if (!ids.has(event.id)) continue;
      makers.add(batch);
      isTwin = true;
    }
    (isTwin ? twins : rest).push(event);
  }
  return { rest, twins, makers: [...makers] };
}

/** Which of these events were written by batches of these outcomes, with this very content. */
export function writtenAmong(events: readonly Event[], outcomes: readonly (Written | undefined)[]): ReadonlySet<Event> {
  const hashes = new Map<string, number>();
  for (const outcome of outcomes) {
    for (const { id, hash } of [...(outcome?.applied ?? []), ...(outcome?.duplicates ?? [])]) hashes.set(id, hash);
  }
  return new Set(events.filter(({ id, hash }) => hashes.get(id) === hash));
}

/** The batches that are being written. */
export class InFlight {
  /** No set: of those that grow and shrink V8 keeps former tables for a while, and whatever was in them. */
  private batches: readonly Batch[] = [];

  /**
   * Does work for a batch, which is in flight meanwhile and knows which others began before it.
   *
   * @param outcomeOf what of the batch was written
   */
  async during<T>(
    events: readonly Event[],
    outcomeOf: (result: T) => Written,
    write: (older: readonly Batch[]) => Promise<T>,
  ): Promise<T> {
    const work = write(this.batches);
    let made: RowKeys | undefined;
    let ids: ReadonlySet<string> | undefined;
    const batch: Batch = {
      makes: () => (made ??= madeBy(events)),
      ids: () => (ids ??= new Set(events.map(({ id }) => id))),
      done: work.then(outcomeOf, () => undefined),
    };
    this.batches = [...this.batches, batch];
    try {
      return await work;
    } finally {
      this.batches = this.batches.filter((one) => one !== batch);
    }
  }
}
