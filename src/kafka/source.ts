import { setTimeout as delay } from 'node:timers/promises';
import type { Consumer, EachBatchPayload, IHeaders, Kafka, KafkaMessage } from 'kafkajs';
import type { Queued } from '../intake.js';
import type { Header } from '../message.js';
import type { Position } from '../offsets.js';

interface Assigned {
  readonly topic: string;
  readonly partition: number;
}

/** Why nothing is fetched: the queue is full, or too many events are parked. */
export type Hold = 'queue' | 'parked';

/** What the source tells its owner. */
interface Listener {
  /** Messages of one partition in order. Returns false where there is no room for more. */
  readonly onMessages: (messages: readonly Queued[], highWatermark: Position) => boolean;
  /**
   * Partitions were given; what is in hand of others no longer counts. Resolves to where to begin instead of the commits,
   * and never rejects: it tries until it knows.
   */
  readonly onAssigned: (assigned: readonly Assigned[]) => Promise<readonly Position[]>;
  /** The group is about to share its partitions anew. */
  readonly onRebalancing: () => void;
  /** The consumer died and will not come back. */
  readonly onCrash: (error: Error) => void;
}

function headersOf(headers: IHeaders | undefined): Header[] {
  const list: Header[] = [];
  for (const [name, values] of Object.entries(headers ?? {})) {
    for (const value of Array.isArray(values) ? values : [values]) {
      list.push([name, typeof value === 'string' ? Buffer.from(value) : (value ?? null)]);
    }
  }
  return list;
}

function queuedOf(topic: string, partition: number, record: KafkaMessage): Queued {
  const offset = Number(record.offset);
  const { key, value, timestamp } = record;
  const headers = record.headers ? headersOf(record.headers) : [];
  return { message: { topic, partition, offset, key, value, headers, timestamp: Number(timestamp) }, next: offset + 1 };
}

const HEARTBEAT_MS = 2_000;

/**
 * Reads topics as a member of a group and hands every record over at once: nothing waits inside kafkajs, where the next
 * fetch would wait with it. Offsets are committed by `commit` only.
 */
export class Source {
  private ready: Promise<void> = Promise.resolve();
  private isReady = true;
  private readonly assigned = new Set<string>();
  private topics: readonly string[] = [];
  private readonly holds = new Set<Hold>();

  private constructor(
    private readonly consumer: Consumer,
    private readonly listener: Listener,
  ) {}

  /**
   * @throws kafkajs' error where no broker answers
   */
  static async open(kafka: Kafka, groupId: string, listener: Listener): Promise<Source> {
    const consumer = kafka.consumer({
      groupId,
      allowAutoTopicCreation: false,
      sessionTimeout: 15_000, // also how long the partitions of a process that was killed wait for the next one
      rebalanceTimeout: 60_000,
      heartbeatInterval: 3_000,
      maxWaitTimeInMs: 500,
      minBytes: 1,
      maxBytes: 4 * 1024 * 1024,
      maxBytesPerPartition: 1024 * 1024,
      readUncommitted: false,
      metadataMaxAge: 60_000,
      retry: { initialRetryTime: 200, maxRetryTime: 5_000, retries: 10, restartOnFailure: () => Promise.resolve(true) },
    });
    const source = new Source(consumer, listener);
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
      source.join(payload.memberAssignment);
    });
    consumer.on(consumer.events.REBALANCING, () => {
      listener.onRebalancing();
    });
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      if (!payload.restart) listener.onCrash(payload.error);
    });
    await consumer.connect();
    return source;
  }

  /** Starts to read these topics, or goes on with them instead of the ones before. */
  async read(topics: readonly string[]): Promise<void> {
    if (this.topics.length > 0) await this.consumer.stop();
    this.topics = topics;
    await this.consumer.subscribe({ topics: [...topics], fromBeginning: true });
    await this.consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: (payload) => this.handOver(payload),
    });
  }

  private join(assignment: Readonly<Record<string, readonly number[]>>): void {
    this.assigned.clear();
    const assigned = Object.entries(assignment).flatMap(([topic, partitions]) =>
      partitions.map((partition) => ({ topic, partition })),
    );
    for (const { topic, partition } of assigned) this.assigned.add(`${topic}:${partition}`);
    // kafkajs forgets what was paused when it joins again.
    if (this.holds.size > 0) this.pauseAll();
    this.isReady = false;
    const ready = this.listener.onAssigned(assigned).then((starts) => {
      if (ready !== this.ready) return; // assigned anew meanwhile
      for (const { topic, partition, next } of starts) this.consumer.seek({ topic, partition, offset: String(next) });
      this.isReady = true;
    });
    this.ready = ready;
  }

  private async handOver(payload: EachBatchPayload): Promise<void> {
    const { batch } = payload;
    // Where to begin is known when the positions were read; meanwhile the group must not lose us.
    while (!this.isReady) {
      await Promise.race([this.ready, delay(HEARTBEAT_MS)]);
      await payload.heartbeat();
    }
    if (!payload.isRunning() || payload.isStale()) return;
    const { topic, partition } = batch;
    const messages = batch.messages.map((record) => queuedOf(topic, partition, record));
    const last = messages.at(-1);
    const next = Number(batch.lastOffset()) + 1; // control and aborted records may follow the last message
    if (last) messages[messages.length - 1] = { message: last.message, next: Math.max(next, last.next) };
    const room = this.listener.onMessages(messages, { topic, partition, next: Number(batch.highWatermark) });
    payload.resolveOffset(batch.lastOffset());
    if (!room) this.hold('queue');
    await payload.heartbeat();
  }

  private pauseAll(): void {
    this.consumer.pause(this.topics.map((topic) => ({ topic })));
  }

  /** Fetches nothing more until every hold is released. The group membership is kept. */
  hold(why: Hold): void {
    this.holds.add(why);
    this.pauseAll();
  }

  /** Goes on, where nothing else holds. */
  release(why: Hold): void {
    if (!this.holds.delete(why) || this.holds.size > 0) return;
    this.consumer.resume(this.topics.map((topic) => ({ topic })));
  }

  owns(topic: string, partition: number): boolean {
    return this.assigned.has(`${topic}:${partition}`);
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
    await this.consumer.disconnect();
  }
}
