import type { Logger } from 'pino';
import type { Config } from '../config.js';
import { decode, type Event, type Refusal } from '../event/decode.js';
import { glance, type Glance } from '../event/glance.js';
import type { Message } from '../event/message.js';
import { registry, tables } from '../handlers/index.js';
import { LogReader } from '../kafka/log-reader.js';
import type { RunRange } from '../postgres/runs.js';
import { Session } from '../postgres/session.js';
import type { Servers } from '../servers.js';
import type { Tracing, Ways } from '../tracing/tracing.js';
import { Parking } from '../writing/parking.js';
import { persisting, refusalOf } from '../writing/persist.js';
import { Rehearsal } from '../writing/rehearsal.js';
import { Store } from '../writing/store.js';
import type { Written } from '../writing/written.js';
import { chunksOf, type Chunk } from './chunks.js';
import { Throttle } from './throttle.js';

/** What became of the messages of a backfill. Each that was read is in one of the next six, or unclear. */
export interface BackfillCounts {
  readonly read: number;
  readonly applied: number;
  /** Processed before, with this very content; with `--reapply` these are applied too. */
  readonly known: number;
  readonly parked: number;
  readonly refused: number;
  /** Under an id that was processed with other content: without effect. */
  readonly collisions: number;
  /** Messages without a value. */
  readonly tombstones: number;
  /** Parked events, whoever parked them, whose row has come. */
  readonly unparked: number;
  /** With `--reapply`: rows that did not hold what the events last said. */
  readonly repaired: number;
  /** Records that retention deleted before they were read. */
  readonly lost: number;
  /** A rehearsal could not find out what would become of them, for locks that others hold. */
  readonly unclear: number;
}

export const NOTHING: BackfillCounts = {
  ...{ read: 0, applied: 0, known: 0, parked: 0, refused: 0, collisions: 0, tombstones: 0 },
  ...{ unparked: 0, repaired: 0, lost: 0, unclear: 0 },
};

/** A message that cannot become rows, and why. No value of it. */
export interface RefusedMessage {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly eventType: string | null;
  readonly reason: string;
  readonly code: string;
  readonly path: string;
}

/** How far a backfill is. */
export interface Reached {
  readonly ranges: readonly RunRange[];
  readonly counts: BackfillCounts;
}

interface Options {
  readonly config: Config;
  readonly servers: Pick<Servers, 'dataSource' | 'kafka' | 'marks' | 'processed'>;
  readonly reapply: boolean;
  /** Whether it is only found out what would become of the messages. */
  readonly dryRun: boolean;
  /** Events a second at the most. */
  readonly rate: number | undefined;
  readonly tracing: Tracing | undefined;
  readonly log: Logger;
  /** Aborted when the batch in hand shall be the last. */
  readonly signal: AbortSignal;
  /** Told after each batch. */
  readonly onReached: (reached: Reached) => Promise<void>;
}

/** So many messages are looked at together; what is not known of them is written in batches as `consume` has them. */
const CHUNK = 5_000;
const MOST_LISTED = 500;

/** What is known of a chunk before anything is written. */
interface Sifted {
  readonly known: number;
  readonly rest: readonly Message[];
}

/** Names a message that was refused. */
export function refusedMessage({ topic, partition, offset }: Message, refusal: Refusal): RefusedMessage {
  const { reason, code, path, eventType = null } = refusal;
  return { topic, partition, offset, eventType, reason, code, path };
}

class NoLetters extends Error {}

/** Reads ranges of source topics again, through the same write path as `consume`, outside its group. */
export class Backfill {
  /** The first of the refused messages. */
  readonly refused: RefusedMessage[] = [];
  private readonly counts: { -readonly [K in keyof BackfillCounts]: number };
  private readonly ranges: { -readonly [K in keyof RunRange]: RunRange[K] }[];
  private readonly store: Store;
  private readonly parking: Parking;
  private readonly throttle: Throttle;
  private readonly rehearsal: Rehearsal | undefined;

  /**
   * @param ranges what is to be read, and how far that is
   * @param counts what earlier processes did of it
   */
  constructor(
    ranges: readonly RunRange[],
    counts: Partial<BackfillCounts>,
    private readonly options: Options,
  ) {
    const { config, servers, reapply, rate, log } = options;
    const { dataSource, processed, marks } = servers;
    this.ranges = ranges.map((range) => ({ ...range }));
    this.counts = { ...NOTHING, ...counts };
    this.throttle = new Throttle(rate);
    this.store = new Store(dataSource, tables, processed, marks, reapply);
    if (options.dryRun) this.rehearsal = new Rehearsal(dataSource, this.store, options.signal);
    this.parking = new Parking({
      dataSource,
      store: this.store,
      registry,
      tables,
      prefix: config.kafka.topicPrefix,
      maxAttempts: config.retry.attempts,
      log,
      onWritten: (written) => {
        this.counts.unparked += written.applied.length;
        this.counts.repaired += written.repaired ?? 0;
      },
      sendLetters: () => Promise.reject(new NoLetters('a backfill writes no letters')),
    });
  }

  get reached(): Reached {
    return { ranges: this.ranges.map((range) => ({ ...range })), counts: { ...this.counts } };
  }

  /**
   * Reads and writes until the ranges end or the signal is aborted. What was reached is told batch by batch.
   *
   * @throws where Kafka is away for too long, or PostgreSQL when the signal is aborted
   */
  async run(): Promise<void> {
    const { servers, signal, onReached } = this.options;
    const left = this.ranges.map(({ next, ...range }) => ({ ...range, from: next }));
    const onMissing = ({ from, to }: { from: number; to: number }) => (this.counts.lost += to - from);
    const reader = new LogReader(servers.kafka, left, { signal, onMissing });
    const isOver = () => signal.aborted;
    for await (const slices of reader.rounds()) {
      for (const chunk of chunksOf(slices, () => this.throttle.most(CHUNK))) {
        await this.throttle.take(chunk.messages.length, signal);
        if (isOver()) return;
        await this.write(chunk);
        this.moveOn(chunk);
        await onReached(this.reached);
      }
      if (isOver()) return;
    }
  }

  private moveOn({ ends }: Chunk): void {
    for (const { topic, partition, next } of ends) {
      // A partition may have several ranges, where a run has been asked for so.
      const range = this.ranges.find(
        (one) => one.topic === topic && one.partition === partition && one.from <= next && next <= one.to,
      );
      if (range) range.next = next;
    }
  }

  private async write({ messages }: Chunk): Promise<void> {
    const { known, rest } = this.options.reapply ? { known: 0, rest: messages } : await this.sift(messages);
    this.counts.read += messages.length;
    this.counts.known += known;
    const events: Event[] = [];
    for (const message of rest) {
      const decoded = decode(message, registry, this.options.config.kafka.topicPrefix);
      if (decoded.kind === 'event') events.push(decoded.event);
      else if (decoded.kind === 'refusal') this.refuse(message, decoded.refusal);
      else this.counts.tombstones++;
    }
    const { size, writers } = this.options.config.batch;
    const batches = Array.from({ length: Math.ceil(events.length / size) }, (_, i) =>
      events.slice(i * size, (i + 1) * size),
    );
    const work = async () => {
      for (let batch = batches.shift(); batch; batch = batches.shift()) await this.persist(batch);
    };
    await Promise.all(Array.from({ length: Math.min(this.rehearsal ? 1 : writers, batches.length) }, work));
    await this.wake();
  }

  /** Leaves out the messages that were processed before with this very content. */
  private async sift(messages: readonly Message[]): Promise<Sifted> {
    const { servers, config } = this.options;
    const rest: Message[] = [];
    const glanced: Message[] = [];
    const glances: Glance[] = [];
    for (const message of messages) {
      const seen = glance(message, config.kafka.topicPrefix);
      if (seen) {
        glanced.push(message);
        glances.push(seen);
      } else {
        rest.push(message);
      }
    }
    const hashes = await Session.with(servers.dataSource, (session) =>
      servers.processed.hashesOf(session, glances),
    ).catch((): undefined[] => []); // the write path asks too, and has patience with a database that is away
    glanced.forEach((message, i) => {
      if (hashes[i] !== glances[i]?.hash) rest.push(message);
    });
    return { known: messages.length - rest.length, rest };
  }

  private async persist(events: readonly Event[]): Promise<void> {
    if (this.rehearsal) return this.rehearse(events, this.rehearsal);
    const { config, tracing, log, signal } = this.options;
    const ways: Ways = {
      persist: persisting({
        ...{ store: this.store, log, retry: config.retry, signal },
        onRetry: () => undefined,
        onTrouble: () => undefined,
      }),
      send: () => Promise.reject(new NoLetters('a backfill writes no letters')),
    };
    const messages = tracing ? events.map(({ message }) => message) : [];
    const done = tracing?.batch(messages, ways, (watched) => watched.persist(events)) ?? ways.persist(events);
    const { written, refused } = await done;
    for (const one of written) this.account(one);
    for (const { event, refusal } of refused) this.refuse(event.message, refusal);
  }

  /** Finds out what would become of events. */
  private async rehearse(events: readonly Event[], rehearsal: Rehearsal): Promise<void> {
    const { counts } = this;
    const { applied, duplicates, waiting, guilty, unclear, repaired = 0 } = await rehearsal.of(events);
    counts.applied += applied.length;
    counts.known += duplicates.length;
    counts.parked += waiting.length;
    counts.unclear += unclear.length;
    counts.repaired += repaired;
    for (const { item, error } of guilty) this.refuse(item.message, refusalOf(item, error));
  }

  private account(written: Written): void {
    const { counts } = this;
    counts.applied += written.applied.length;
    counts.known += written.duplicates.length;
    counts.collisions += written.collisions.length;
    counts.parked += written.waiting.length;
    counts.repaired += written.repaired ?? 0;
    this.parking.noticed(written);
  }

  /** Applies parked events whose row has come. One that cannot be applied stays, for `consume` to write its letter. */
  private async wake(): Promise<void> {
    try {
      await this.parking.wakeWanted();
    } catch (error) {
      if (!(error instanceof NoLetters)) throw error;
    }
  }

  private refuse(message: Message, refusal: Refusal): void {
    this.counts.refused++;
    if (this.refused.length < MOST_LISTED) this.refused.push(refusedMessage(message, refusal));
  }
}
