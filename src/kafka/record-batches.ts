import { Bytes } from './bytes.js';
import { call, inside } from './inside.js';
import { CONTROL, LOG_APPEND_TIME, nextBatch, TRANSACTIONAL, unpacked, type Batch } from './record-batch.js';
import type { Budget, RawRecord, RecordReading } from './raw-record.js';
import { CorruptError, placed, UnreadableBatchError } from './unreadable.js';
import { partitionName } from './topic-partition.js';

/**
 * Reads the answer to a fetch request (versions 4 to 11) into messages. kafkajs has its own way to do it, which copies all headers
 * of a record once for each of them: of twenty, as dead letters have, that takes longer than everything else together.
 */

/** What came of one partition. */
export interface FetchedPart<T> {
  readonly partition: number;
  /** 0, or one of Kafka's errors. */
  readonly errorCode: number;
  /** The offset behind the last record that can be read: none of a transaction that is still open, nor behind one. */
  readonly end: number;
  /** The replica that had better be asked, or -1. */
  readonly preferredReplica: number;
  /** How much came, also where it was not read. */
  readonly bytes: number;
  /** The offset that was asked for. */
  readonly from: number;
  /** Committed records from that offset on, of whole batches unless they cost too much at once. */
  readonly records: T[];
  readonly offsets: readonly number[];
  /** The offset to go on with; undefined where nothing came. */
  readonly next: number | undefined;
  /** Why the batch there cannot be read, where it is that which ended the reading. */
  readonly unreadable: UnreadableBatchError | undefined;
}

interface Part<T> {
  readonly topic: string;
  readonly partition: number;
  readonly from: number;
  readonly records: T[];
  readonly offsets: number[];
}

/** What was asked for, as kafkajs' `broker.fetch` takes it. */
export interface FetchRequest {
  readonly topics: readonly {
    readonly topic: string;
    readonly partitions: readonly { readonly partition: number; readonly fetchOffset: string }[];
  }[];
  /** Milliseconds for which the broker may wait for records. */
  readonly maxWaitTime?: number;
  /** Whether the broker is to answer in this order, as far as an answer goes; kafkajs shuffles what it asks for. */
  readonly inOrder?: boolean;
}

/** The offset that was asked for of a partition. */
type StartOf = (topic: string, partition: number) => number;

/** In the shape in which kafkajs looks for errors. */
export interface FetchAnswer<T> {
  /** Milliseconds for which the broker asks to be left alone. */
  readonly clientSideThrottleTime: number;
  readonly responses: readonly { readonly topicName: string; readonly partitions: readonly FetchedPart<T>[] }[];
}

interface Aborted {
  readonly producerId: bigint;
  readonly firstOffset: number;
}

/**
 * What may be made of one answer, in bytes. What is unpacked is bounded in bytes, but ten million empty records fit into them, and
 * become thousands of millions of bytes of objects: what is left when this is spent is fetched again.
 */
const MAX_COST = 64 * 1024 * 1024;
/** What a record costs beside its bytes, roughly. */
const RECORD_COST = 300;

/** @returns the offset of the first record that is left for another time, where the budget is spent */
function readRecords<T>(
  batch: Batch,
  records: Buffer,
  part: Part<T>,
  read: RecordReading<T>,
  budget: Budget,
): number | undefined {
  const from = new Bytes(records);
  const { firstOffset, firstTime, maxTime, attributes, count } = batch;
  const record: RawRecord = { topic: part.topic, partition: part.partition, offset: 0, timestamp: 0, from, budget };
  for (let i = 0; i < count; i++) {
    const length = from.varint();
    const end = from.at + length;
    if (length < 0 || end > records.length) throw new CorruptError('a record is longer than its batch');
    from.at++; // its attributes, which nobody uses
    const time = firstTime + from.varint();
    record.timestamp = (attributes & LOG_APPEND_TIME) === 0 ? time : maxTime;
    record.offset = firstOffset + from.varint();
    if (record.offset >= part.from) {
      if (budget.spent >= MAX_COST) return record.offset;
      budget.spent += RECORD_COST + length;
      part.offsets.push(record.offset);
      part.records.push(read(record));
    }
    from.at = end;
  }
  return undefined;
}

/** Which transactions are aborted at the batch that is looked at. */
class Transactions {
  private readonly open = new Set<bigint>();
  private readonly coming: Aborted[];

  constructor(aborted: readonly Aborted[]) {
    this.coming = [...aborted].sort((a, b) => a.firstOffset - b.firstOffset);
  }

  /** Whether a batch counts: it is no mark of a transaction's end, and was not aborted. */
  counts({ attributes, producerId, next }: Batch): boolean {
    for (let first = this.coming[0]; first && first.firstOffset < next; first = this.coming[0]) {
      this.open.add(first.producerId);
      this.coming.shift();
    }
    if ((attributes & CONTROL) !== 0) {
      this.open.delete(producerId); // with its end, also where that is a commit of a later one
      return false;
    }
    return (attributes & TRANSACTIONAL) === 0 || !this.open.has(producerId);
  }
}

/** What may outlive the answer that it came in is copied: else a few messages that wait would keep the whole of it. */
function ownOf(part: Buffer, answer: Buffer): Buffer {
  return part.length < answer.length / 2 ? Buffer.from(part) : part;
}

async function readPart<T>(
  topic: string,
  from: Bytes,
  version: number,
  read: RecordReading<T>,
  startOf: StartOf,
  budget: Budget,
): Promise<FetchedPart<T>> {
  const [partition, errorCode, , end] = [from.int32(), from.int16(), from.int64(), from.int64()]; // not its last offset
  if (version >= 5) from.at += 8; // start of the log
  const transactions = new Transactions(from.list(() => ({ producerId: from.bigint(), firstOffset: from.int64() })));
  const preferredReplica = version >= 11 ? from.int32() : -1;
  const batches = new Bytes(ownOf(from.take(Math.max(0, from.int32())), from.bytes));
  const part: Part<T> = { topic, partition, from: startOf(topic, partition), records: [], offsets: [] };
  let next: number | undefined;
  let left: number | undefined;
  let batch: Batch | undefined;
  let unreadable: UnreadableBatchError | undefined;
  let whole = 0;
  try {
    while (left === undefined && budget.spent < MAX_COST && (batch = nextBatch(batches))) {
      if (!batch.isSound) throw new CorruptError('their checksum is another one');
      if (transactions.counts(batch)) left = readRecords(batch, await unpacked(batch), part, read, budget);
      next = left ?? batch.next;
      whole = part.records.length;
      batch = undefined;
    }
  } catch (error) {
    const where = batch ? `offsets ${batch.firstOffset} to ${batch.next - 1}` : `from offset ${next ?? part.from} on`;
    const reason = placed(error, `${topic}:${partition}, ${where}`);
    if (!(reason instanceof UnreadableBatchError)) throw reason;
    unreadable = reason;
    part.records.length = whole;
    part.offsets.length = whole;
  }
  return { ...part, errorCode, end, preferredReplica, bytes: batches.bytes.length, next, unreadable };
}

/**
 * @param bytes the answer's body
 * @param version of the request
 * @param startOf the offset that was asked for: what its batch holds before it is passed over
 * @throws CorruptError or RangeError for bytes outside of batches that cannot be read
 */
export async function readFetchAnswer<T>(
  bytes: Buffer,
  version: number,
  read: RecordReading<T>,
  startOf: StartOf,
): Promise<FetchAnswer<T>> {
  const from = new Bytes(bytes);
  const budget: Budget = { spent: 0 };
  const throttled = from.int32();
  if (version >= 7) from.at += 6; // an error of the session, and its number: we have none
  const responses: { topicName: string; partitions: FetchedPart<T>[] }[] = [];
  for (let topics = from.int32(); topics > 0; topics--) {
    const topicName = from.text();
    const partitions: FetchedPart<T>[] = [];
    for (let parts = from.int32(); parts > 0; parts--) {
      partitions.push(await readPart(topicName, from, version, read, startOf, budget));
    }
    responses.push({ topicName, partitions });
  }
  // Before version 8 the broker itself waits.
  return { clientSideThrottleTime: version >= 8 ? throttled : 0, responses };
}

type Make = (of: unknown) => unknown;

function isMake(value: unknown): value is Make {
  return typeof value === 'function';
}

/**
 * Asks a broker for records.
 *
 * @param broker of kafkajs
 * @param read makes of each record what is wanted
 * @throws what `broker.fetch` does, and what `readFetchAnswer` does
 */
export async function fetchFrom<T>(
  broker: object,
  request: FetchRequest,
  read: RecordReading<T>,
): Promise<FetchAnswer<T>['responses']> {
  let answer: FetchAnswer<T> | undefined;
  const starts = new Map(
    request.topics.flatMap(({ topic, partitions }) =>
      partitions.map(({ partition, fetchOffset }) => [partitionName({ topic, partition }), Number(fetchOffset)]),
    ),
  );
  const startOf: StartOf = (topic, partition) => starts.get(partitionName({ topic, partition })) ?? 0;
  const lookupRequest = (...args: unknown[]): Make => {
    const make = call(broker, 'lookupRequest', ...args);
    if (!isMake(make)) throw new TypeError('kafkajs makes no fetch requests');
    return (of) => {
      const protocol = make(request.inOrder && typeof of === 'object' ? { ...of, topics: request.topics } : of);
      const [sent, response] = [inside(protocol, 'request'), inside(protocol, 'response')];
      const version = Number(inside(sent, 'apiVersion'));
      const decode = async (bytes: Buffer) => (answer = await readFetchAnswer(bytes, version, read, startOf));
      const parse = inside(response, 'parse');
      return { request: sent, requestTimeout: inside(protocol, 'requestTimeout'), response: { parse, decode } };
    };
  };
  // The broker itself but for one method: what becomes of its connection is its own. Its class fetches, even where records.ts
  // has put us in the place of that.
  const fetch = { value: inside(Object.getPrototypeOf(broker), 'fetch') };
  const reading: unknown = Object.create(broker, { lookupRequest: { value: lookupRequest }, fetch });
  await call(reading, 'fetch', request);
  return answer?.responses ?? [];
}
