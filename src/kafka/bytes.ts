import { CorruptError } from './unreadable.js';

/** Bytes of Kafka's protocol that are read one after the other. Past their end: RangeError or CorruptError. */
export class Bytes {
  at = 0;

  constructor(readonly bytes: Buffer) {}

  int8(): number {
    return this.bytes.readInt8(this.at++);
  }

  int16(): number {
    this.at += 2;
    return this.bytes.readInt16BE(this.at - 2);
  }

  int32(): number {
    this.at += 4;
    return this.bytes.readInt32BE(this.at - 4);
  }

  /** Exact below 2^53, as offsets and times are. */
  int64(): number {
    return this.int32() * 0x1_0000_0000 + (this.int32() >>> 0);
  }

  bigint(): bigint {
    this.at += 8;
    return this.bytes.readBigInt64BE(this.at - 8);
  }

  text(): string {
    return this.take(this.int16()).toString('utf8');
  }

  take(length: number): Buffer {
    if (this.at + length > this.bytes.length) throw new CorruptError('a part is longer than the whole');
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  /** A zigzag number of one to ten bytes; exact below 2^53. */
  varint(): number {
    let byte = this.bytes[this.at++] ?? 0;
    if (byte < 0x80) return (byte >>> 1) ^ -(byte & 1);
    let value = byte & 0x7f;
    for (let unit = 128; byte >= 0x80 && unit <= 2 ** 63; unit *= 128) {
      byte = this.bytes[this.at++] ?? 0;
      value += (byte & 0x7f) * unit;
    }
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  /** Bytes behind their length; -1 stands for null. */
  optional(): Buffer | null {
    const length = this.varint();
    return length < 0 ? null : this.take(length);
  }

  /** Passes what `optional` would give; returns its length, -1 for null. */
  skip(): number {
    const length = this.varint();
    if (length <= 0) return length;
    if (this.at + length > this.bytes.length) throw new CorruptError('a part is longer than the whole');
    this.at += length;
    return length;
  }

  list<T>(read: () => T): T[] {
    return Array.from({ length: Math.max(0, this.int32()) }, read);
  }
}

const SLOTS = 1024;

/** Texts that come again and again, such as names of headers: made once, and found by their bytes afterwards. */
export class Texts {
  private readonly known: ({ bytes: Buffer; text: string } | undefined)[] = Array.from({ length: SLOTS });

  /** The UTF-8 text of `length` bytes, which are passed. */
  read(from: Bytes, length: number): string {
    const { bytes, at } = from;
    // The ends differ the most: prefixes are shared.
    const tail = (bytes[at + length - 1] ?? 0) * 31 + (bytes[at + length - 2] ?? 0);
    const slot =
      (tail * 31 + (bytes[at + length - 3] ?? 0) * 7 + (bytes[at + (length >> 1)] ?? 0) + length * 131) % SLOTS;
    const known = this.known[slot];
    if (known?.bytes.length === length && isAt(known.bytes, from)) {
      from.at += length;
      return known.text;
    }
    // Copied: a part would keep the whole answer alive.
    const copy = Buffer.from(from.take(Math.max(0, length)));
    const text = copy.toString('utf8');
    if (length <= 256) this.known[slot] = { bytes: copy, text };
    return text;
  }
}

function isAt(bytes: Buffer, { bytes: within, at }: Bytes): boolean {
  for (let i = bytes.length - 1; i >= 0; i--) if (bytes[i] !== within[at + i]) return false;
  return true;
}
