import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { DataSource } from 'typeorm';
import { backoff } from '../waiting/backoff.js';
import { troubleOf, type Condition } from './condition.js';
import { reasonOf } from '../errors.js';
import { failureOf, type FailureClass } from '../failures/failure.js';
import type { Position } from '../reading/offsets.js';
import { InHand } from '../postgres/in-hand.js';
import { Suspects, type Place, type Range } from './suspects.js';
import type { TopicPartition } from '../kafka/topic-partition.js';

/** A clean end must not wait long for a server that is away. */
const CLOSE_MS = 2_000;

interface Parts {
  readonly dataSource: DataSource;
  readonly groupId: string;
  /** Deaths alone after which a message is given up. */
  readonly maxAttempts: number;
  /** The first delay before something is tried again. */
  readonly delayMs: number;
  /** Told why nothing can be written; ends a wait when PostgreSQL is known to answer again. */
  readonly condition: Pick<Condition, 'begin' | 'end' | 'leave' | 'wait'>;
  /** Something is tried again, after an error of this class. */
  readonly onRetry: (kind: FailureClass) => void;
  /** Aborted when nothing may be waited for any more. */
  readonly signal: AbortSignal;
  readonly log: Logger;
}

/**
 * What this process has in hand, known to the others of its group if it dies; and what those had who died. A message that
 * kills the process so is found: it is one of the suspects, these are written alone, and the deaths over each are counted.
 *
 * `take` belongs inside `Exclusion.shared`, together with the writing; `attempt` and `survived` inside
 * `Exclusion.exclusive`, around it. Then what is recorded alone is all that can be guilty.
 */
export class Hand {
  private readonly inHand: InHand;
  private found = new Suspects([]);

  constructor(private readonly parts: Parts) {
    this.inHand = new InHand(parts.dataSource, parts.groupId);
  }

  /** This process, in `dbw.in_hand`. */
  get instance(): string {
    return this.inHand.instance;
  }

  /** Does `work` until it succeeds: while PostgreSQL is away nothing can be written anyway. */
  private async patiently<T>(what: string, work: () => Promise<T>): Promise<T> {
    const { signal, delayMs, log, condition } = this.parts;
    const since = Date.now();
    const call = {};
    for (let attempt = 1; ; attempt++) {
      try {
        const done = await unlessAborted(signal, work);
        condition.end(call);
        if (attempt > 1) log.info({ attempt }, `could ${what} in PostgreSQL again`);
        return done;
      } catch (error) {
        if (signal.aborted) {
          condition.leave(call);
          throw error;
        }
        const failure = failureOf(error);
        this.parts.onRetry(failure.class);
        const reason = [`cannot ${what}: ${reasonOf(error)}`, failure.remedy?.replace(/\.$/, '')]
          .filter(Boolean)
          .join('; ');
        const trouble = troubleOf(failure.class, attempt, reason, since);
        if (trouble) condition.begin(call, trouble);
        const retryInMs = Math.round(backoff(delayMs, attempt));
        const message = `cannot ${what} in PostgreSQL: ${reasonOf(error)}; consumption waits, nothing is lost`;
        if (attempt === 1) log.warn({ retryInMs }, message);
        else log.debug({ attempt, retryInMs }, message);
        await condition.wait(retryInMs, signal, 'recovery');
      }
    }
  }

  /**
   * Records what a writer is going to touch, in place of what it had; waits while PostgreSQL is away. What was finished
   * needs no word: the next call replaces it, and what is finished is not read again.
   *
   * @throws the last error, once the signal is aborted
   */
  async take(writer: number, ranges: readonly Range[]): Promise<void> {
    await this.patiently('record what is in hand', () => this.inHand.take(writer, ranges));
  }

  /**
   * Looks for the dead of the group and loads the suspects among some partitions, in place of those known before. Call it
   * when partitions are assigned, and `passed` with the positions to begin at thereafter.
   *
   * @param isLatest whether no other partitions were assigned since: else those known are left as they are
   * @returns the suspects; they follow `survived` and `passed`
   * @throws the last error, once the signal is aborted
   */
  async suspects(assigned: readonly TopicPartition[], isLatest: () => boolean = () => true): Promise<Suspects> {
    const { suspects, dead } = await this.patiently('look for what the dead had in hand', () =>
      this.inHand.find(assigned),
    );
    if (!isLatest()) return this.found;
    this.found = new Suspects(suspects);
    const { log } = this.parts;
    if (dead > 0) log.warn({ processes: dead }, 'processes of this group died with events in hand');
    if (!this.found.isEmpty) {
      log.warn({ events: this.found.size }, 'events that were in hand of a dead process are written one by one');
    }
    return this.found;
  }

  /** Tells suspect messages from others; undefined while there are none. */
  get isSuspect(): ((message: Place) => boolean) | undefined {
    const { found } = this;
    return found.isEmpty ? undefined : ({ topic, partition, offset }) => found.isSuspect(topic, partition, offset);
  }

  /**
   * Records, before a suspect message is touched, that it is tried alone; waits while PostgreSQL is away. End it with
   * `survived`. If the process dies before that, it counts as one attempt.
   *
   * @returns how many processes died over it alone; at `maxAttempts` or more nothing is recorded, and it must not be touched
   * @throws the last error, once the signal is aborted
   */
  async attempt(message: Place): Promise<number> {
    const deaths = this.found.attemptsOf(message.topic, message.partition, message.offset);
    if (deaths < this.parts.maxAttempts) {
      await this.patiently('record what is tried alone', () => this.inHand.takeAlone(message));
    }
    return deaths;
  }

  /**
   * The message was tried alone and this process lives, however the attempt ended: it is no suspect any more.
   *
   * @throws the last error, once the signal is aborted
   */
  async survived(message: Place): Promise<void> {
    await this.patiently('forget what was tried alone', () => this.inHand.acquit(message));
    this.found.acquit(message);
  }

  /**
   * These positions are stored: suspects behind them are forgotten; waits while PostgreSQL is away. Costs nothing while there
   * are none. No mere tidying: in a topic that was made again, what stays would be blamed on the messages that have its
   * offsets now.
   *
   * @throws the last error, once the signal is aborted
   */
  async passed(positions: readonly Position[]): Promise<void> {
    const passable = this.found.passable(positions);
    if (passable.length > 0) await this.patiently('forget what was in hand', () => this.inHand.pass(passable));
    this.found.pass(positions);
  }

  /**
   * A clean end: what is in hand is none of the dead's. Where PostgreSQL is away it is left as it is; the events are then
   * written one by one by the next process, and no attempt is counted if the server was restarted in the meantime.
   */
  async close(): Promise<void> {
    const { log } = this.parts;
    const stop = new AbortController();
    const late = delay(CLOSE_MS, undefined, { signal: stop.signal }).then(
      () => {
        throw new Error(`no answer within ${CLOSE_MS} ms`);
      },
      () => undefined,
    );
    try {
      await Promise.race([this.inHand.close(), late]);
    } catch (error) {
      log.warn(`cannot clear what was in hand: ${reasonOf(error)}; its events will be written one by one`);
      this.inHand.end();
    } finally {
      stop.abort();
    }
  }
}

/** What `work` resolves to, or an error as soon as the signal is aborted: a server that hangs is not waited for then. */
async function unlessAborted<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  const ending = () => new Error('the process ends');
  if (signal.aborted) throw ending();
  let abort: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    abort = () => {
      reject(ending());
    };
    signal.addEventListener('abort', abort, { once: true });
  });
  try {
    return await Promise.race([work(), aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
