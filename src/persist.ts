import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { backoff } from './backoff.js';
import type { Event, Refusal } from './decode.js';
import { reasonOf } from './errors.js';
import { classOf, faultOf } from './failure.js';
import { placeOf } from './message.js';
import type { Store, Written } from './store.js';

/** The same for every event: asking more often would not help, asking less often would be noticed. */
const SYSTEMIC_DELAY_MS = 30_000;
/** A parent that we believed in is not there: after this many looks at the database the event itself is at fault. */
const MAX_FORGETTING = 3;

export interface RefusedEvent {
  readonly event: Event;
  readonly refusal: Refusal;
  readonly attempts: number;
}

export interface Persisted {
  readonly written: readonly Written[];
  readonly refused: readonly RefusedEvent[];
}

interface Context {
  readonly store: Store;
  readonly log: Logger;
  readonly delayMs: number;
  readonly onRetry: () => void;
  /** Aborted when the process is to end: what is not written then is read again by the next one. */
  readonly signal: AbortSignal;
}

/** What the database's complaint about one event says, without a value of it. */
function refusalOf(event: Event, error: unknown): Refusal {
  const fault = faultOf(error);
  const path = [fault?.table, fault?.constraint].filter((part) => part !== undefined).join('.');
  return {
    reason: 'database',
    code: fault?.sqlState ?? 'unknown',
    path,
    message: `PostgreSQL refused the event${path ? ` (${path})` : ''}`,
    eventId: event.id,
    eventType: event.type.type,
  };
}

/**
 * Writes a batch, whatever it takes: again while the database is away or ill, in halves until the guilty stand alone
 * where it refuses an event. Nothing is given up but single events that the database refuses for what they say.
 *
 * @throws the last error, once the signal is aborted
 */
export async function persist(events: readonly Event[], context: Context): Promise<Persisted> {
  const { store, log, signal } = context;
  let forgotten = 0;
  for (let attempt = 1; ; attempt++) {
    let failure: unknown;
    try {
      return { written: [await store.write(events)], refused: [] };
    } catch (error) {
      failure = error;
    }
    if (signal.aborted) throw failure;
    context.onRetry();
    const kind = classOf(failure);
    const code = faultOf(failure)?.sqlState;
    if (kind === 'dependency' && forgotten++ < MAX_FORGETTING) {
      store.forget();
      continue;
    }
    const separable =
      kind === 'data' || kind === 'dependency' || kind === 'bug' || code === '54001' || code === '57014';
    if (separable && events.length > 1) {
      const half = events.length >> 1;
      const first = await persist(events.slice(0, half), context);
      const second = await persist(events.slice(half), context);
      return { written: [...first.written, ...second.written], refused: [...first.refused, ...second.refused] };
    }
    const [event] = events;
    if ((kind === 'data' || kind === 'dependency' || kind === 'bug') && event) {
      const refusal = { ...refusalOf(event, failure), ...(kind === 'bug' ? { reason: kind } : {}) };
      return { written: [], refused: [{ event, refusal, attempts: attempt }] };
    }
    const wait = kind === 'transient' ? backoff(context.delayMs, attempt) : SYSTEMIC_DELAY_MS;
    const about = {
      class: kind,
      attempt,
      events: events.length,
      first: event && placeOf(event.message),
      retryInMs: Math.round(wait),
    };
    const message = `cannot write to PostgreSQL: ${reasonOf(failure)}; consumption waits, nothing is lost`;
    if (kind === 'transient') log.warn(about, message);
    else log.error(about, message);
    await delay(wait, undefined, { signal }).catch(() => undefined);
  }
}
