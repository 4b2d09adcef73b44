import type { Message } from '../event/message.js';

/** What waits to be taken into a batch. */
export interface Queued {
  readonly topic: string;
  readonly partition: number;
  /** Absent where there is only an offset to pass: behind control records and aborted ones. */
  readonly message?: Message;
  /** The offset to go on with once it is finished. */
  readonly next: number;
}

interface Limits {
  /** Messages in one batch at most. */
  readonly size: number;
  /** Bytes of values in one batch at most. */
  readonly bytes: number;
  /** Bytes in the queue at which the source is asked to pause. */
  readonly full: number;
}

/** The cost of a message beside its bytes, so that a queue of empty messages is bounded too. */
const OVERHEAD = 512;
const HEADER_OVERHEAD = 64;

function costOf({ message }: Queued): number {
  if (!message) return OVERHEAD;
  let cost = (message.key?.length ?? 0) + (message.value?.length ?? 0) + OVERHEAD;
  for (const [name, value] of message.headers) cost += name.length + (value?.length ?? 0) + HEADER_OVERHEAD;
  return cost;
}

/**
 * The queue between the source and the writers. A writer takes what there is as soon as it is free, so a quiet system
 * writes at once and a busy one, whose messages gather while the writers are busy, in big batches.
 */
export class Intake {
  private queue: Queued[] = [];
  private head = 0;
  private queuedBytes = 0;
  private closed = false;
  private left: number;
  private readonly takers: (() => void)[] = [];

  /**
   * @param maxEvents ends the intake after so many messages
   * @param onRoom called whenever the queue is less than half full after a batch was taken
   */
  constructor(
    private readonly limits: Limits,
    maxEvents = Infinity,
    private readonly onRoom: () => void = () => undefined,
  ) {
    this.left = maxEvents;
  }

  get isFull(): boolean {
    return this.queuedBytes >= this.limits.full;
  }

  get bytes(): number {
    return this.queuedBytes;
  }

  push(messages: readonly Queued[]): void {
    if (this.closed) return;
    for (const queued of messages) {
      if (this.left === 0) break;
      if (queued.message) this.left--;
      this.queue.push(queued);
      this.queuedBytes += costOf(queued);
    }
    this.wake();
  }

  /** Lets the first taker look; all of them when there will be nothing to wait for. */
  private wake(): void {
    if (this.closed || this.left === 0) for (const taker of this.takers.splice(0)) taker();
    else this.takers.shift()?.();
  }

  /** Whether all messages that were asked for (`maxEvents`) have come in. */
  get isComplete(): boolean {
    return this.left === 0;
  }

  /**
   * The next batch, in the order of arrival; waits for the first message. Undefined when the intake is closed, or complete
   * and empty.
   */
  async take(): Promise<Queued[] | undefined> {
    while (this.head === this.queue.length) {
      if (this.closed || this.left === 0) return undefined;
      await new Promise<void>((resolve) => this.takers.push(resolve));
    }
    const batch: Queued[] = [];
    let bytes = 0;
    while (batch.length < this.limits.size && bytes < this.limits.bytes) {
      const queued = this.queue[this.head];
      if (!queued) break;
      this.head++;
      batch.push(queued);
      bytes += costOf(queued);
    }
    this.queuedBytes -= bytes;
    if (this.head === this.queue.length || this.head > 10_000) {
      this.queue = this.queue.slice(this.head);
      this.head = 0;
    }
    if (this.head < this.queue.length) this.wake();
    if (this.queuedBytes < this.limits.full / 2) this.onRoom();
    return batch;
  }

  /** Throws away what waits; it is read again by whoever owns its partitions now. */
  clear(): void {
    this.drop(() => true);
  }

  /** Throws away what waits of some partitions; it is read again. */
  drop(isDropped: (topic: string, partition: number) => boolean): void {
    const kept: Queued[] = [];
    for (const queued of this.queue.slice(this.head)) {
      if (!isDropped(queued.topic, queued.partition)) kept.push(queued);
      else if (queued.message) this.left++;
    }
    this.queue = kept;
    this.head = 0;
    this.queuedBytes = kept.reduce((sum, queued) => sum + costOf(queued), 0);
    this.onRoom();
  }

  /** No batch will be taken any more. */
  close(): void {
    this.closed = true;
    this.clear();
    this.wake();
  }
}
