import type { Logger } from 'pino';
import type { Beginning } from '../reading/beginnings.js';
import { Breakers } from './breaker.js';
import type { Config } from '../config.js';
import { reasonOf } from '../errors.js';
import { Exclusion } from './exclusion.js';
import { Hand } from './hand.js';
import { registry, tables } from '../handlers/index.js';
import type { Intake, Queued } from '../reading/intake.js';
import type { Lag } from '../reading/lag.js';
import type { LetterBox } from '../kafka/letters.js';
import type { TopicPartition } from '../kafka/topic-partition.js';
import { letterOf, type Letter } from '../letters/letter.js';
import type { Offsets, Position } from '../reading/offsets.js';
import { Parking } from './parking.js';
import { persisting } from './persist.js';
import { tryOut, writeBatches, type Parts as Pipeline } from './pipeline.js';
import { BreakerRows } from '../postgres/breakers.js';
import { openLetterBox, type Servers } from '../servers.js';
import { Store } from './store.js';
import type { Tally } from '../health/tally.js';
import type { Tracing } from '../tracing/tracing.js';

interface Parts {
  readonly config: Config;
  readonly servers: Servers;
  readonly intake: Intake;
  readonly offsets: Offsets;
  readonly lag: Lag;
  readonly tally: Tally;
  readonly tracing: Tracing | undefined;
  readonly log: Logger;
  /** Aborted when nothing may be waited for any more: writers give up what they have in hand. */
  readonly hurry: AbortSignal;
  /** A topic's breaker opened or closed. */
  readonly onOpen: (topic: string) => void;
  readonly onClose: (topic: string) => void;
  /** Events were parked. */
  readonly onParked: () => void;
}

/** The way out: the writers, what is parked, dead letters, and what keeps events from harming others. */
export class Writing {
  readonly store: Store;
  readonly parking: Parking;
  readonly hand: Hand;
  readonly breakers: Breakers;
  private readonly exclusion = new Exclusion();
  private readonly pipeline: Pipeline;
  private letters: LetterBox | undefined;

  constructor(private readonly parts: Parts) {
    const { config, servers, intake, offsets, lag, tally, tracing, log, hurry } = parts;
    const { groupId, topicPrefix: prefix, clientId } = config.kafka;
    const { dataSource } = servers;
    this.store = new Store(dataSource, tables, servers.processed, servers.marks);
    this.breakers = new Breakers({
      maxRate: config.deadLetters.maxRate,
      rows: new BreakerRows(dataSource, groupId),
      now: () => performance.now(),
      onOpen: parts.onOpen,
      onClose: parts.onClose,
      log,
    });
    const { attempts, delayMs } = config.retry;
    const { condition } = this.store;
    const onRetry = (kind: Parameters<Tally['retried']>[0]) => {
      tally.retried(kind);
    };
    this.hand = new Hand({
      dataSource,
      groupId,
      maxAttempts: attempts,
      delayMs,
      condition,
      onRetry,
      signal: hurry,
      log,
    });
    this.parking = new Parking({
      dataSource,
      store: this.store,
      registry,
      tables,
      prefix,
      maxAttempts: attempts,
      log,
      onWritten: (written) => {
        tally.written(written);
      },
      sendLetters: async (givenUp) => {
        await this.send(
          givenUp.map(({ message, refusal, attempts: tried }) =>
            letterOf(message, refusal, { attempts: tried, clientId }),
          ),
        );
        tally.refused(givenUp);
      },
    });
    this.pipeline = {
      registry,
      prefix,
      clientId,
      intake,
      offsets,
      lag,
      tally,
      tracing,
      log,
      hand: this.hand,
      exclusion: this.exclusion,
      breakers: this.breakers,
      maxDeaths: attempts,
      persist: persisting({
        ...{ store: this.store, log, retry: config.retry, signal: hurry, onRetry },
        onTrouble: () => undefined,
      }),
      send: (letters) => this.send(letters),
      onWritten: ({ created, waiting }) => {
        this.parking.noticed({ created, waiting });
        if (waiting.length > 0) parts.onParked();
      },
    };
  }

  /**
   * Opens the dead-letter topic, and learns what earlier processes left behind.
   *
   * @param topics the source topics: they say how wide the dead-letter topic must be
   */
  async open(topics: readonly string[]): Promise<void> {
    const { config, servers, log } = this.parts;
    this.letters = await openLetterBox(servers, config.deadLetters.topic, topics, log);
    await this.breakers.load();
  }

  /** Partitions were given: learns which of their events may have killed a process. */
  async begin(
    assigned: readonly TopicPartition[],
    starts: readonly Beginning[],
    isLatest: () => boolean,
  ): Promise<void> {
    await this.hand.suspects(assigned, isLatest);
    if (!isLatest()) return;
    await this.begunAt(starts);
    for (const { topic } of this.breakers.list()) {
      const trial = this.breakers.trial(topic);
      if (trial) this.breakers.abandon(trial);
    }
  }

  /** Partitions begin at these positions: what is before them, or was in another log, is suspect no more. */
  async begunAt(starts: readonly Beginning[]): Promise<void> {
    await this.hand.passed(
      starts.map((start) => (start.finding === 'replaced' ? { ...start, next: Number.MAX_SAFE_INTEGER } : start)),
    );
  }

  /** Runs the writers until the intake is closed. */
  async run(): Promise<void> {
    const writers = Array.from({ length: this.parts.config.batch.writers }, (_, i) => writeBatches(i, this.pipeline));
    await Promise.all(writers);
  }

  /** Sends letters until the broker has them. */
  private async send(letters: readonly Letter[]): Promise<void> {
    const { hurry: signal, tally, config, log } = this.parts;
    const onRetry = () => {
      tally.retried('transient');
    };
    await this.letters?.sendPatiently(letters, { signal, onRetry, delayMs: config.retry.delayMs, log });
  }

  /** Parked events are tried beside batches, but not beside a suspect: what dies then must be that one's doing. */
  async sweep(all: boolean): Promise<void> {
    await this.exclusion.shared(() => this.parking.sweep(all));
  }

  async wake(): Promise<void> {
    if (this.parking.isWanted) await this.exclusion.shared(() => this.parking.wakeWanted());
  }

  /** Messages of a topic whose breaker is open: a few are tried when that is due, the others are read again later. */
  onHeld(read: readonly Queued[], end: Position): void {
    const trial = this.breakers.trial(end.topic);
    if (!trial) return;
    const atEnd = (read.at(-1)?.next ?? 0) >= end.next;
    trial.offer(
      read.filter(({ message }) => message !== undefined),
      atEnd,
    );
    if (!trial.isReady) return;
    this.parts.onOpen(end.topic); // nothing more of it is to be fetched
    const messages = trial.messages.flatMap(({ message }) => message ?? []);
    this.exclusion
      .shared(() => tryOut(messages, this.pipeline))
      .then((refusals) => this.breakers.judge(trial, refusals))
      .catch((error: unknown) => {
        this.parts.log.warn({ topic: end.topic }, `cannot try events of ${end.topic}: ${reasonOf(error)}; tried again`);
        this.breakers.abandon(trial);
      });
  }

  async close(): Promise<void> {
    await Promise.all([this.letters?.close(), this.hand.close()]);
  }
}
