import type { Message } from '../event/message.js';
import { MAX_PARTITION_BYTES } from '../kafka/records.js';

/** What waits to be taken into a batch. */
export interface Queued {
  readonly topic: string;
  readonly partition: number;
  /** Absent where there is only an offset to pass: behind control records and aborted ones. */
  readonly message?: Message;
  /** The offset to go on with once it is finished. */
  readonly next: number;
}

/**
 * Messages that were written so short a time before they came, in milliseconds, do not wait for those of partitions that are far
 * behind: who sends history again must not delay what happens now.
 */
const FRESH_MS = 10_000;
/** How long the others let older ones go first. */
const PATIENCE_MS = 10_000;
/** Puts times before all others, in milliseconds. */
const EON = 1e15;

/** Least that is asked for of a partition at once, in bytes. */
const MIN_SLICE = 16 * 1024;

/** The cost of a message beside its bytes, so that a queue of empty messages is bounded too. */
const OVERHEAD = 512;
const HEADER_OVERHEAD = 64;

/** The memory that a message takes, in bytes, roughly. */
function costOf({ message }: Queued): number {
  if (!message) return OVERHEAD;
  let cost = OVERHEAD + (message.size ?? (message.key?.length ?? 0) + (message.value?.length ?? 0));
  for (const [name, value] of message.headers) cost += name.length + (value?.length ?? 0) + HEADER_OVERHEAD;
  return cost;
}

/** What came at once, and when, in milliseconds since 1970. */
interface Arrival {
  readonly read: readonly Queued[];
  /** What each of it costs: to look through all headers takes a while. */
  readonly costs: readonly number[];
  readonly at: number;
}

/** What was read of one partition and waits for a writer, in its order. */
export class PartitionBuffer {
  private readonly arrivals: Arrival[] = [];
  /** How much of the first arrival was taken. */
  private head = 0;
  /** What was taken of it for the batch that is being put together. */
  private taken: Queued[] = [];
  /** What was read since the partition was asked for, in bytes. */
  private received = 0;
  private slice: number;
  /** Whether Kafka has more. */
  private isBehind = false;
  /** Whether messages were left out behind what waits: whatever comes behind these must not be taken, nor its offset passed. */
  isCut = false;
  /** What waits, in bytes. */
  bytes = 0;
  /** What comes next is taken in this order, over all partitions: mostly when it was written. */
  turn = -Infinity;
  /** Until when the partition was read, in milliseconds since 1970. */
  until = -Infinity;
  private least: number;

  /**
   * @param rank which comes first of what was written at the same time: the least
   * @param share what is asked for of the partition at once, in bytes, until it turns out to be too little
   */
  constructor(
    readonly topic: string,
    readonly partition: number,
    readonly rank: number,
    share: number,
  ) {
    this.least = Math.min(Math.max(share, MIN_SLICE), MAX_PARTITION_BYTES);
    this.slice = this.least;
  }

  get isEmpty(): boolean {
    return this.arrivals.length === 0;
  }

  /** Whether Kafka has more of it than waits here: undefined where it has not, true where that is less than a slice. */
  get isHungry(): boolean | undefined {
    return this.isBehind ? this.bytes < this.slice : undefined;
  }

  /** Adds what was read; the list is the buffer's from now on. */
  push(read: readonly Queued[], isBehind: boolean, now: number): void {
    this.isBehind = isBehind;
    if (read.length === 0) return;
    const costs = read.map(costOf);
    const cost = costs.reduce((sum, one) => sum + one);
    this.arrivals.push({ read, costs, at: now });
    this.bytes += cost;
    this.received += cost;
    this.until = read.findLast(({ message }) => message)?.message?.timestamp ?? this.until;
  }

  /** Nothing more is read of it for now, whatever Kafka has. */
  hold(): void {
    this.isBehind = false;
  }

  /** What was pushed last was not all that was read, and nothing more of the partition is wanted. */
  cut(): void {
    this.isCut = true;
    this.isBehind = false;
  }

  /** Finds out when it is the turn of what comes next. */
  look(now: number): void {
    const first = this.arrivals[0];
    const message = first?.read[this.head]?.message;
    if (!message) {
      this.turn = -Infinity; // an offset to pass
      return;
    }
    const { timestamp } = message;
    const isPressing = first.at <= now - PATIENCE_MS || timestamp > first.at - FRESH_MS;
    this.turn = isPressing ? timestamp - EON : timestamp;
  }

  /** Takes what comes next into the batch; returns what it cost. */
  take(now: number): number {
    const first = this.arrivals[0];
    const queued = first?.read[this.head];
    if (!first || !queued) return 0;
    this.taken.push(queued);
    const cost = first.costs[this.head] ?? 0;
    if (++this.head === first.read.length) {
      this.arrivals.shift();
      this.head = 0;
    }
    this.bytes -= cost;
    this.look(now);
    return cost;
  }

  /** Hands out what was taken. */
  release(): Queued[] {
    const { taken } = this;
    this.taken = [];
    return taken;
  }

  /** All that waits. */
  get waiting(): Queued[] {
    return this.arrivals.flatMap(({ read }, i) => (i === 0 ? read.slice(this.head) : read));
  }

  /**
   * How much is to be asked for now. Where nothing waits although there was more, it was too little: the writers take of this
   * partition more than of others.
   *
   * @returns bytes; 0 where enough waits
   */
  ask(): number {
    if (this.isCut || this.bytes >= this.slice) return 0;
    if (!this.isBehind) this.slice = this.least;
    else if (this.bytes === 0 && this.received > 0) this.grow();
    this.received = 0;
    return this.slice;
  }

  private grow(): void {
    this.slice = Math.min(this.slice * 2, MAX_PARTITION_BYTES);
  }

  /**
   * Nothing came although there is more: its batches are larger than what was asked for, unless the answer was full before it.
   *
   * @param room bytes that were left in the answer
   */
  missed(room: number): void {
    if (room < this.slice) return;
    this.grow();
    this.least = this.slice;
  }
}
