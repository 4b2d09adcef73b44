import kafkajs from 'kafkajs';
import type { Bytes } from './bytes.js';
import { crc32c } from './crc32c.js';
import { CorruptError } from './unreadable.js';

interface Codec {
  decompress: (bytes: Buffer) => Promise<Buffer>;
}

const BATCH_HEAD = 61;
/** Bytes of a batch before those that its length counts. */
const UNCOUNTED = 12;
const CODEC = 0x07;
export const LOG_APPEND_TIME = 0x08;
export const TRANSACTIONAL = 0x10;
export const CONTROL = 0x20;

/** A batch of records as it stands in Kafka's log, in the format of Kafka 0.11 and newer. */
export interface Batch {
  readonly firstOffset: number;
  readonly next: number;
  readonly attributes: number;
  readonly firstTime: number;
  readonly maxTime: number;
  readonly producerId: bigint;
  readonly count: number;
  /** Whether its checksum is that of its bytes: a disk or a network may have changed them, and a changed event may look right. */
  readonly isSound: boolean;
  readonly records: Buffer;
}

function isCodec(value: unknown): value is Codec {
  return typeof value === 'object' && value !== null && 'decompress' in value;
}

/** The records of a batch as they were before they were compressed, by the codecs that kafkajs knows (codecs.ts). */
export async function unpacked({ attributes, records, count }: Batch): Promise<Buffer> {
  if ((attributes & CODEC) === 0 || count === 0) return records;
  const codecs: Readonly<Record<number, (() => unknown) | undefined>> = kafkajs.CompressionCodecs;
  const codec = codecs[attributes & CODEC]?.();
  if (!isCodec(codec)) throw new CorruptError(`no codec has the number ${attributes & CODEC}`);
  return codec.decompress(records);
}

/** The next batch; undefined where only a part of one is left. */
export function nextBatch(from: Bytes): Batch | undefined {
  if (from.bytes.length - from.at < BATCH_HEAD) return undefined;
  const firstOffset = from.int64();
  const length = from.int32();
  const end = from.at + length;
  const magic = from.bytes[from.at + 4];
  if (magic !== 2) throw new CorruptError(`records of the format of before Kafka 0.11 (${magic ?? 'none'})`);
  if (length < BATCH_HEAD - UNCOUNTED) throw new CorruptError('a batch is shorter than its head');
  if (end > from.bytes.length) return undefined;
  from.at += 5; // the leader's epoch, the format
  const checksum = from.int32();
  const isSound = crc32c(from.bytes.subarray(from.at, end)) === checksum;
  const attributes = from.int16();
  const lastDelta = from.int32();
  const [firstTime, maxTime, producerId] = [from.int64(), from.int64(), from.bigint()];
  from.at += 6; // the producer's epoch, its sequence
  const count = from.int32();
  const records = from.take(length + UNCOUNTED - BATCH_HEAD);
  const next = firstOffset + lastDelta + 1;
  return { firstOffset, next, attributes, firstTime, maxTime, producerId, count, isSound, records };
}
