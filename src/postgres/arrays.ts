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

/** Decimal text as `numeric_send` gives it: how many digits to the base of 10,000, the weight of the first, sign, scale, digits. */
const putNumeric: Put = (out, value) => {
  const [, sign = '', whole = '', fraction = ''] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(String(value)) ?? [];
  if (whole === '') throw new TypeError('a number is sent as its decimal text');
  const groups = Math.ceil(whole.length / 4);
  const digits = whole.padStart(groups * 4, '0') + fraction.padEnd(Math.ceil(fraction.length / 4) * 4, '0');
  out.int32(8 + digits.length / 2);
  out.int16(digits.length / 4);
  out.int16(groups - 1);
  out.int16(sign === '' ? 0 : 0x4000);
  out.int16(fraction.length);
  for (let i = 0; i < digits.length; i += 4) out.int16(Number(digits.slice(i, i + 4)));
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

/** What stands before the rows of a binary COPY (PostgreSQL's documentation, "COPY"): its signature, no flags, no extension. */
const BEFORE_ROWS = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1');

/** How a value of a column is put where its type is the column's, and not that of an array's elements. */
function putOf(type: ArrayType): Put {
  return type === 'numeric' ? putNumeric : TYPES[type].put;
}

/**
 * Encodes rows as a binary COPY takes them.
 *
 * @param types the types of the columns
 * @param count how many rows there are
 * @param valueAt the value of a row in one of the columns; null and undefined become NULL
 */
export function encodeRows(
  types: readonly ArrayType[],
  count: number,
  valueAt: (row: number, column: number) => unknown,
): Buffer {
  const puts = types.map(putOf);
  const out = scratch;
  out.at = 0;
  out.put(BEFORE_ROWS);
  for (let row = 0; row < count; row++) {
    out.int16(puts.length);
    for (const [column, put] of puts.entries()) {
      const value = valueAt(row, column);
      if (value === null || value === undefined) out.int32(-1);
      else put(out, value);
    }
  }
  out.int16(-1);
  return out.copy();
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
