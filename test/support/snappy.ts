import { createRequire } from 'node:module';

function isPacker(value: unknown): value is { compress(bytes: Buffer): Buffer } {
  return typeof value === 'object' && value !== null && 'compress' in value;
}

const require = createRequire(import.meta.url);
const snappy: unknown = createRequire(require.resolve('kafkajs-snappy'))('snappyjs');

/** Packs bytes into one raw block of snappy, as most clients but Java's do. */
export function pack(bytes: Buffer): Buffer {
  if (!isPacker(snappy)) throw new Error('snappyjs cannot compress any more');
  return snappy.compress(bytes);
}
