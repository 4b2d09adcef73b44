import zlib from 'node:zlib';
import { CorruptError, TooLargeError } from './unreadable.js';

const MAGIC = 0xfd2fb528;
const SKIPPABLE = 0x184d2a50;

/** What zstd's own readers accept at most, and its highest level asks for. */
const MAX_WINDOW = 128 * 1024 * 1024;

interface Frame {
  /** How far back its copies may reach, in bytes: its reader takes that much memory before anything comes out. */
  readonly window: number;
  readonly end: number;
}

function frameAt(bytes: Buffer, start: number): Frame {
  const flags = bytes.readUInt8(start + 4);
  const isSingle = (flags & 0x20) !== 0;
  const sizeCode = flags >>> 6;
  const sizeBytes = sizeCode === 0 ? Number(isSingle) : 2 ** sizeCode;
  let at = start + 5;
  let window = 0;
  if (!isSingle) {
    const descriptor = bytes.readUInt8(at++);
    const base = 2 ** (10 + (descriptor >>> 3));
    window = base + (base / 8) * (descriptor & 7);
  }
  at += [0, 1, 2, 4][flags & 3] ?? 0; // a dictionary's id
  if (isSingle) window = sizeBytes === 8 ? Number(bytes.readBigUInt64LE(at)) : bytes.readUIntLE(at, sizeBytes);
  at += sizeBytes;
  for (let isLast = false; !isLast;) {
    const header = bytes.readUIntLE(at, 3);
    isLast = (header & 1) !== 0;
    const isRepeated = ((header >>> 1) & 3) === 1; // one byte, many times
    at += 3 + (isRepeated ? 1 : header >>> 3);
  }
  return { window, end: at + (flags & 0x04 ? 4 : 0) };
}

/** The widest window of the frames. */
function widestWindow(bytes: Buffer): number {
  let widest = 0;
  try {
    for (let at = 0; at < bytes.length;) {
      const magic = bytes.readUInt32LE(at);
      if (magic - (magic % 16) === SKIPPABLE) {
        at += 8 + bytes.readUInt32LE(at + 4);
        continue;
      }
      if (magic !== MAGIC) throw new CorruptError('its bytes are not zstd');
      const { window, end } = frameAt(bytes, at);
      widest = Math.max(widest, window);
      at = end;
    }
  } catch (error) {
    if (error instanceof RangeError) throw new CorruptError('a frame ends too early', { cause: error });
    throw error;
  }
  return widest;
}

/**
 * Unpacks zstd in JavaScript, for versions of Node.js that cannot.
 *
 * @param limit most bytes that may come out
 * @throws CorruptError
 * @throws TooLargeError as soon as more than `limit` came out, or would be taken as a window
 */
export async function unpackZstdSlowly(bytes: Buffer, limit: number): Promise<Buffer> {
  if (widestWindow(bytes) > Math.max(limit, MAX_WINDOW)) throw new TooLargeError(limit);
  const { Decompress } = await import('fzstd');
  const chunks: Uint8Array[] = [];
  let size = 0;
  const stream = new Decompress((chunk) => {
    size += chunk.length;
    if (size > limit) throw new TooLargeError(limit);
    chunks.push(chunk);
  });
  stream.push(bytes, true);
  return Buffer.concat(chunks);
}

type Unpack = (
  bytes: Buffer,
  options: { maxOutputLength: number },
  done: (error: Error | null, result: Buffer) => void,
) => void;

function isUnpack(value: unknown): value is Unpack {
  return typeof value === 'function';
}

/**
 * Unpacks zstd by Node.js where it can (22.15 and later), else in JavaScript.
 *
 * @param limit most bytes that may come out
 */
export async function unpackZstd(bytes: Buffer, limit: number): Promise<Buffer> {
  const native: unknown = Reflect.get(zlib, 'zstdDecompress');
  if (!isUnpack(native)) return unpackZstdSlowly(bytes, limit);
  return new Promise((resolve, reject) => {
    native(bytes, { maxOutputLength: limit }, (error, result) => {
      if (error) reject(error);
      else resolve(result);
    });
  });
}
