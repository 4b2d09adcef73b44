import type { Logger } from 'pino';
import { backoff } from '../waiting/backoff.js';
import { blame } from './blame.js';
import { troubleOf, type Condition, type Trouble } from './condition.js';
import { reasonOf } from '../errors.js';
import { faultOf, type Failure, type FailureClass } from '../failures/failure.js';

/** The same for every event: asking more often would not help, asking less often would be noticed. */
const SYSTEMIC_DELAY_MS = 30_000;

export interface Retry {
  /** Tries of an event that fails alone for an unknown reason. */
  readonly attempts: number;
  readonly delayMs: number;
  readonly exponential: boolean;
  /** Between tries while nothing can be written; 30 s where absent. */
  readonly systemicMs?: number;
}

export interface PatienceContext {
  readonly log: Logger;
  readonly retry: Retry;
  /** Aborted when the process is to end: what is not written then is read again by the next one. */
  readonly signal: AbortSignal;
  /** Told of every failure after which something is tried again. */
  readonly onRetry: (kind: FailureClass) => void;
  /** Told that nothing can be written now, and why; undefined: now it can again. */
  readonly onTrouble: (trouble: Trouble | undefined) => void;
}

/** What failed, in one line without values of events: a message that may hold one is left out. */
function told(error: unknown, failure: Failure): string {
  const fault = faultOf(error);
  const place = [fault?.table, fault?.constraint].filter((part) => part !== undefined).join('.');
  const isSafe =
    failure.class === 'transient' || (failure.class === 'systemic' && !/^(2|P0)/.test(fault?.sqlState ?? ''));
  const name = error instanceof Error ? error.name : 'unknown error';
  const what = isSafe
    ? reasonOf(error)
    : [fault ? `SQLSTATE ${fault.sqlState}` : name, place].filter(Boolean).join(' at ');
  return [what, failure.reason, failure.remedy?.replace(/\.$/, '')].filter(Boolean).join('; ');
}

/** Waits of one batch, until the database takes it: for a moment where that helps, longer where nothing can be written. */
export class Patience {
  private tries = 0;
  private since = 0;

  constructor(
    private readonly condition: Condition,
    private readonly context: PatienceContext,
  ) {}

  /**
   * Waits after a failure. That of a single event may be the event's after all: then a commit of another writer ends the
   * wait.
   *
   * @throws the error, once the signal is aborted
   */
  async wait(error: unknown, until: 'recovery' | 'commit' = 'recovery'): Promise<void> {
    const { context, condition } = this;
    const { retry, signal, log } = context;
    const failure = blame(error);
    const kind = failure.class === 'transient' ? 'transient' : 'systemic';
    if (this.tries++ === 0) this.since = Date.now();
    context.onRetry(failure.class);
    const reason = told(error, failure);
    const trouble = troubleOf(failure.class, this.tries, reason, this.since);
    if (trouble) this.begin(trouble);
    const { delayMs, systemicMs = SYSTEMIC_DELAY_MS } = retry;
    const ms = kind === 'transient' ? backoff(delayMs, this.tries) : systemicMs;
    log.debug({ class: kind, attempt: this.tries, retryInMs: Math.round(ms) }, `not written: ${reason}`);
    await condition.wait(ms, signal, until);
    if (signal.aborted) throw error;
  }

  private begin(trouble: Trouble): void {
    const { condition, context } = this;
    const before = condition.trouble;
    condition.begin(this, trouble);
    const now = condition.trouble;
    if (now === undefined || (before?.class === now.class && before.reason === now.reason)) return;
    context.onTrouble(now);
    // A server that comes back says many things one after the other.
    if (before?.class === 'transient' && now.class === 'transient') return;
    const message = `PostgreSQL takes no events: ${now.reason}; nothing is lost, it is tried again`;
    context.log.error({ class: now.class, since: new Date(now.since) }, message);
  }

  /** The batch, or a part of it, was written: the next failure is the first. */
  rewarded(): void {
    this.tries = 0;
    const { condition, context } = this;
    if (!condition.end(this) || condition.trouble) return;
    context.onTrouble(undefined);
    context.log.info({ lastedMs: Date.now() - this.since }, 'PostgreSQL takes events again');
  }

  /** Nothing is waited for any more. */
  end(): void {
    this.condition.leave(this);
  }
}
