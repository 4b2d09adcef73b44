import { once } from 'node:events';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';

/** Batches that no client library sends, and that a broker takes all the same. */

const GZIP = 1;

/** A number as Kafka's format writes it: zigzag, seven bits a byte. */
export function varint(value: number): Buffer {
  const bytes: number[] = [];
  let left = value < 0 ? -2 * value - 1 : 2 * value;
  for (; left >= 128; left = Math.floor(left / 128)) bytes.push((left % 128) | 128);
  return Buffer.from([...bytes, left]);
}

function counted(bytes: Buffer | null): Buffer {
  return bytes === null ? varint(-1) : Buffer.concat([varint(bytes.length), bytes]);
}

interface Given {
  readonly key: string | null;
  readonly value: Buffer | null;
  /** How many headers of this name it has, each without a value. */
  readonly headers?: number;
  readonly name?: string;
}

/** A record of a batch, at the `index`th place. */
export function record(index: number, { key, value, headers = 0, name = '' }: Given): Buffer {
  const header = Buffer.concat([counted(Buffer.from(name)), varint(-1)]);
  const body = Buffer.concat([
    ...[Buffer.from([0]), varint(0), varint(index)],
    ...[counted(key === null ? null : Buffer.from(key)), counted(value), varint(headers)],
    Buffer.alloc(header.length * headers, header),
  ]);
  return Buffer.concat([varint(body.length), body]);
}

const TABLE = Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  return crc >>> 0;
});

/** CRC-32C, bit by bit as its definition has it. */
export function crc32c(bytes: Buffer): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ (TABLE[(crc ^ byte) & 255] ?? 0);
  return (crc ^ 0xffffffff) >>> 0;
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

/** A whole number in four bytes, the greatest first. */
export function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value | 0);
  return bytes;
}

/** The same in eight. */
export function int64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(BigInt(value));
  return bytes;
}

function text(value: string): Buffer {
  return Buffer.concat([int16(Buffer.byteLength(value)), Buffer.from(value)]);
}

/**
 * Sends one batch, compressed with gzip, to a partition of the shared broker.
 *
 * @param records one behind the other
 * @param count how many they are
 */
export async function sendRaw(topic: string, partition: number, records: Buffer, count: number): Promise<void> {
  const now = int64(Date.now());
  const producer = [int64(-1), int16(-1), int32(-1)];
  const counting = Buffer.concat([
    ...[int16(GZIP), int32(count - 1), now, now, ...producer],
    ...[int32(count), gzipSync(records)],
  ]);
  const tail = Buffer.concat([int32(-1), Buffer.from([2]), int32(crc32c(counting)), counting]);
  const batch = Buffer.concat([int64(0), int32(tail.length), tail]);
  // Produce, version 7: no transaction, acknowledged by all.
  const body = [int16(-1), int16(-1), int32(30_000), int32(1), text(topic), int32(1), int32(partition)];
  const request = Buffer.concat([int16(0), int16(7), int32(1), text('raw'), ...body, int32(batch.length), batch]);
  const [host, port] = (process.env.KAFKA_BROKERS ?? '').split(',')[0]?.split(':') ?? [];
  const socket = connect(Number(port), host);
  try {
    socket.write(Buffer.concat([int32(request.length), request]));
    let answer = Buffer.alloc(0);
    while (answer.length < 4 || answer.length < 4 + answer.readInt32BE()) {
      const [chunk] = (await once(socket, 'data')) as [Buffer];
      answer = Buffer.concat([answer, chunk]);
    }
    const code = answer.readInt16BE(4 + 4 + 4 + 2 + Buffer.byteLength(topic) + 4 + 4);
    if (code !== 0) throw new Error(`the broker refuses the batch with error ${code}`);
  } finally {
    socket.destroy();
  }
}
