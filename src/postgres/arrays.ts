import type { SqlType } from '../tables/column.js';

/**
 * PostgreSQL's binary form of one-dimensional arrays (`array_send` in its source: dimensions, null flag, element type,
 * length, lower bound, then each element as length and bytes). One parameter a column: the server reads it without
 * parsing, and this process writes each value once, into one buffer a column.
 */
export type ArrayType = SqlType | 'uuid' | 'date' | 'bigint' | 'bytea';

type Put = (out: Out, value: unknown) => void;

const EPOCH_2000 = 946_684_800_000_000;
const EPOCH_2000_DAYS = 10_957;

/** The value of a hexadecimal digit in lower case; of anything else a number that is not from 0 to 15. */
function nibble(code: number): number {
  return code < 58 ? code - 48 : code < 97 ? -1 : code - 87;
}

/** A buffer that grows, and is used for one array after the other. */
class Out {
  bytes = Buffer.allocUnsafe(65_536);
  at = 0;

  reserve(count: number): void {
    if (this.at + count <= this.bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.bytes.length * 2, this.at + count));
    this.bytes.copy(larger, 0, 0, this.at);
    this.bytes = larger;
  }

  int32(value: number): void {
    this.reserve(4);
    this.at = this.bytes.writeInt32BE(value, this.at);
  }

  int64(value: number): void {
    this.reserve(8);
    const high = Math.floor(value / 0x1_0000_0000);
    this.bytes.writeInt32BE(high, this.at);
    this.at = this.bytes.writeUInt32BE(value - high * 0x1_0000_0000, this.at + 4);
  }

  bigint(value: bigint): void {
    this.reserve(8);
    this.at = this.bytes.writeBigInt64BE(value, this.at);
  }

  /** Length and UTF-8 bytes, with `prefix` (a version byte) before them where it is not negative. */
  text(value: string, prefix = -1): void {
    this.reserve(5 + value.length * 3);
    let start = this.at + 4;
    if (prefix >= 0) start = this.bytes.writeUInt8(prefix, start);
    const end = start + this.bytes.write(value, start);
    this.bytes.writeInt32BE(end - this.at - 4, this.at);
    this.at = end;
  }

  /** The 16 bytes of a UUID in its usual spelling, lower case with dashes. */
  uuid(value: string): void {
    this.int32(16);
    this.reserve(16);
    let all = 0;
    for (let i = 0; i < 36; i += 2) {
      if (i === 8 || i === 13 || i === 18 || i === 23) i++;
      const high = nibble(value.charCodeAt(i));
      const low = nibble(value.charCodeAt(i + 1));
      all |= high | low;
      this.bytes[this.at++] = (high << 4) | low;
    }
    if ((all & ~15) !== 0 || value.length !== 36) throw new TypeError('a text that is to be sent as a uuid is none');
  }

  blob(value: Buffer): void {
    this.int32(value.length);
    this.reserve(value.length);
    this.at += value.copy(this.bytes, this.at);
  }
}

const scratch = new Out();

const putText: Put = (out, value) => {
  out.text(String(value));
};
const putInt32: Put = (out, value) => {
  out.int32(4);
  out.int32(Number(value));
};

/** How each type is named in a cast, its element's oid, and how a value is put. Money goes as text: see `castOf`. */
const TYPES: Readonly<Record<ArrayType, { name: string; oid: number; put: Put }>> = {
  text: { name: 'text', oid: 25, put: putText },
  character: { name: 'text', oid: 25, put: putText },
  numeric: { name: 'text', oid: 25, put: putText },
  jsonb: {
    name: 'jsonb',
    oid: 3802,
    put: (out, value) => {
      out.text(JSON.stringify(value), 1);
    },
  },
  timestamptz: {
    name: 'timestamptz',
    oid: 1184,
    put: (out, value) => {
      out.int32(8);
      if (typeof value === 'bigint') out.bigint(value - BigInt(EPOCH_2000));
      else out.int64(Number(value) - EPOCH_2000);
    },
  },
  boolean: {
    name: 'boolean',
    oid: 16,
    put: (out, value) => {
      out.int32(1);
      out.reserve(1);
      out.at = out.bytes.writeUInt8(value === true ? 1 : 0, out.at);
    },
  },
  integer: { name: 'integer', oid: 23, put: putInt32 },
  smallint: {
    name: 'smallint',
    oid: 21,
    put: (out, value) => {
      out.int32(2);
      out.reserve(2);
      out.at = out.bytes.writeInt16BE(Number(value), out.at);
    },
  },
  bigint: {
    name: 'bigint',
    oid: 20,
    put: (out, value) => {
      out.int32(8);
      out.int64(Number(value));
    },
  },
  date: {
    name: 'date',
    oid: 1082,
    put: (out, value) => {
      out.int32(4);
      out.int32(Number(value) - EPOCH_2000_DAYS);
    },
  },
  uuid: {
    name: 'uuid',
    oid: 2950,
    put: (out, value) => {
      if (Buffer.isBuffer(value)) out.blob(value);
      else if (typeof value === 'string') out.uuid(value);
      else throw new TypeError('a uuid is sent as its 16 bytes, or as text in its usual spelling');
    },
  },
  bytea: {
    name: 'bytea',
    oid: 17,
    put: (out, value) => {
      if (!Buffer.isBuffer(value)) throw new TypeError('bytea is sent as a buffer');
      out.blob(value);
    },
  },
};

/** The type of the array's parameter: `text[]`. */
export function arrayTypeOf(type: ArrayType): string {
  return `${TYPES[type].name}[]`;
}

/** What makes an element the column's value, where its type is not the column's. */
export function castOf(type: ArrayType): string {
  return type === 'numeric' ? '::numeric' : type === 'character' ? '::bpchar' : '';
}

/** Whether an encoded array holds nothing but nulls. */
export interface EncodedArray {
  readonly bytes: Buffer;
  readonly empty: boolean;
}

/**
 * Encodes the values of one column.
 *
 * @param type the type of the elements; times are microseconds since 1970, dates days since 1970
 * @param count how many elements there are
 * @param valueAt the value of an element; null and undefined become NULL
 */
export function encodeArray(type: ArrayType, count: number, valueAt: (index: number) => unknown): EncodedArray {
  const { oid, put } = TYPES[type];
  const out = scratch;
  out.at = 0;
  out.int32(count === 0 ? 0 : 1);
  out.int32(1); // elements may be null
  out.int32(oid);
  if (count > 0) {
    out.int32(count);
    out.int32(1);
  }
  let empty = true;
  for (let i = 0; i < count; i++) {
    const value = valueAt(i);
    if (value === null || value === undefined) {
      out.int32(-1);
    } else {
      empty = false;
      put(out, value);
    }
  }
  return { bytes: Buffer.from(out.bytes.subarray(0, out.at)), empty };
}
