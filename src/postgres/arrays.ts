import { Out } from '../out.js';
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
  return { bytes: out.copy(), empty };
}
