import { setTimeout as delay } from 'node:timers/promises';
import kafkajs, { type Kafka } from 'kafkajs';
import { reasonOf, UserError } from '../errors.js';
import type { Message } from '../event/message.js';
import { backoff } from '../waiting/backoff.js';
import { call, openCluster } from './inside.js';
import { LogEnds } from './log-ends.js';
import { protocolErrorOf } from './protocol-error.js';
import { messageOf, type RecordReading } from './raw-record.js';
import { fetchFrom, type FetchedPart } from './record-batches.js';
import { CorruptError, UnreadableBatchError } from './unreadable.js';

/** A part of a partition's log: from the offset `from` to before `to`. */
export interface Range {
  readonly topic: string;
  readonly partition: number;
  readonly from: number;
  readonly to: number;
}

/** What was read of one partition at once, in order. */
export interface Slice<T = Message> {
  readonly topic: string;
  readonly partition: number;
  readonly messages: readonly T[];
  /** The offset behind what was read: control and aborted records may follow the last message. */
  readonly next: number;
}

/** Records of a range that retention deleted. */
export type Missing = Range;

interface Options {
  /** Aborted when the work is to end. */
  readonly signal: AbortSignal;
  /** Retention deleted records while they were about to be read; reading goes on behind them. */
  readonly onMissing?: (missing: Missing) => void;
  /** Milliseconds that the cluster may be silent before the work is given up. */
  readonly patienceMs?: number;
  /** Bytes of a partition that are fetched at once; at least one batch of records comes. */
  readonly partitionBytes?: number;
}

const FETCH_BYTES = 4 * 1024 * 1024;
const PARTITION_BYTES = 1024 * 1024;
const WAIT_MS = 500;
const PATIENCE_MS = 60_000;
const RETRY_MS = 200;

/** One range on its way. */
interface Course {
  readonly range: Range;
  next: number;
}

/**
 * Reads ranges of logs once, each partition in order, committed records only. It is no member of any group and leaves nothing
 * in the cluster: kafkajs' consumer cannot read without a group, so its requests are sent over its connections directly.
 */
export class LogReaderOf<T> {
  private cluster: unknown;
  private readonly courses: readonly Course[];
  private readonly ends: LogEnds;
  private isEnded = false;

  constructor(
    private readonly kafka: Kafka,
    ranges: readonly Range[],
    private readonly options: Options,
    private readonly reading: RecordReading<T>,
  ) {
    this.courses = ranges.filter(({ from, to }) => from < to).map((range) => ({ range, next: range.from }));
    this.ends = new LogEnds(kafka);
  }

  private get left(): readonly Course[] {
    return this.courses.filter(({ range, next }) => next < range.to);
  }

  /**
   * What is in the ranges, until their ends or the signal. The next records are fetched while these are worked on.
   *
   * @throws UserError where a log ends before its range, a batch cannot be unpacked, or the cluster is away for too long
   */
  async *slices(): AsyncGenerator<Slice<T>> {
    for await (const slices of this.rounds()) yield* slices;
  }

  /** The same, with what was fetched at once in one list: of each partition at most one slice. */
  async *rounds(): AsyncGenerator<readonly Slice<T>[]> {
    let pending: Promise<readonly Slice<T>[]> | undefined = this.fetch();
    try {
      while (pending) {
        const slices = await pending;
        pending = this.left.length > 0 && !this.options.signal.aborted ? this.fetch() : undefined;
        pending?.catch(() => undefined); // it is told when it is awaited
        yield slices;
      }
    } finally {
      this.isEnded = true; // a fetch under way is not tried again
      await this.close();
      await pending?.catch(() => undefined);
      await this.close();
    }
  }

  /** One request to each broker that leads what is left, again and again until one answers. */
  private async fetch(): Promise<readonly Slice<T>[]> {
    const { signal, patienceMs = PATIENCE_MS } = this.options;
    const started = Date.now();
    for (let attempt = 1; this.left.length > 0 && !signal.aborted && !this.isEnded; attempt++) {
      try {
        return await this.fetchOnce();
      } catch (error) {
        if (error instanceof CorruptError || error instanceof UnreadableBatchError)
          throw new UserError(unreadable(error));
        if (protocolErrorOf(error) === 'OFFSET_OUT_OF_RANGE') await this.skipMissing();
        else if (!(error instanceof kafkajs.KafkaJSError) || !error.retriable) throw error;
        if (Date.now() - started > patienceMs) {
          throw new UserError(`Kafka does not let us read: ${reasonOf(error)}. Start it, then go on.`, 7);
        }
        await delay(backoff(RETRY_MS, attempt), undefined, { signal }).catch(() => undefined);
        await this.close();
      }
    }
    return [];
  }

  private async open(): Promise<unknown> {
    if (this.cluster !== undefined) return this.cluster;
    const cluster = openCluster(this.kafka, { readCommitted: true });
    await call(cluster, 'connect');
    await call(cluster, 'addMultipleTargetTopics', [...new Set(this.courses.map(({ range }) => range.topic))]);
    this.cluster = cluster;
    return cluster;
  }

  private async fetchOnce(): Promise<readonly Slice<T>[]> {
    const { partitionBytes = PARTITION_BYTES } = this.options;
    const cluster = await this.open();
    await call(cluster, 'refreshMetadataIfNecessary');
    const byLeader = new Map<string, Course[]>();
    for (const course of this.left) {
      const { topic, partition } = course.range;
      const leaders = call(cluster, 'findLeaderForPartitions', topic, [partition]);
      const [leader] = typeof leaders === 'object' && leaders !== null ? Object.keys(leaders) : [];
      if (leader === undefined) throw new UserError(`The topic ${topic} has no partition ${partition}.`, 5);
      byLeader.set(leader, [...(byLeader.get(leader) ?? []), course]);
    }
    const answers = await Promise.all(
      [...byLeader].map(async ([nodeId, courses]) => {
        const broker = await call(cluster, 'findBroker', { nodeId });
        if (typeof broker !== 'object' || broker === null) return [];
        const request = {
          ...{ maxWaitTime: WAIT_MS, minBytes: 1, maxBytes: FETCH_BYTES, isolationLevel: 1 },
          topics: courses.map(({ range, next }) => ({
            topic: range.topic,
            partitions: [{ partition: range.partition, fetchOffset: String(next), maxBytes: partitionBytes }],
          })),
        };
        return fetchFrom(broker, request, this.reading);
      }),
    );
    const courses = new Map(this.left.map((course) => [`${course.range.topic}:${course.range.partition}`, course]));
    return answers.flat().flatMap(({ topicName, partitions }) =>
      partitions.flatMap((part) => {
        const course = courses.get(`${topicName}:${part.partition}`);
        return (course && take(course, part)) ?? [];
      }),
    );
  }

  /** Goes on at the start of logs whose first records are gone. */
  private async skipMissing(): Promise<void> {
    const topics = [...new Set(this.left.map(({ range }) => range.topic))];
    const { ends, unled } = await this.ends.askAnew(topics);
    for (const course of this.left) {
      const { topic, partition, to } = course.range;
      if (unled.some((one) => one.topic === topic && one.partition === partition)) continue;
      const end = ends.find((one) => one.topic === topic && one.partition === partition);
      if (!end || course.next > end.high) {
        throw new UserError(
          `The log of ${topic}:${partition} ends before ${course.next}: it is another one than before.`,
          5,
        );
      }
      if (course.next >= end.low) continue;
      const behindIt = Math.min(end.low, to);
      this.options.onMissing?.({ topic, partition, from: course.next, to: behindIt });
      course.next = behindIt;
    }
  }

  private async close(): Promise<void> {
    const { cluster } = this;
    this.cluster = undefined;
    void this.ends.close();
    if (cluster === undefined) return;
    await Promise.resolve(call(cluster, 'disconnect')).catch(() => undefined);
  }
}

/** Reads whole messages. */
export class LogReader extends LogReaderOf<Message> {
  constructor(kafka: Kafka, ranges: readonly Range[], options: Options) {
    super(kafka, ranges, options, messageOf);
  }
}

function unreadable(error: Error): string {
  return `Kafka gave records that cannot be read: ${error.message}`;
}

/** Takes what came of a partition, and moves its course on; undefined where nothing came. */
function take<T>(course: Course, { from, records, offsets, next, unreadable }: FetchedPart<T>): Slice<T> | undefined {
  if (unreadable && (next ?? from) <= from) throw unreadable;
  if (next === undefined) return undefined;
  const { topic, partition, to } = course.range;
  course.next = Math.min(Math.max(course.next, next), to);
  // The last batch may end behind the range.
  const isWhole = (offsets.at(-1) ?? -1) < to;
  const messages = isWhole ? records : records.filter((_, i) => (offsets[i] ?? to) < to);
  return { topic, partition, messages, next: course.next };
}
