import kafkajs from 'kafkajs';
import type { Header, Message } from '../event/message.js';
import { Bytes, Texts } from './bytes.js';
import { call, inside } from './inside.js';
import { CorruptError } from './unreadable.js';

/**
 * Reads the answer to a fetch request (versions 4 to 11) into messages. kafkajs has its own way to do it, which copies all headers
 * of a record once for each of them: of twenty, as dead letters have, that takes longer than everything else together.
 */

/** What came of one partition. */
export interface FetchedPart<T> {
  readonly partition: number;
  /** 0, or one of Kafka's errors. */
  readonly errorCode: number;
  /** Committed records of whole batches: the first may begin before the offset that was asked for. */
  readonly records: readonly T[];
  readonly offsets: readonly number[];
  /** The offset behind the last batch; undefined where none came. */
  readonly next: number | undefined;
}

interface Part<T> {
  readonly topic: string;
  readonly partition: number;
  readonly records: T[];
  readonly offsets: number[];
}

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

interface Codec {
  decompress: (bytes: Buffer) => Promise<Buffer>;
}

const BATCH_HEAD = 61;
/** Bytes of a batch before those that its length counts. */
const UNCOUNTED = 12;
const CODEC = 0x07;
const LOG_APPEND_TIME = 0x08;
const TRANSACTIONAL = 0x10;
const CONTROL = 0x20;

/** One record on its way: valid until the next one is read. */
export interface RawRecord {
  topic: string;
  partition: number;
  offset: number;
  timestamp: number;
  /** Stands at the key, behind which the value and the headers follow. */
  readonly from: Bytes;
}

/** What somebody makes of a record. */
export type RecordReading<T> = (record: RawRecord) => T;

const names = new Texts();

/** A record whole. */
export function messageOf({ topic, partition, offset, timestamp, from }: RawRecord): Message {
  const key = from.optional();
  const value = from.optional();
  const headers: Header[] = [];
  for (let left = from.varint(); left > 0; left--) headers.push([names.read(from, from.varint()), from.optional()]);
  return { topic, partition, offset, key, value, headers, timestamp };
}

interface Batch {
  readonly firstOffset: number;
  readonly next: number;
  readonly attributes: number;
  readonly firstTime: number;
  readonly maxTime: number;
  readonly producerId: bigint;
  readonly count: number;
  readonly records: Buffer;
}

function isCodec(value: unknown): value is Codec {
  return typeof value === 'object' && value !== null && 'decompress' in value;
}

/** The records of a batch as they were before they were compressed, by the codecs that kafkajs knows (codecs.ts). */
async function unpacked({ attributes, records, count }: Batch): Promise<Buffer> {
  if ((attributes & CODEC) === 0 || count === 0) return records;
  const codecs: Readonly<Record<number, (() => unknown) | undefined>> = kafkajs.CompressionCodecs;
  const codec = codecs[attributes & CODEC]?.();
  if (!isCodec(codec)) throw new CorruptError(`no codec has the number ${attributes & CODEC}`);
  return codec.decompress(records);
}

/** The next batch; undefined where only a part of one is left. */
function nextBatch(from: Bytes): Batch | undefined {
  if (from.bytes.length - from.at < BATCH_HEAD) return undefined;
  const firstOffset = from.int64();
  const length = from.int32();
  const end = from.at + length;
  const magic = from.bytes[from.at + 4];
  if (magic !== 2) throw new CorruptError(`records of the format of before Kafka 0.11 (${magic ?? 'none'})`);
  if (end > from.bytes.length) return undefined;
  from.at += 9; // the leader's epoch, the format, the checksum
  const attributes = from.int16();
  const lastDelta = from.int32();
  const [firstTime, maxTime, producerId] = [from.int64(), from.int64(), from.bigint()];
  from.at += 6; // the producer's epoch, its sequence
  const count = from.int32();
  const records = from.take(length + UNCOUNTED - BATCH_HEAD);
  return { firstOffset, next: firstOffset + lastDelta + 1, attributes, firstTime, maxTime, producerId, count, records };
}

function readRecords<T>(batch: Batch, records: Buffer, part: Part<T>, read: RecordReading<T>): void {
  const from = new Bytes(records);
  const { firstOffset, firstTime, maxTime, attributes, count } = batch;
  const record: RawRecord = { topic: part.topic, partition: part.partition, offset: 0, timestamp: 0, from };
  for (let i = 0; i < count; i++) {
    const length = from.varint();
    const end = from.at + length;
    if (length < 0 || end > records.length) throw new CorruptError('a record is longer than its batch');
    from.at++; // its attributes, which nobody uses
    const time = firstTime + from.varint();
    record.timestamp = (attributes & LOG_APPEND_TIME) === 0 ? time : maxTime;
    record.offset = firstOffset + from.varint();
    part.offsets.push(record.offset);
    part.records.push(read(record));
    from.at = end;
  }
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

async function readPart<T>(
  topic: string,
  from: Bytes,
  version: number,
  read: RecordReading<T>,
): Promise<FetchedPart<T>> {
  const [partition, errorCode] = [from.int32(), from.int16()];
  from.at += version >= 5 ? 24 : 16; // high watermark, last stable offset, start of the log
  const transactions = new Transactions(from.list(() => ({ producerId: from.bigint(), firstOffset: from.int64() })));
  if (version >= 11) from.at += 4; // the replica that we had better read from
  const batches = new Bytes(from.take(Math.max(0, from.int32())));
  const part: Part<T> = { topic, partition, records: [], offsets: [] };
  let next: number | undefined;
  for (let batch = nextBatch(batches); batch; batch = nextBatch(batches)) {
    next = batch.next;
    if (transactions.counts(batch)) readRecords(batch, await unpacked(batch), part, read);
  }
  return { ...part, errorCode, next };
}

/**
 * @param bytes the answer's body
 * @param version of the request
 * @throws CorruptError, or what a codec throws for a batch that it cannot unpack
 */
export async function readFetchAnswer<T>(
  bytes: Buffer,
  version: number,
  read: RecordReading<T>,
): Promise<FetchAnswer<T>> {
  const from = new Bytes(bytes);
  const throttled = from.int32();
  if (version >= 7) from.at += 6; // an error of the session, and its number: we have none
  const responses: { topicName: string; partitions: FetchedPart<T>[] }[] = [];
  for (let topics = from.int32(); topics > 0; topics--) {
    const topicName = from.text();
    const partitions: FetchedPart<T>[] = [];
    for (let parts = from.int32(); parts > 0; parts--) partitions.push(await readPart(topicName, from, version, read));
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
 * @param request as kafkajs' `broker.fetch` takes it
 * @param read makes of each record what is wanted
 * @throws what `broker.fetch` does, CorruptError, and what codecs throw
 */
export async function fetchFrom<T>(
  broker: object,
  request: object,
  read: RecordReading<T>,
): Promise<FetchAnswer<T>['responses']> {
  let answer: FetchAnswer<T> | undefined;
  const lookupRequest = (...args: unknown[]): Make => {
    const make = call(broker, 'lookupRequest', ...args);
    if (!isMake(make)) throw new TypeError('kafkajs makes no fetch requests');
    return (of) => {
      const protocol = make(of);
      const [sent, response] = [inside(protocol, 'request'), inside(protocol, 'response')];
      const version = Number(inside(sent, 'apiVersion'));
      const decode = async (bytes: Buffer) => (answer = await readFetchAnswer(bytes, version, read));
      const parse = inside(response, 'parse');
      return { request: sent, requestTimeout: inside(protocol, 'requestTimeout'), response: { parse, decode } };
    };
  };
  // The broker itself but for one method: what becomes of its connection is its own.
  const reading: unknown = Object.create(broker, { lookupRequest: { value: lookupRequest } });
  await call(reading, 'fetch', request);
  return answer?.responses ?? [];
}
