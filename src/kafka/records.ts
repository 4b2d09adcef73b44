import { setTimeout as delay } from 'node:timers/promises';
import kafkajs, { type Batch, type Consumer, type ConsumerConfig, type Kafka } from 'kafkajs';
import type { Queued } from '../reading/intake.js';
import type { Position } from '../reading/offsets.js';
import { call, clusterMaking, methodOf } from './inside.js';
import { askLeadersOnly } from './leaders.js';
import { waitingMessageOf, type RawRecord } from './raw-record.js';
import { fetchFrom, type FetchedPart, type FetchRequest } from './record-batches.js';
import type { UnreadableBatchError } from './unreadable.js';
import type { TopicPartition } from './topic-partition.js';

/**
 * kafkajs' consumer without its way to read records: that copies all headers of a record once for each of them, knows no bound for
 * their number, and fails where a fetch brings more records than a function takes arguments. Here two stand for all that came.
 */

/** A record for the consumer's eyes: where it is. What was read is with the first. */
class Stand {
  readonly key = null;
  readonly value = null;
  readonly timestamp = '0';
  readonly attributes = 0;
  readonly offset: string;

  constructor(
    offset: number,
    /** The consumer counts such as passed, but does not hand them over, nor asks whether they were fetched too early. */
    readonly isControlRecord: boolean,
    readonly read: Queued[],
  ) {
    this.offset = String(offset);
  }
}

function queuedOf(record: RawRecord): Queued {
  const { topic, partition, offset } = record;
  return { topic, partition, message: waitingMessageOf(record), next: offset + 1 };
}

/**
 * From where it was asked to go on to before where to go on: gaps that compaction left are in it. The first is handed over even if
 * there is no record: whether it counts is found out in one place.
 */
function standsOf({ from, next, records }: FetchedPart<Queued>): Stand[] {
  if (next === undefined || next <= from) return [];
  return [new Stand(from, false, records), new Stand(next - 1, true, [])];
}

/** Bytes that are asked for at once: of all partitions together, and of one of them at most. */
export const FETCH_BYTES = 2 * 1024 * 1024;
export const MAX_PARTITION_BYTES = 1024 * 1024;

/** What came of a partition that was asked for. */
export interface Answered extends TopicPartition {
  /** Whether nothing of it comes in. */
  readonly isEmpty: boolean;
  /** What the broker gave, also where that was not read. */
  readonly bytes: number;
  /** Whether there is more behind the offset that was asked for. */
  readonly hasMore: boolean;
}

/** Who decides what is fetched next. */
export interface Demand {
  /** Which of these partitions to ask for, in their order, and for how many bytes of each. */
  ask<T extends TopicPartition>(places: readonly T[]): readonly (T & { readonly maxBytes: number })[];
  /** What came of them, in the order in which one broker was asked. */
  answered(parts: readonly Answered[]): void;
}

/** How long a broker, or we, may wait for records, in milliseconds, where partitions are not asked for that may be wanted soon. */
const SHORT_WAIT_MS = 20;

/** Who owns a consumer. */
interface Owner {
  readonly demand: Demand;
  /** Told with each fetch that begins with a batch that cannot be read: nothing of its partition comes then. */
  readonly onUnreadable: (at: Position, error: UnreadableBatchError) => void;
}

async function fetchWith(broker: object, request: unknown, { demand, onUnreadable }: Owner) {
  if (!isFetchRequest(request)) throw new TypeError('kafkajs asks for no topics');
  const places = request.topics.flatMap(({ topic, partitions }) => partitions.map((part) => ({ topic, ...part })));
  const wanted = demand.ask(places);
  if (wanted.length === 0) {
    // As kafkajs does where all is paused: it sends its heartbeat then, and looks anew at what it is to fetch.
    await delay(SHORT_WAIT_MS);
    return { responses: [] };
  }
  const topics = wanted.map(({ topic, ...part }) => ({ topic, partitions: [part] }));
  const wait = wanted.length < places.length ? { maxWaitTime: SHORT_WAIT_MS } : {};
  const answers = await fetchFrom(broker, { ...request, topics, ...wait, inOrder: true }, queuedOf);
  const answered = answers.flatMap(({ topicName: topic, partitions }) =>
    partitions.map(({ partition, bytes, from, next, end }) => {
      return { topic, partition, isEmpty: next === undefined || next <= from, bytes, hasMore: from < end };
    }),
  );
  demand.answered(answered);
  for (const { topicName: topic, partitions } of answers) {
    for (const { partition, from, next = from, unreadable } of partitions) {
      // What could be read before it is handed over first: it is the first of the next fetch then.
      if (unreadable && next <= from) onUnreadable({ topic, partition, next: from }, unreadable);
    }
  }
  const responses = answers.map(({ topicName, partitions }) => ({
    topicName,
    partitions: partitions.map((part) => ({
      partition: part.partition,
      errorCode: part.errorCode,
      highWatermark: String(part.end), // the last stable offset: kafkajs only measures a lag by it
      preferredReadReplica: part.preferredReplica,
      abortedTransactions: [], // their records are left out already
      messages: standsOf(part),
    })),
  }));
  return { responses };
}

function isFetchRequest(value: unknown): value is FetchRequest {
  return typeof value === 'object' && value !== null && 'topics' in value && Array.isArray(value.topics);
}

/** Has a broker, and no other, give what it is asked for in our way. */
function teach(broker: unknown, owner: Owner): unknown {
  if (typeof broker === 'object' && broker !== null && !Object.hasOwn(broker, 'fetch')) {
    Object.defineProperty(broker, 'fetch', { value: (request: unknown) => fetchWith(broker, request, owner) });
  }
  return broker;
}

const CONSUMER = {
  allowAutoTopicCreation: false,
  sessionTimeout: 15_000, // also how long the partitions of a process that was killed wait for the next one
  rebalanceTimeout: 60_000,
  heartbeatInterval: 3_000,
  maxWaitTimeInMs: 500,
  minBytes: 1,
  maxBytes: FETCH_BYTES,
  maxBytesPerPartition: MAX_PARTITION_BYTES, // what is asked for is less, mostly: see Demand
  readUncommitted: false,
  metadataMaxAge: 10_000, // also how long partitions that were added wait to be read
  retry: { initialRetryTime: 200, maxRetryTime: 2_000, retries: 10, restartOnFailure: () => Promise.resolve(true) },
};

/**
 * A consumer whose batches hold what `readIn` tells.
 *
 * @throws kafkajs' errors, and an Error where it is not built as expected
 */
export function readingConsumer(
  kafka: Kafka,
  config: Pick<ConsumerConfig, 'groupId' | 'partitionAssigners'>,
  owner: Owner,
): Consumer {
  const making = clusterMaking(kafka);
  const makeCluster = (options: unknown): unknown => {
    const cluster = call(kafka, making, options);
    const find = methodOf(cluster, 'findBroker');
    if (typeof cluster !== 'object' || cluster === null) return cluster;
    askLeadersOnly(cluster);
    return Object.defineProperty(cluster, 'findBroker', {
      value: async (of: unknown) => teach(await find(of), owner),
    });
  };
  // The client itself, but for the cluster that it makes for this consumer.
  const client: unknown = Object.create(kafka, { [making]: { value: makeCluster } });
  if (!(client instanceof kafkajs.Kafka)) throw new TypeError('this is no client of kafkajs');
  return client.consumer({ ...CONSUMER, ...config });
}

/** The records of a batch of such a consumer, for the queue; the list is the caller's. */
export function readIn({ messages }: Batch): Queued[] {
  const [first] = messages;
  return first instanceof Stand ? first.read : [];
}
