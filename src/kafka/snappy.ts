import { CorruptError, TooLargeError } from './unreadable.js';

// Our own reader: those of the registry believe the length that the bytes claim, take that much memory at once, and fill
// with zeros where the bytes end early.

/** What Java writes around the blocks: this, two versions of four bytes, then blocks behind their lengths. */
const FRAME_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const FRAME_HEADER = 16;

/** Below this a loop is faster than a call. */
const SHORT = 24;

function corrupt(): never {
  throw new CorruptError('its bytes are not snappy');
}

/** A length in groups of seven bits, lowest first; and where it ends. */
function lengthOf(bytes: Buffer): { length: number; start: number } {
  let length = 0;
  for (let i = 0; i < 5; i++) {
    const byte = bytes[i] ?? corrupt();
    length += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return { length, start: i + 1 };
  }
  return corrupt();
}

function unpackBlock(bytes: Buffer, limit: number): Buffer {
  const { length, start } = lengthOf(bytes);
  if (length > limit) throw new TooLargeError(limit);
  const out = Buffer.allocUnsafe(length);
  let from = start;
  let to = 0;
  const byte = (at: number) => bytes[at] ?? corrupt();
  while (from < bytes.length) {
    const tag = byte(from++);
    if ((tag & 3) === 0) {
      let size = tag >>> 2;
      if (size >= 60) {
        const wide = size - 59;
        if (from + wide > bytes.length) corrupt();
        size = bytes.readUIntLE(from, wide);
        from += wide;
      }
      size += 1;
      if (from + size > bytes.length || to + size > length) corrupt();
      if (size < SHORT) for (let i = 0; i < size; i++) out[to + i] = byte(from + i);
      else bytes.copy(out, to, from, from + size);
      from += size;
      to += size;
      continue;
    }
    let size: number;
    let back: number;
    if ((tag & 3) === 1) {
      size = ((tag >>> 2) & 7) + 4;
      back = ((tag >>> 5) << 8) | byte(from);
      from += 1;
    } else {
      const wide = (tag & 3) === 2 ? 2 : 4;
      if (from + wide > bytes.length) corrupt();
      size = (tag >>> 2) + 1;
      back = bytes.readUIntLE(from, wide);
      from += wide;
    }
    if (back === 0 || back > to || to + size > length) corrupt();
    // A copy that reaches into itself repeats what it has just written.
    if (size < SHORT || back < size) for (let i = 0; i < size; i++) out[to + i] = out[to + i - back] ?? 0;
    else out.copyWithin(to, to - back, to - back + size);
    to += size;
  }
  return to === length ? out : corrupt();
}

/**
 * Unpacks snappy: one raw block, or the frames that Java's clients and brokers write.
 *
 * @param limit most bytes that may come out
 * @throws CorruptError
 * @throws TooLargeError before more than `limit` is allocated
 */
export function unpackSnappy(bytes: Buffer, limit: number): Buffer {
  if (!bytes.subarray(0, FRAME_MAGIC.length).equals(FRAME_MAGIC)) return unpackBlock(bytes, limit);
  const blocks: Buffer[] = [];
  let left = limit;
  for (let at = FRAME_HEADER; at < bytes.length;) {
    if (at + 4 > bytes.length) corrupt();
    const end = at + 4 + bytes.readUInt32BE(at);
    if (end > bytes.length) corrupt();
    const block = unpackBlock(bytes.subarray(at + 4, end), left);
    left -= block.length;
    blocks.push(block);
    at = end;
  }
  return Buffer.concat(blocks);
}
