import type { Event } from '../event/decode.js';
import { Keys, makesAwaitable, type RowKeys } from '../tables/resolve.js';

/** A batch on its way into the database. */
export interface Batch {
  /** The rows that it is going to make; asked seldom. */
  readonly makes: () => RowKeys;
  /** Of its events; asked seldom. */
  readonly ids: () => ReadonlySet<string>;
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

/**
 * Leaves out what other batches are about to write: what is delivered twice comes close together, mostly.
 *
 * @returns also those that were left out, and the batches that have them
 */
export function withoutTwins(
  events: readonly Event[],
  older: readonly Batch[],
): { readonly rest: readonly Event[]; readonly twins: readonly Event[]; readonly makers: readonly Batch[] } {
  const makers = older.filter(({ ids }) => events.some(({ id }) => ids().has(id)));
  if (makers.length === 0) return { rest: events, twins: [], makers };
  const isTwin = ({ id }: Event) => makers.some(({ ids }) => ids().has(id));
  return { rest: events.filter((event) => !isTwin(event)), twins: events.filter(isTwin), makers };
}

/** A batch whose events are let go as soon as it has ended: later ones hold on to it, and need only its ids then. */
class Flight implements Batch {
  private made: RowKeys | undefined;
  private known: ReadonlySet<string> | undefined;
  private endedWith: readonly string[] = [];

  constructor(
    private events: readonly Event[],
    readonly done: Promise<unknown>,
  ) {}

  // What it made is known, once it has ended, by other means.
  readonly makes = (): RowKeys => (this.made ??= madeBy(this.events));
  readonly ids = (): ReadonlySet<string> =>
    (this.known ??= new Set([...this.endedWith, ...this.events.map(({ id }) => id)]));

  end(): void {
    this.endedWith = this.events.map(({ id }) => id);
    this.events = [];
  }
}

/** The batches that are being written. */
export class InFlight {
  /** No set: of those that grow and shrink V8 keeps former tables for a while, and whatever was in them. */
  private batches: readonly Batch[] = [];

  /** Does work for a batch, which is in flight meanwhile and knows which others began before it. */
  async during<T>(events: readonly Event[], write: (older: readonly Batch[]) => Promise<T>): Promise<T> {
    const work = write(this.batches);
    const ended = () => undefined; // what it has come to is nobody else's, and would be kept
    const batch = new Flight(events, work.then(ended, ended));
    this.batches = [...this.batches, batch];
    try {
      return await work;
    } finally {
      this.batches = this.batches.filter((one) => one !== batch);
      batch.end();
    }
  }
}
