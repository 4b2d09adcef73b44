import type { Guilty } from './bisect.js';
import { blame, Bug, mayBeOneEvents } from './blame.js';
import { pause } from '../waiting/backoff.js';
import type { Event, Refusal } from '../event/decode.js';
import { faultOf } from '../failures/failure.js';
import { placeOf } from '../event/message.js';
import { Patience, type PatienceContext } from './patience.js';
import type { Store } from './store.js';
import type { Written } from './written.js';

export interface RefusedEvent {
  readonly event: Event;
  readonly refusal: Refusal;
  /** How often the event was tried alone. */
  readonly attempts: number;
}

export interface Persisted {
  readonly written: readonly Written[];
  readonly refused: readonly RefusedEvent[];
}

/** What of a store it takes to write a batch. */
export type WritingStore = Pick<Store, 'condition' | 'forget' | 'isolate' | 'write'>;

interface Context extends PatienceContext {
  readonly store: WritingStore;
}

/** What the database's complaint about one event says, without a value of it. */
export function refusalOf(event: Event, error: unknown): Refusal {
  const about = { eventId: event.id, eventType: event.type.type };
  if (error instanceof Bug) {
    const code = error.origin instanceof Error ? error.origin.name : 'unknown';
    return { ...about, reason: 'bug', code, path: '', message: `a handler failed over the event (${code})` };
  }
  const fault = faultOf(error);
  const path = [fault?.table, fault?.constraint].filter((part) => part !== undefined).join('.');
  return {
    ...about,
    reason: blame(error).class === 'bug' ? 'bug' : 'database',
    code: fault?.sqlState ?? 'unknown',
    path,
    message: `PostgreSQL refused the event${path ? ` (${path})` : ''}`,
  };
}

/** Where in the code an error comes from; its message may hold values of the event. */
function stackOf(error: unknown): string | undefined {
  const { stack } = error instanceof Error ? error : {};
  return stack
    ?.split('\n')
    .filter((line) => /^\s+at /.test(line))
    .join('\n');
}

/**
 * Writes a batch, whatever it takes: again while the database is away or ill; where it refuses events, all others in one
 * transaction without them. Nothing is given up but single events that the database refuses for what they say.
 *
 * @throws the last error, once the signal is aborted
 */
export async function persist(events: readonly Event[], context: Context): Promise<Persisted> {
  const work = new Work(context);
  try {
    await work.write(events);
  } finally {
    work.end();
  }
  return work;
}

/** `persist` in one context, for who may put another store in the place of the context's own. */
export function persisting(
  context: Context,
): (events: readonly Event[], watch?: (store: WritingStore) => WritingStore) => Promise<Persisted> {
  return (events, watch) => persist(events, watch ? { ...context, store: watch(context.store) } : context);
}

/** What a try left to do: events that failed alone, and whether others could be written. */
interface Step {
  readonly guilty: readonly Guilty<Event>[];
  readonly applied: boolean;
}

/** One batch on its way. */
class Work implements Persisted {
  readonly written: Written[] = [];
  readonly refused: RefusedEvent[] = [];
  private readonly patience: Patience;
  private hasForgotten = false;

  constructor(private readonly context: Context) {
    this.patience = new Patience(context.store.condition, context);
  }

  end(): void {
    this.patience.end();
  }

  /** Writes events together, again and again, until all are written, refused, or proven to fail each for itself. */
  async write(events: readonly Event[]): Promise<void> {
    const { condition } = this.context.store;
    const { commits } = condition;
    for (let left = events; left.length > 0;) {
      const { guilty, applied } = await this.step(left);
      const unclear = this.refuse(guilty, 1);
      const [first] = unclear;
      if (!first) return;
      // Where others can be written it is these events. A single one is compared with the batches of other writers.
      const isTheirs = applied || (unclear.length === 1 && condition.commits > commits);
      if (isTheirs) return this.writeEach(unclear);
      await this.patience.wait(first.error, unclear.length === 1 ? 'commit' : 'recovery');
      left = unclear.map(({ item }) => item);
    }
  }

  /** Tries events alone, each as often as is configured; what fails for a known reason meanwhile is treated so. */
  private async writeEach(guilty: readonly Guilty<Event>[]): Promise<void> {
    const { retry, signal, onRetry } = this.context;
    let left = guilty;
    for (let attempt = 1; left.length > 0; attempt++) {
      for (const { error } of left) onRetry(blame(error).class);
      const ms = pause(retry.delayMs, attempt, retry.exponential);
      await this.context.store.condition.wait(ms, signal, 'nothing');
      if (signal.aborted) throw left[0]?.error;
      const again: Guilty<Event>[] = [];
      for (const { item } of left) again.push(...(await this.step([item])).guilty);
      const unclear = this.refuse(again, attempt);
      if (attempt >= retry.attempts) this.giveUp(unclear, attempt);
      left = attempt >= retry.attempts ? [] : unclear;
    }
  }

  /** Writes events, or what can be written of them; waits while nothing can that fails for no event's sake. */
  private async step(events: readonly Event[]): Promise<Step> {
    const { store, signal, onRetry } = this.context;
    for (;;) {
      let failure: unknown;
      try {
        this.took(await store.write(events));
        return { guilty: [], applied: true };
      } catch (error) {
        failure = error;
      }
      if (signal.aborted) throw failure;
      const { class: kind, halve } = blame(failure);
      if (kind === 'dependency' && !this.hasForgotten) {
        // A row that we believed in is gone: what needs it has to wait for it.
        this.hasForgotten = true;
        store.forget();
        onRetry(kind);
        continue;
      }
      const [event] = events;
      const isOneEvents = mayBeOneEvents(blame(failure));
      if (isOneEvents && events.length === 1 && event)
        return { guilty: [{ item: event, error: failure }], applied: false };
      if (isOneEvents || (halve && events.length > 1)) {
        onRetry(kind);
        try {
          const { written, guilty } = await store.isolate(events);
          this.took(written);
          return { guilty, applied: written.applied.length > 0 };
        } catch (error) {
          failure = error;
        }
      }
      await this.patience.wait(failure);
    }
  }

  private took(written: Written): void {
    const { applied, duplicates, collisions, waiting } = written;
    if (applied.length + duplicates.length + collisions.length + waiting.length === 0) return;
    this.written.push(written);
    this.patience.rewarded();
  }

  /** Refuses the events that cannot be written for what they say; returns the others. */
  private refuse(guilty: readonly Guilty<Event>[], attempts: number): Guilty<Event>[] {
    const isClear = ({ error }: Guilty<Event>) => ['data', 'dependency', 'bug'].includes(blame(error).class);
    this.giveUp(guilty.filter(isClear), attempts);
    return guilty.filter((one) => !isClear(one));
  }

  private giveUp(guilty: readonly Guilty<Event>[], attempts: number): void {
    for (const { item: event, error } of guilty) {
      if (error instanceof Bug) {
        const about = { at: placeOf(event.message), eventType: event.type.type, stack: stackOf(error.origin) };
        this.context.log.error(about, 'our own code failed over an event, which is refused: please report it');
      }
      this.refused.push({ event, refusal: refusalOf(event, error), attempts });
    }
  }
}
