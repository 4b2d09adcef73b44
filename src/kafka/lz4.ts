import { CorruptError } from './unreadable.js';

const MAGIC = 0x184d2204;
const SKIPPABLE = 0x184d2a50;
const STORED = 0x8000_0000;

/** A length that goes on in further bytes while they are full. */
function longer(bytes: Buffer, at: number, end: number, first: number): { size: number; at: number } {
  let size = first;
  let next = at;
  if (first === 15) {
    for (let byte = 255; byte === 255; next++) {
      if (next >= end) throw new CorruptError('a block ends too early');
      byte = bytes[next] ?? 0;
      size += byte;
    }
  }
  return { size, at: next };
}

/** What a block unpacks to: its sequences tell how much they write, without writing it. */
function blockSize(bytes: Buffer, start: number, end: number): number {
  let total = 0;
  for (let at = start; at < end;) {
    const token = bytes[at] ?? 0;
    const literals = longer(bytes, at + 1, end, token >>> 4);
    total += literals.size;
    at = literals.at + literals.size;
    if (at === end) return total; // the last sequence copies nothing
    if (at + 2 > end) throw new CorruptError('a block ends too early');
    const copy = longer(bytes, at + 2, end, token & 15);
    total += copy.size + 4;
    at = copy.at;
  }
  return total;
}

/** Size of one frame unpacked, and where it ends. */
function frameSize(bytes: Buffer, start: number, limit: number): { size: number; end: number } {
  const flags = bytes.readUInt8(start + 4);
  // Behind the flags: block size, content size (8), dictionary (4), a checksum of the header (1).
  let at = start + 7 + (flags & 0x08 ? 8 : 0) + (flags & 0x01 ? 4 : 0);
  let size = 0;
  for (;;) {
    const word = bytes.readUInt32LE(at);
    at += 4;
    if (word === 0) return { size, end: at + (flags & 0x04 ? 4 : 0) };
    const length = word % STORED;
    if (at + length > bytes.length) throw new CorruptError('a block ends too early');
    size += word >= STORED ? length : blockSize(bytes, at, at + length);
    if (size > limit) return { size, end: at };
    at += length + (flags & 0x10 ? 4 : 0);
  }
}

/**
 * How many bytes LZ4 frames unpack to, found without unpacking them: the library that does has no limit of its own.
 *
 * @param limit where counting may stop
 * @returns the size in bytes, or some number above `limit`
 * @throws CorruptError where the bytes are not frames
 */
export function lz4Size(bytes: Buffer, limit: number): number {
  let size = 0;
  try {
    for (let at = 0; at < bytes.length && size <= limit;) {
      const magic = bytes.readUInt32LE(at);
      if (magic - (magic % 16) === SKIPPABLE) {
        at += 8 + bytes.readUInt32LE(at + 4);
        continue;
      }
      if (magic !== MAGIC) throw new CorruptError('its bytes are not an LZ4 frame');
      const frame = frameSize(bytes, at, limit - size);
      size += frame.size;
      at = frame.end;
    }
  } catch (error) {
    if (error instanceof RangeError) throw new CorruptError('a frame ends too early', { cause: error });
    throw error;
  }
  return size;
}
