import { setTimeout as delay } from 'node:timers/promises';
import type { Consumer, EachBatchPayload, Kafka } from 'kafkajs';
import type { Holds } from '../reading/holds.js';
import type { Position } from '../reading/offsets.js';
import { balancedAssigner } from './assigner.js';
import { HEARTBEAT_MS, untilRoom } from './back-pressure.js';
import type { Listener } from './listener.js';
import { readIn, readingConsumer, type Demand } from './records.js';
import type { UnreadableBatchError } from './unreadable.js';
import { partitionName, type TopicPartition } from './topic-partition.js';

export type { Jump } from './listener.js';

/** The offset that was asked for; kafkajs' types do not name it. */
function fetchedOffset(batch: object): number | undefined {
  return 'fetchedOffset' in batch ? Number(batch.fetchedOffset) : undefined;
}

/**
 * Reads topics as a member of a group and hands every record over at once: nothing waits inside kafkajs, where the next
 * fetch would wait with it, unless the queue is full. Offsets are committed by `commit` only.
 */
export class Source {
  private ready: Promise<void> = Promise.resolve();
  private isReady = true;
  private assigned: readonly TopicPartition[] = [];
  private readonly owned = new Set<string>();
  /** The offset that comes next of each partition. */
  private readonly expected = new Map<string, number>();
  /** Partitions that kafkajs was told to pause. */
  private readonly paused = new Set<string>();
  private isRunning = false;
  /** How often the consumer fetched, sent a heartbeat or joined. */
  heard = 0;
  private isClosed = false;

  private constructor(
    private readonly consumer: Consumer,
    private readonly topics: readonly string[],
    private readonly holds: Holds,
    private readonly listener: Listener,
  ) {}

  /**
   * Joins the group and reads these topics.
   *
   * @param holds which partitions are not to be read; call `apply` when they change
   * @throws kafkajs' error where no broker answers
   */
  static async open(
    kafka: Kafka,
    groupId: string,
    topics: readonly string[],
    holds: Holds,
    listener: Listener,
  ): Promise<Source> {
    // What this member reads now, so that it may keep it.
    let owned: Record<string, number[]> = {};
    const partitionAssigners = [balancedAssigner(() => owned)];
    const answered = () => {
      source.heard++;
      listener.onAnswer();
    };
    // kafkajs' word of a fetch is none of the cluster's: it comes also where there was nothing to ask for.
    const demand: Demand = {
      ask: (places) => listener.demand.ask(places),
      answered: (parts) => {
        answered();
        listener.demand.answered(parts);
      },
    };
    const consumer = readingConsumer(
      kafka,
      { groupId, partitionAssigners },
      {
        demand,
        onUnreadable: (at, error) => {
          source.refuse(at, error);
        },
      },
    );
    const source = new Source(consumer, topics, holds, listener);
    const { events } = consumer;
    consumer.on(events.GROUP_JOIN, ({ payload }) => {
      owned = payload.memberAssignment;
      source.join(payload.memberAssignment);
      answered();
    });
    consumer.on(events.REBALANCING, listener.onRebalancing);
    consumer.on(events.HEARTBEAT, answered);
    consumer.on(events.CRASH, ({ payload }) => {
      if (payload.restart) listener.onTrouble(payload.error);
      else listener.onCrash(payload.error);
    });
    await consumer.connect();
    await source.read();
    return source;
  }

  private async read(): Promise<void> {
    await this.consumer.subscribe({ topics: [...this.topics], fromBeginning: true });
    this.isRunning = true;
    await this.consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: (payload) => this.handOver(payload),
    });
  }

  private join(assignment: Readonly<Record<string, readonly number[]>>): void {
    const assigned = Object.entries(assignment).flatMap(([topic, partitions]) =>
      partitions.map((partition) => ({ topic, partition })),
    );
    if (this.isClosed) return;
    this.assigned = assigned;
    this.owned.clear();
    for (const { topic, partition } of assigned) this.owned.add(partitionName({ topic, partition }));
    // kafkajs forgets what was paused when it starts anew, and remembers it of partitions that come back.
    for (const { topic, partition } of assigned) this.follow(topic, partition);
    this.begin();
  }

  /** Begins anew with the partitions that there are: what was read of them counts no longer. */
  restart(): void {
    if (this.isRunning && !this.isClosed) this.begin();
  }

  private begin(): void {
    this.expected.clear();
    this.isReady = false;
    const ready = this.listener.onAssigned(this.assigned).then((starts) => {
      if (ready !== this.ready) return; // assigned anew meanwhile
      this.seek(starts);
      this.isReady = true;
    });
    this.ready = ready;
  }

  /** Goes on from these offsets. */
  seek(positions: readonly Position[]): void {
    for (const { topic, partition, next } of positions) {
      if (!this.owns(topic, partition)) continue;
      this.expected.set(partitionName({ topic, partition }), next);
      this.tell((consumer) => {
        consumer.seek({ topic, partition, offset: String(next) });
      });
    }
  }

  private async handOver(payload: EachBatchPayload): Promise<void> {
    const { batch } = payload;
    // Where to begin is known when the positions were read; meanwhile the group must not lose us.
    while (!this.isReady) {
      await Promise.race([this.ready, delay(HEARTBEAT_MS)]);
      await payload.heartbeat();
    }
    const { topic, partition } = batch;
    if (!payload.isRunning() || payload.isStale() || this.isHeld(topic, partition)) return;
    if (this.hasJumped(topic, partition, fetchedOffset(batch) ?? Number(batch.firstOffset()))) return;
    const read = readIn(batch);
    const next = Number(batch.lastOffset()) + 1; // control and aborted records may follow the last message, or be all there is
    if (next > (read.at(-1)?.next ?? -1)) read.push({ topic, partition, next });
    this.expected.set(partitionName({ topic, partition }), next);
    payload.resolveOffset(batch.lastOffset());
    this.listener.onRead(read, { topic, partition, next: Number(batch.highWatermark) });
    await payload.heartbeat();
    await untilRoom(() => (this.isClosed ? undefined : this.listener.room()), payload);
  }

  /** Whether nothing of a partition is to be read now: also before it is known where to begin. */
  private isHeld(topic: string, partition: number): boolean {
    const isKnown = this.isReady && !this.isClosed && this.expected.has(partitionName({ topic, partition }));
    return !isKnown || this.holds.reasonOf(topic, partition) !== undefined;
  }

  /** A batch cannot be read. Where another one comes next, it was fetched too early or too late. */
  private refuse(at: Position, error: UnreadableBatchError): void {
    if (this.isHeld(at.topic, at.partition) || this.next(at.topic, at.partition) !== at.next) return;
    this.listener.onUnreadable(at, error);
  }

  /** The offset that is to be read next; undefined where it is not known where to begin. */
  next(topic: string, partition: number): number | undefined {
    return this.expected.get(partitionName({ topic, partition }));
  }

  /** Whether reading goes on elsewhere than it should: kafkajs begins at the log's start, silently, when an offset is gone. */
  private hasJumped(topic: string, partition: number, to: number): boolean {
    const from = this.expected.get(partitionName({ topic, partition }));
    if (from === undefined || to === from) return false;
    this.listener.onJump({ topic, partition, from, to });
    return true;
  }

  /** The holds have changed: tells kafkajs which partitions to fetch. The group membership is kept, whatever is held. */
  apply(): void {
    if (!this.isRunning) return;
    for (const { topic, partition } of this.assigned) {
      const isHeld = this.holds.reasonOf(topic, partition) !== undefined;
      if (isHeld !== this.paused.has(partitionName({ topic, partition }))) this.follow(topic, partition);
    }
  }

  private tell(word: (consumer: Consumer) => void): void {
    try {
      word(this.consumer);
    } catch {
      // kafkajs is starting anew: it joins the group then, and all of it is said again.
    }
  }

  private follow(topic: string, partition: number): void {
    const isHeld = this.holds.reasonOf(topic, partition) !== undefined;
    const scope = [{ topic, partitions: [partition] }];
    if (isHeld) this.paused.add(partitionName({ topic, partition }));
    else this.paused.delete(partitionName({ topic, partition }));
    this.tell((consumer) => {
      if (isHeld) consumer.pause(scope);
      else consumer.resume(scope);
    });
  }

  /** The partitions that were given to this process. */
  get partitions(): readonly TopicPartition[] {
    return this.assigned;
  }

  owns(topic: string, partition: number): boolean {
    return this.owned.has(partitionName({ topic, partition }));
  }

  /** Commits offsets to Kafka, of owned partitions only. */
  async commit(positions: readonly Position[]): Promise<void> {
    const owned = positions.filter(({ topic, partition }) => this.owns(topic, partition));
    if (owned.length === 0) return;
    await this.consumer.commitOffsets(
      owned.map(({ topic, partition, next }) => ({ topic, partition, offset: String(next) })),
    );
  }

  /** Leaves the group. */
  async close(): Promise<void> {
    this.isRunning = false;
    this.isClosed = true; // it may take longer than anybody waits
    await this.consumer.disconnect();
  }
}
