import { expect } from 'chai';
import { DataSource } from 'typeorm';
import { encodeArray, encodeRows } from '../../src/postgres/arrays.js';
import { createDataSource } from '../../src/postgres/data-source.js';
import { Session } from '../../src/postgres/session.js';
import { statement, type Statement } from '../../src/postgres/statements.js';
import { databaseConfig } from '../support/database.js';
import { unique } from '../support/unique.js';
import { until } from '../support/until.js';

describe('statements that are sent together', () => {
  const table = unique('trip');
  let dataSource: DataSource;
  let other: DataSource;

  /** A pool of one connection: what is prepared on it stays. */
  async function alone(extra: object = {}): Promise<DataSource> {
    const { options } = createDataSource({ ...databaseConfig(process.env.DB_DATABASE ?? 'dbw'), poolSize: 1 });
    if (options.type !== 'postgres') throw new TypeError('not PostgreSQL');
    const given: unknown = options.extra;
    return new DataSource({ ...options, extra: { ...(given as object), ...extra } }).initialize();
  }

  before(async () => {
    [dataSource, other] = await Promise.all([alone(), alone()]);
    await other.query(`CREATE TABLE ${table} (n integer PRIMARY KEY)`);
  });
  beforeEach(() => other.query(`TRUNCATE ${table}`));
  after(async () => {
    await other.query(`DROP TABLE ${table}`);
    await Promise.all([dataSource.destroy(), other.destroy()]);
  });

  const numbers = (...all: number[]) => encodeArray('integer', all.length, (i) => all[i]).bytes;
  const insert = (...all: number[]) =>
    statement(`INSERT INTO ${table} SELECT unnest($1::integer[]) RETURNING n`, [numbers(...all)]);
  const divide = (by: number) => statement('SELECT 1 / unnest($1::integer[])', [numbers(by)]);
  const together = (...all: Statement[]) => Session.with(dataSource, (session) => session.together(all));
  const codeOf = (work: Promise<unknown>) =>
    work.then(
      () => 'none',
      (error: unknown) => (error instanceof Error && 'code' in error ? error.code : String(error)),
    );
  const stored = async () => {
    const rows: { n: number }[] = await other.query(`SELECT n FROM ${table} ORDER BY n`);
    return rows.map(({ n }) => n);
  };

  it('answer each for itself, in their order, as text', async () => {
    const update = statement(`UPDATE ${table} SET n = n + 10 WHERE n = ANY($1::integer[])`, [numbers(1, 3)]);
    const results = await together(insert(1, 2), insert(3), update, divide(1));
    expect(results).to.deep.equal([
      { rows: [['1'], ['2']], count: 2 },
      { rows: [['3']], count: 1 },
      { rows: [], count: 2 },
      { rows: [['1']], count: 1 },
    ]);
    expect(await stored()).to.deep.equal([2, 11, 13]);
  });

  it('are none where there are none', async () => {
    expect(await together()).to.deep.equal([]);
  });

  it('are one transaction: where one fails, none has an effect', async () => {
    expect(await codeOf(together(insert(1), divide(0), insert(2)))).to.equal('22012');
    expect(await codeOf(together(insert(1, 2), insert(2)))).to.equal('23505');
    expect(await stored()).to.deep.equal([]);
  });

  it('may copy, what is copied being sent with them', async () => {
    const copied = (...all: number[]) => encodeRows(['integer'], all.length, (i) => all[i]);
    const copy = (...all: number[]) => ({ ...statement(`COPY ${table} (n) FROM STDIN (FORMAT binary)`, []), copied: copied(...all) }); // prettier-ignore
    expect(await together(insert(1), copy(2, 3), insert(4), copy(5))).to.deep.equal([
      { rows: [['1']], count: 1 },
      { rows: [], count: 2 },
      { rows: [['4']], count: 1 },
      { rows: [], count: 1 },
    ]);
    for (const failing of [
      [divide(0), copy(6)],
      [copy(6), divide(0)],
      [copy(6, 1), insert(7)],
      [insert(1), copy(6), insert(7)],
      [copy(6), { ...copy(7), copied: Buffer.from('no rows') }, insert(8)],
    ]) {
      expect(await codeOf(together(...failing))).not.to.equal('none');
      expect(await stored()).to.deep.equal([1, 2, 3, 4, 5]);
    }
    await together(copy(6));
    expect(await stored()).to.deep.equal([1, 2, 3, 4, 5, 6]);
  });

  it('can be sent again on the same connection, whatever failed before, and beside statements that are sent alone', async () => {
    const fresh = () => statement(`SELECT unnest($1::integer[]) AS ${unique('name')}`, [numbers(1)]);
    const wrong = statement('no SQL', []);
    for (const order of [
      (good: Statement) => [divide(0), good],
      (good: Statement) => [good, divide(0)],
      (good: Statement) => [good, wrong],
    ]) {
      // prettier-ignore
      const good = fresh();
      expect(await codeOf(together(...order(good)))).not.to.equal('none');
      expect(await codeOf(together(good))).to.equal('none');
      expect(await codeOf(Session.with(dataSource, (session) => session.run(good)))).to.equal('none');
      expect(await codeOf(together(good, good))).to.equal('none');
    }
  });

  it('may be part of a transaction', async () => {
    await Session.with(dataSource, async (session) => {
      await session.transaction(async () => {
        await session.together([insert(1), insert(2)]);
        expect(await stored()).to.deep.equal([]);
        await session.together([insert(3)]);
      });
    });
    expect(await stored()).to.deep.equal([1, 2, 3]);
  });

  it('take nothing but bytes, and leave the connection as it was', async () => {
    const wrong = statement('SELECT $1::integer', [1]);
    expect(await codeOf(together(insert(1), wrong))).to.contain('TypeError');
    await together(insert(1));
    expect(await stored()).to.deep.equal([1]);
  });

  it('fail when the connection is cut, and the next ones get another', async () => {
    const held = await Session.with(other, (session) =>
      session.transaction(async () => {
        await session.run(insert(1));
        const waiting = codeOf(together(insert(2), insert(1))); // for the transaction that holds the key
        await until(async () => {
          const { rows } = await session.query(
            `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'transactionid' AND query LIKE 'INSERT INTO ${table} %'`,
          );
          return rows.length > 0;
        });
        return waiting;
      }),
    );
    expect(held).to.equal('57P01');
    expect(await stored()).to.deep.equal([1]);
    await together(insert(2));
    expect(await stored()).to.deep.equal([1, 2]);
  });

  it('fail when no answer comes in time, and their connection is of no more use', async () => {
    const hasty = await alone({ query_timeout: 300, lock_timeout: 0 });
    try {
      const late = await Session.with(other, (session) =>
        session.transaction(async () => {
          await session.run(insert(1));
          return codeOf(Session.with(hasty, (waiting) => waiting.together([insert(2), insert(1)])));
        }),
      );
      expect(late).to.contain('timeout');
      const results = await Session.with(hasty, (session) => session.together([divide(1)]));
      expect(results).to.deep.equal([{ rows: [['1']], count: 1 }]);
    } finally {
      await hasty.destroy();
    }
  });
});
