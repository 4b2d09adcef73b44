import { createRequire } from 'node:module';
import type { Header, Message } from '../event/message.js';
import { Bytes } from './bytes.js';
import { call, inside } from './inside.js';
import { CorruptError } from './unreadable.js';

/**
 * Reads the answer to a fetch request (versions 4 to 11) into messages. kafkajs has its own way to do it, which copies all headers
 * of a record once for each of them: of twenty, as dead letters have, that takes longer than everything else together.
 */

/** What came of one partition. */
export interface FetchedPart {
  readonly partition: number;
  /** 0, or one of Kafka's errors. */
  readonly errorCode: number;
  /** Committed messages of whole batches: the first may begin before the offset that was asked for. */
  readonly messages: readonly Message[];
  /** The offset behind the last batch; undefined where none came. */
  readonly next: number | undefined;
}

/** In the shape in which kafkajs looks for errors. */
export interface FetchAnswer {
  /** Milliseconds for which the broker asks to be left alone. */
  readonly clientSideThrottleTime: number;
  readonly responses: readonly { readonly topicName: string; readonly partitions: readonly FetchedPart[] }[];
}

interface Aborted {
  readonly producerId: bigint;
  readonly firstOffset: number;
}

interface Codec {
  decompress: (bytes: Buffer) => Promise<Buffer>;
}

const require = createRequire(import.meta.url);
const BATCH_HEAD = 61;
/** Bytes of a batch before those that its length counts. */
const UNCOUNTED = 12;
const CODEC = 0x07;
const LOG_APPEND_TIME = 0x08;
const TRANSACTIONAL = 0x10;
const CONTROL = 0x20;

/** Names of headers: the n-th of a record is nearly always the n-th of the one before, and needs no text of its own. */
class Names {
  private readonly known: { bytes: Buffer; text: string }[] = [];

  read(from: Bytes, nth: number): string {
    const length = from.varint();
    const known = this.known[nth];
    if (known?.bytes.length === length && isAt(known.bytes, from)) {
      from.at += length;
      return known.text;
    }
    // Copied: a part would keep the whole answer alive.
    const bytes = Buffer.from(from.take(Math.max(0, length)));
    const text = bytes.toString('utf8');
    if (nth < 64) this.known[nth] = { bytes, text };
    return text;
  }
}

function isAt(bytes: Buffer, { bytes: within, at }: Bytes): boolean {
  for (let i = bytes.length - 1; i >= 0; i--) if (bytes[i] !== within[at + i]) return false; // the ends differ
  return true;
}

const names = new Names();

function headersIn(from: Bytes): readonly Header[] {
  const count = from.varint();
  const headers: Header[] = [];
  for (let nth = 0; nth < count; nth++) {
    const name = names.read(from, nth);
    headers.push([name, from.optional()]);
  }
  return headers;
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
  const codec = call(require('kafkajs/src/protocol/message/compression'), 'lookupCodecByAttributes', attributes);
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

function messagesIn(batch: Batch, records: Buffer, topic: string, partition: number, into: Message[]): void {
  const from = new Bytes(records);
  const { firstOffset, firstTime, maxTime, attributes, count } = batch;
  for (let i = 0; i < count; i++) {
    const length = from.varint();
    const end = from.at + length;
    if (length < 0 || end > records.length) throw new CorruptError('a record is longer than its batch');
    from.at++; // its attributes, which nobody uses
    const time = firstTime + from.varint();
    const timestamp = (attributes & LOG_APPEND_TIME) === 0 ? time : maxTime;
    const offset = firstOffset + from.varint();
    const key = from.optional();
    const value = from.optional();
    into.push({ topic, partition, offset, key, value, headers: headersIn(from), timestamp });
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

async function readPart(topic: string, from: Bytes, version: number): Promise<FetchedPart> {
  const [partition, errorCode] = [from.int32(), from.int16()];
  from.at += version >= 5 ? 24 : 16; // high watermark, last stable offset, start of the log
  const transactions = new Transactions(from.list(() => ({ producerId: from.bigint(), firstOffset: from.int64() })));
  if (version >= 11) from.at += 4; // the replica that we had better read from
  const batches = new Bytes(from.take(Math.max(0, from.int32())));
  const messages: Message[] = [];
  let next: number | undefined;
  for (let batch = nextBatch(batches); batch; batch = nextBatch(batches)) {
    next = batch.next;
    if (transactions.counts(batch)) messagesIn(batch, await unpacked(batch), topic, partition, messages);
  }
  return { partition, errorCode, messages, next };
}

/**
 * @param bytes the answer's body
 * @param version of the request
 * @throws CorruptError, or what a codec throws for a batch that it cannot unpack
 */
export async function readFetchAnswer(bytes: Buffer, version: number): Promise<FetchAnswer> {
  const from = new Bytes(bytes);
  const throttled = from.int32();
  if (version >= 7) from.at += 6; // an error of the session, and its number: we have none
  const responses: { topicName: string; partitions: FetchedPart[] }[] = [];
  for (let topics = from.int32(); topics > 0; topics--) {
    const topicName = from.text();
    const partitions: FetchedPart[] = [];
    for (let parts = from.int32(); parts > 0; parts--) partitions.push(await readPart(topicName, from, version));
    responses.push({ topicName, partitions });
  }
  // Before version 8 the broker itself waits.
  return { clientSideThrottleTime: version >= 8 ? throttled : 0, responses };
}

type Make = (of: unknown) => unknown;

function isMake(value: unknown): value is Make {
  return typeof value === 'function';
}

/** A request of kafkajs whose answer we read ourselves. */
function withOurReading(protocol: unknown): object {
  const [request, response] = [inside(protocol, 'request'), inside(protocol, 'response')];
  const version = Number(inside(request, 'apiVersion'));
  const parse = inside(response, 'parse');
  const requestTimeout = inside(protocol, 'requestTimeout');
  return { request, requestTimeout, response: { parse, decode: (bytes: Buffer) => readFetchAnswer(bytes, version) } };
}

/**
 * Asks a broker for records.
 *
 * @param broker of kafkajs
 * @param request as kafkajs' `broker.fetch` takes it
 * @throws what `broker.fetch` does, CorruptError, and what codecs throw
 */
export async function fetchFrom(broker: object, request: object): Promise<FetchAnswer['responses']> {
  const lookupRequest = (...args: unknown[]): Make => {
    const make = call(broker, 'lookupRequest', ...args);
    if (!isMake(make)) throw new TypeError('kafkajs makes no fetch requests');
    return (of) => withOurReading(make(of));
  };
  // The broker itself but for one method: what becomes of its connection is its own.
  const reading: object = Object.create(broker, { lookupRequest: { value: lookupRequest } }) as object;
  const answer = await call(reading, 'fetch', request);
  if (!isAnswer(answer)) throw new TypeError('kafkajs gives no answer to a fetch request');
  return answer.responses;
}

function isAnswer(value: unknown): value is FetchAnswer {
  return typeof value === 'object' && value !== null && 'responses' in value;
}
