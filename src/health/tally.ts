import type { Reason, Refusal } from '../event/decode.js';
import { Distribution } from './distribution.js';
import type { FailureClass } from '../failures/failure.js';
import type { Written } from '../writing/written.js';

export const OUTCOMES = ['applied', 'duplicate', 'collision', 'parked', 'dead_letter', 'tombstone'] as const;
export type Outcome = (typeof OUTCOMES)[number];
export type Counts = Record<Outcome, number>;

/** What stands for the type of messages on topics that carry none of ours. */
const OTHER = 'other';

const LATENCY_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600];
const TRANSACTION_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const BATCH_EVENTS = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000];

function none(): Counts {
  return { applied: 0, duplicate: 0, collision: 0, parked: 0, dead_letter: 0, tombstone: 0 };
}

/** What became of the events of this process, counted since its start: the one source of the result, the log and the metrics. */
export class Tally {
  /** By the type that the topic carries. Types are those of the registry, so that no message can invent one. */
  readonly byType = new Map<string, Counts>();
  readonly deadLettersByReason = new Map<Reason, number>();
  readonly retriesByClass = new Map<FailureClass, number>();
  /** Messages in each batch. */
  readonly batchSizes = new Distribution(BATCH_EVENTS);
  /** Seconds from the record's timestamp in Kafka to the commit that applied the event. */
  readonly latencies = new Distribution(LATENCY_SECONDS);
  /** Seconds of each transaction that was committed. */
  readonly transactions = new Distribution(TRANSACTION_SECONDS);
  /** Creations of one row at one time with different content, where arrival decided. */
  ties = 0;
  lastProcessed: Date | undefined;

  private readonly byTopic = new Map<string, Counts>();
  private readonly other = none();
  private begunAt: number | undefined;
  private finishedAt = 0;

  /**
   * @param types the event types that there are
   * @param prefix what stands before a type in the name of its topic
   */
  constructor(types: Iterable<string>, prefix = '') {
    for (const type of types) {
      const counts = none();
      this.byType.set(type, counts);
      this.byTopic.set(prefix + type, counts);
    }
    this.byType.set(OTHER, this.other);
  }

  get byOutcome(): Counts {
    const all = none();
    for (const counts of this.byType.values()) for (const outcome of OUTCOMES) all[outcome] += counts[outcome];
    return all;
  }

  get batches(): number {
    return this.batchSizes.count;
  }

  get messages(): number {
    return this.batchSizes.sum;
  }

  get retries(): number {
    let all = 0;
    for (const count of this.retriesByClass.values()) all += count;
    return all;
  }

  /** A batch was taken in hand. */
  began(now = performance.now()): void {
    this.begunAt ??= now;
  }

  /** A batch of so many messages was finished. */
  batch(messages: number, now = performance.now()): void {
    this.batchSizes.add(messages);
    this.finishedAt = now;
  }

  /** Seconds from when the first batch was taken to when the last was finished. */
  get workSeconds(): number {
    return this.begunAt === undefined ? 0 : Math.max(0, this.finishedAt - this.begunAt) / 1000;
  }

  /** Something is tried again. */
  retried(kind: FailureClass): void {
    this.retriesByClass.set(kind, (this.retriesByClass.get(kind) ?? 0) + 1);
  }

  /** A message without a value was skipped. */
  tombstone(topic: string): void {
    this.countsOf(topic).tombstone++;
  }

  /** Messages are in the dead-letter topic. */
  refused(refused: readonly { readonly message: { readonly topic: string }; readonly refusal: Refusal }[]): void {
    for (const { message, refusal } of refused) {
      this.countsOf(message.topic).dead_letter++;
      this.deadLettersByReason.set(refusal.reason, (this.deadLettersByReason.get(refusal.reason) ?? 0) + 1);
    }
  }

  /**
   * A transaction was committed.
   *
   * @param now milliseconds since 1970 when it was
   */
  written({ applied, duplicates, collisions, waiting, ties, seconds }: Written, now = Date.now()): void {
    for (const { message } of applied) {
      this.countsOf(message.topic).applied++;
      // Old producers send none (-1), and the clocks of others may be ahead of ours.
      if (message.timestamp > 0) this.latencies.add(Math.max(0, now - message.timestamp) / 1000);
    }
    for (const { message } of duplicates) this.countsOf(message.topic).duplicate++;
    for (const { message } of collisions) this.countsOf(message.topic).collision++;
    for (const { event } of waiting) this.countsOf(event.message.topic).parked++;
    this.ties += ties;
    if (seconds !== undefined) this.transactions.add(seconds);
    this.lastProcessed = new Date(now);
  }

  private countsOf(topic: string): Counts {
    return this.byTopic.get(topic) ?? this.other;
  }
}
