import { setImmediate as turn } from 'node:timers/promises';
import TinyQueue from 'tinyqueue';
import { PartitionBuffer, type Queued } from './partition-buffer.js';
import { FETCH_BYTES, type Answered } from '../kafka/records.js';
import { partitionName, type TopicPartition } from '../kafka/topic-partition.js';

export type { Queued } from './partition-buffer.js';

interface Limits {
  /** Messages in one batch at most. */
  readonly size: number;
  /** Bytes of values in one batch at most. */
  readonly bytes: number;
  /** Bytes in the queue at which the source is asked to pause. */
  readonly full: number;
}

function byTurn(a: PartitionBuffer, b: PartitionBuffer): number {
  return a.turn - b.turn || a.rank - b.rank || 0;
}

/**
 * The queue between the source and the writers. A writer takes what there is as soon as it is free, so a quiet system
 * writes at once and a busy one, whose messages gather while the writers are busy, in big batches.
 *
 * What waits is taken in the order of its timestamps, across partitions and topics: an event seldom comes before the one that made
 * its parent, so that few have to be parked, also where a day's events wait. And little is asked for of partitions of which enough
 * waits, so that all are read to about the same time. (Kafka Streams chooses its next record so, too: KIP-353.)
 */
export class Intake {
  private readonly buffers = new Map<string, PartitionBuffer>();
  private queuedBytes = 0;
  private queued = 0;
  private closed = false;
  private left: number;
  /** How many partitions have more in Kafka, and how many of them not much here. */
  private behind = 0;
  private hungry = 0;
  private share = FETCH_BYTES;
  /** Of how many partitions a fetch has brought something that did not come in yet. */
  private coming = 0;
  private readonly takers: (() => void)[] = [];

  /**
   * @param maxEvents ends the intake after so many messages
   * @param onRoom called whenever there is room after a batch was taken
   * @param rankOf what comes first of what was written at the same time: the least
   */
  constructor(
    private readonly limits: Limits,
    maxEvents = Infinity,
    private readonly onRoom: () => void = () => undefined,
    private readonly rankOf: (topic: string) => number = () => 0,
  ) {
    this.left = maxEvents;
  }

  /** Whether nothing more should come in: too much waits, or enough of every partition that has more. */
  get isFull(): boolean {
    if (this.queuedBytes >= this.limits.full) return true;
    return this.coming === 0 && this.behind > 0 && this.hungry === 0;
  }

  /** Changes a buffer, and counts what that changes for all. */
  private change<T>(buffer: PartitionBuffer, work: () => T): T {
    this.count(buffer, -1);
    try {
      return work();
    } finally {
      this.count(buffer, 1);
    }
  }

  private count(buffer: PartitionBuffer, sign: 1 | -1): void {
    const { isHungry, bytes } = buffer;
    this.queuedBytes += sign * bytes;
    if (isHungry !== undefined) this.behind += sign;
    if (isHungry === true) this.hungry += sign;
  }

  private bufferOf(topic: string, partition: number): PartitionBuffer {
    const key = partitionName({ topic, partition });
    let buffer = this.buffers.get(key);
    if (!buffer) {
      buffer = new PartitionBuffer(topic, partition, this.rankOf(topic), this.share);
      this.buffers.set(key, buffer);
    }
    return buffer;
  }

  /** Among how many partitions that which waits is shared. */
  shareAmong(partitions: number): void {
    this.share = Math.floor(FETCH_BYTES / Math.max(1, partitions));
  }

  /**
   * @param read of one partition; the list is the intake's from now on
   * @param isBehind whether Kafka has more of it
   */
  push(read: readonly Queued[], isBehind = false): void {
    const [first] = read;
    this.coming = Math.max(0, this.coming - 1);
    if (this.closed || !first) return;
    const buffer = this.bufferOf(first.topic, first.partition);
    if (buffer.isCut) return;
    const some = this.left === Infinity ? read : this.upToLeft(read);
    this.queued += some.length;
    this.change(buffer, () => {
      buffer.push(some, isBehind, Date.now());
      if (some.length < read.length) buffer.cut();
    });
    this.wake();
  }

  /** As much of it as messages were asked for, and counts these. */
  private upToLeft(read: readonly Queued[]): readonly Queued[] {
    const end = read.findIndex(({ message }) => message && this.left-- === 0);
    if (end === -1) return read;
    this.left = 0;
    return read.slice(0, end);
  }

  /** Lets the first taker look; all of them when there will be nothing to wait for. */
  private wake(): void {
    if (this.closed || this.left === 0) for (const taker of this.takers.splice(0)) taker();
    else this.takers.shift()?.();
  }

  /**
   * The next batch: what was written first, each partition's in its order; waits for the first message. Undefined when the intake
   * is closed, or complete and empty.
   */
  async take(): Promise<Queued[] | undefined> {
    while (this.queued === 0) {
      if (this.closed || this.left === 0) return undefined;
      await new Promise<void>((resolve) => this.takers.push(resolve));
      await turn(); // what came with it in one fetch comes in first
    }
    const now = Date.now();
    const waiting = [...this.buffers.values()].filter(({ isEmpty }) => !isEmpty);
    for (const buffer of waiting) {
      this.count(buffer, -1);
      buffer.look(now);
    }
    const first = new TinyQueue([...waiting], byTurn);
    let [count, bytes] = [0, 0];
    const isFull = () => count >= this.limits.size || bytes >= this.limits.bytes;
    for (let buffer = first.pop(); buffer; buffer = isFull() ? undefined : first.pop()) {
      const bound = first.peek();
      do {
        bytes += buffer.take(now);
        count++;
      } while (!buffer.isEmpty && !isFull() && (!bound || byTurn(buffer, bound) < 0));
      if (!buffer.isEmpty) first.push(buffer);
    }
    for (const buffer of waiting) this.count(buffer, 1);
    this.queued -= count;
    if (this.queued > 0) this.wake();
    if (this.hasRoom) this.onRoom();
    return waiting.flatMap((buffer) => buffer.release());
  }

  private get hasRoom(): boolean {
    return this.queuedBytes < this.limits.full / 2 && !this.isFull;
  }

  /**
   * What to ask for next of some partitions, those first that were read to the earliest time.
   *
   * @returns of each in how many bytes; those of which enough waits are left out
   */
  ask<T extends TopicPartition>(places: readonly T[]): (T & { readonly maxBytes: number })[] {
    const asked = places.map((place) => {
      const buffer = this.bufferOf(place.topic, place.partition);
      return { place, buffer, maxBytes: this.change(buffer, () => buffer.ask()) };
    });
    const wanted = asked.filter(({ maxBytes }) => maxBytes > 0);
    if (wanted.length > 0) this.coming = 0;
    return wanted
      .sort((a, b) => a.buffer.until - b.buffer.until || 0)
      .map(({ place, maxBytes }) => ({ ...place, maxBytes }));
  }

  /** What one broker was asked for has been answered, in the order in which it was asked, and comes in now. */
  answered(parts: readonly Answered[]): void {
    this.coming = parts.filter(({ isEmpty }) => !isEmpty).length;
    let room = FETCH_BYTES;
    for (const { topic, partition, bytes, hasMore } of parts) {
      const left = room;
      room -= bytes;
      if (bytes > 0 || !hasMore) continue;
      const buffer = this.bufferOf(topic, partition);
      this.change(buffer, () => {
        buffer.missed(left);
      });
    }
  }

  /** Nothing more comes of a partition until it is asked for again: the others need not wait for it. */
  holds(at: TopicPartition): void {
    const buffer = this.buffers.get(partitionName(at));
    if (!buffer) return;
    this.change(buffer, () => {
      buffer.hold();
    });
    if (this.hasRoom) this.onRoom();
  }

  /** Throws away what waits; it is read again by whoever owns its partitions now. */
  clear(): void {
    this.drop(() => true);
  }

  /** Throws away what waits of some partitions; it is read again. */
  drop(isDropped: (topic: string, partition: number) => boolean): void {
    for (const [key, buffer] of this.buffers) {
      if (!isDropped(buffer.topic, buffer.partition)) continue;
      this.count(buffer, -1);
      this.buffers.delete(key);
      const { waiting } = buffer;
      this.queued -= waiting.length;
      this.left += waiting.filter(({ message }) => message).length;
    }
    this.onRoom();
  }

  /** No batch will be taken any more. */
  close(): void {
    this.closed = true;
    this.clear();
    this.wake();
  }
}
