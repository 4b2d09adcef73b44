import { expect } from 'chai';
import fc from 'fast-check';
import type { DataSource } from 'typeorm';
import { arrayTypeOf, castOf, encodeArray, encodeRows, type ArrayType } from '../../src/postgres/arrays.js';
import { connect } from '../../src/postgres/data-source.js';
import { Session } from '../../src/postgres/session.js';
import { statement } from '../../src/postgres/statements.js';
import { databaseConfig } from '../support/database.js';

const text = fc.oneof(
  fc.string({ unit: 'binary' }).map((one) => one.replaceAll('\0', '')),
  fc.constantFrom('', 'NULL', '{}', '"', '\\', '🦊', 'x'.repeat(20_000), '🦊'.repeat(5_000)),
);
const cents = fc.integer({ min: -99_999_999_999_999, max: 99_999_999_999_999 }).map((n) => {
  const digits = String(Math.abs(n)).padStart(3, '0');
  return `${n < 0 ? '-' : ''}${digits.slice(0, -2)}.${digits.slice(-2)}`;
});
const bytes = fc.uint8Array({ maxLength: 300 }).map((one) => Buffer.from(one));
/** JSON without what jsonb changes or has no place for. */
const json = fc
  .jsonValue()
  .filter((value) => value !== null)
  .map((value): unknown => JSON.parse(JSON.stringify(value).replaceAll('\\u0000', '').replaceAll('-0,', '0,')));

/** For each type: its values, and the SQL that gives a value back in a form that can be compared exactly. */
const TYPES: Record<ArrayType, { values: fc.Arbitrary<unknown>; read: string; back: (value: unknown) => unknown }> = {
  text: { values: text, read: 'x', back: (value) => value },
  character: { values: fc.constantFrom('USD', 'TWD', 'EUR'), read: 'x', back: (value) => value },
  numeric: { values: cents, read: 'x::numeric(14,2)::text', back: (value) => (/^-0\.00$/.test(String(value)) ? '0.00' : value) }, // prettier-ignore
  jsonb: { values: json, read: 'x', back: (value) => value },
  timestamptz: {
    values: fc.integer({ min: -62_135_596_800_000_000 / 16, max: 9_000_000_000_000_000 }),
    read: '(extract(epoch FROM x) * 1000000)::bigint::text',
    back: String,
  },
  boolean: { values: fc.boolean(), read: 'x', back: (value) => value },
  integer: { values: fc.integer(), read: 'x', back: (value) => value },
  smallint: { values: fc.integer({ min: -32_768, max: 32_767 }), read: 'x', back: (value) => value },
  bigint: { values: fc.maxSafeInteger(), read: 'x::text', back: String },
  date: {
    values: fc.integer({ min: -719_162, max: 2_932_896 }),
    read: "(x - DATE '1970-01-01')",
    back: (value) => value,
  },
  uuid: {
    values: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((one) => Buffer.from(one)),
    read: "encode(uuid_send(x), 'hex')",
    back: (value) => (Buffer.isBuffer(value) ? value.toString('hex') : value),
  },
  bytea: { values: bytes, read: 'x', back: (value) => value },
};

describe('arrays on their way to PostgreSQL', () => {
  let dataSource: DataSource;
  before(async () => {
    dataSource = await connect(databaseConfig(process.env.DB_DATABASE ?? 'dbw'));
  });
  after(() => dataSource.destroy());

  async function roundTrip(type: ArrayType, values: readonly unknown[], read: string): Promise<unknown[]> {
    const { bytes: encoded } = encodeArray(type, values.length, (i) => values[i]);
    const sql = `SELECT ${read} FROM (SELECT x${castOf(type)} AS x FROM unnest($1::${arrayTypeOf(type)}) AS x) AS x`;
    const { rows } = await Session.with(dataSource, (session) => session.query(sql, [encoded]));
    return rows.map(([value]) => value);
  }

  const COLUMNS: Partial<Record<ArrayType, string>> = { character: 'char(3)', numeric: 'numeric(14,2)' };

  async function copied(type: ArrayType, values: readonly unknown[], read: string): Promise<unknown[]> {
    const rows = encodeRows(
      ['integer', type, 'text'],
      values.length,
      (i, column) => [i, values[i], `row ${i}`][column],
    );
    return Session.with(dataSource, (session) =>
      session.rehearsal(async () => {
        await session.query(`CREATE TEMPORARY TABLE copied (n integer, x ${COLUMNS[type] ?? type}, after text)`);
        await session.together([{ ...statement('COPY copied FROM STDIN (FORMAT binary)', []), copied: rows }]);
        const { rows: back } = await session.query(`SELECT ${read}, after FROM copied ORDER BY n`);
        expect(back.map(([, after]) => after)).to.deep.equal(values.map((_, i) => `row ${i}`));
        return back.map(([value]) => value);
      }),
    );
  }

  const WAYS = [
    { title: 'as they were, nulls among them', way: roundTrip },
    { title: 'from rows that were copied too', way: copied },
  ];
  for (const [type, { values, read, back }] of Object.entries(TYPES) as [ArrayType, (typeof TYPES)[ArrayType]][]) {
    for (const { title, way } of WAYS) {
      it(`of ${type} come back ${title}`, async () => {
        const lists = fc.array(fc.option(values, { freq: 4 }), { maxLength: 40 });
        await fc.assert(
          fc.asyncProperty(lists, async (list) => {
            expect(await way(type, list, read)).to.deep.equal(
              list.map((value) => (value === null ? null : back(value))),
            );
          }),
          { numRuns: 60 },
        );
      });
    }
  }

  it('may be amounts of any size, to be copied', async () => {
    const amounts = [
      '0.00',
      '-0.01',
      '0.10',
      '1.00',
      '9999.99',
      '10000.00',
      '-10000.01',
      '999999999999.99',
      '100000000.00',
      '12345678.90',
      '7',
    ];
    const shown = amounts.map((one) => (one.includes('.') ? one : `${one}.00`));
    expect(await copied('numeric', amounts, 'x::text')).to.deep.equal(shown);
    expect(() => encodeRows(['numeric'], 1, () => '1e3')).to.throw(TypeError);
  });

  it('may be empty, or hold nothing but nulls, and say so', async () => {
    expect(encodeArray('text', 0, () => 'x').empty).to.equal(true);
    expect(encodeArray('text', 2, () => null).empty).to.equal(true);
    expect(encodeArray('text', 2, () => undefined).empty).to.equal(true);
    expect(encodeArray('text', 2, (i) => (i === 1 ? '' : null)).empty).to.equal(false);
    expect(encodeArray('boolean', 1, () => false).empty).to.equal(false);
    expect(encodeArray('integer', 1, () => 0).empty).to.equal(false);
    for (const type of Object.keys(TYPES) as ArrayType[]) {
      expect(await roundTrip(type, [], 'x')).to.deep.equal([]);
      expect(await roundTrip(type, [null, undefined], 'x')).to.deep.equal([null, null]);
    }
  });

  it('hold texts that are larger than any buffer to begin with', async () => {
    const list = Array.from({ length: 50 }, (_, i) => String.fromCodePoint(0x1f400 + i).repeat(i * 997));
    expect(await roundTrip('text', list, 'x')).to.deep.equal(list);
    const blobs = list.map((one) => Buffer.from(one));
    expect(await roundTrip('bytea', blobs, 'x')).to.deep.equal(blobs);
  });

  it('hold times to the microsecond, before and after 2000 and 1970', async () => {
    const times = [-1, 0, 1, 946_684_799_999_999, 946_684_800_000_000, 946_684_800_000_001, 1_714_521_600_123_457];
    const shown = await roundTrip('timestamptz', times, `to_char(x AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')`);
    expect(shown).to.deep.equal([
      '1969-12-31 23:59:59.999999',
      '1970-01-01 00:00:00.000000',
      '1970-01-01 00:00:00.000001',
      '1999-12-31 23:59:59.999999',
      '2000-01-01 00:00:00.000000',
      '2000-01-01 00:00:00.000001',
      '2024-05-01 00:00:00.123457',
    ]);
  });

  it('send a UUID as text the same as its bytes', () => {
    fc.assert(
      fc.property(fc.uuid(), (uuid) => {
        const bytes = Buffer.from(uuid.replaceAll('-', ''), 'hex');
        const [text, raw] = [uuid, bytes].map((value) => encodeArray('uuid', 1, () => value).bytes);
        expect(text).to.deep.equal(raw);
      }),
    );
  });

  it('refuse what is no bytes where bytes are needed', () => {
    const almost = [
      ...['0b0e7a52-6c7e-4f0e-9d8e-2f1f6d1c9a1', '0b0e7a52-6c7e-4f0e-9d8e-2f1f6d1c9a100', ''],
      ...[
        '0B0e7a52-6c7e-4f0e-9d8e-2f1f6d1c9a10',
        '0b0e7a52-6c7e-4f0e-9d8e-2f1f6d1c9a1g',
        '0b0e7a52-6c7e-4f0e-9d8e-2f1f6d1c9a/0',
      ],
    ];
    for (const text of almost) expect(() => encodeArray('uuid', 1, () => text), text).to.throw(TypeError);
    expect(() => encodeArray('uuid', 1, () => 7)).to.throw(TypeError);
    expect(() => encodeArray('bytea', 1, () => 'text')).to.throw(TypeError);
  });
});
