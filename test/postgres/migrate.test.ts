import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import type { DataSource } from 'typeorm';
import { EXIT, UserError } from '../../src/errors.js';
import { tables } from '../../src/handlers/index.js';
import { connect } from '../../src/postgres/data-source.js';
import { migrate, migrationStates, requireSchema, revert } from '../../src/postgres/migrate.js';
import { migrations } from '../../src/postgres/migrations.js';
import { catalogOf } from '../support/catalog.js';
import { databaseConfig, emptyDatabase, freshDatabase } from '../support/database.js';
import { until } from '../support/services/until.js';

const names = migrations.map((migration) => new migration().name ?? '');

/** The error that a promise ends with, which must be one for people. */
async function refused(work: Promise<unknown>): Promise<UserError> {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).to.be.instanceOf(UserError);
  return error as UserError;
}

describe('migrations', () => {
  const open: DataSource[] = [];
  after(async () => {
    for (const dataSource of open) await dataSource.destroy();
  });

  async function connected(database: string): Promise<DataSource> {
    const dataSource = await connect({ ...databaseConfig(database), poolSize: 4 });
    open.push(dataSource);
    return dataSource;
  }

  it('have names and times in their order, and a way back each', () => {
    expect(names.length).to.be.greaterThan(0);
    expect(names).to.deep.equal([...names].sort((a, b) => Number(a.slice(-13)) - Number(b.slice(-13))));
    for (const name of names) expect(name).to.match(/^[A-Z][A-Za-z]+\d{13}$/);
  });

  it('lead from an empty database up, down again, and up to the very same', async () => {
    const dataSource = await connected(await emptyDatabase());
    expect(await migrate(dataSource)).to.deep.equal(names);
    const before = await catalogOf(dataSource);
    expect(Object.keys(before.indexes ?? {}).length).to.be.greaterThan(40);
    expect(await migrate(dataSource)).to.deep.equal([]);
    expect(await catalogOf(dataSource)).to.deep.equal(before);

    for (const name of [...names].reverse()) expect(await revert(dataSource)).to.equal(name);
    expect(await revert(dataSource)).to.equal(undefined);
    const { columns, functions, sequences } = await catalogOf(dataSource);
    expect(
      Object.keys({ ...columns, ...functions, ...sequences }).filter((what) => !what.includes('migrations')),
    ).to.deep.equal([]);

    expect(await migrate(dataSource)).to.deep.equal(names);
    expect(await catalogOf(dataSource)).to.deep.equal(before);
  });

  it('one back and up again comes to the same, from every step', async () => {
    const dataSource = await connected(await emptyDatabase());
    await migrate(dataSource);
    const before = await catalogOf(dataSource);
    for (let back = 1; back <= names.length; back++) {
      for (let i = 0; i < back; i++) await revert(dataSource);
      expect(await migrate(dataSource)).to.deep.equal(names.slice(-back));
      expect(await catalogOf(dataSource)).to.deep.equal(before);
    }
  });

  it('are applied once each by ten that start at once', async () => {
    const database = await emptyDatabase();
    const ten = await Promise.all(Array.from({ length: 10 }, () => connected(database)));
    const applied = await Promise.all(ten.map((dataSource) => migrate(dataSource)));
    expect(applied.flat().sort()).to.deep.equal([...names].sort());
    const rows: { name: string }[] = await ten[0]!.query('SELECT name FROM dbw.migrations ORDER BY id');
    expect(rows.map(({ name }) => name)).to.deep.equal(names);
    const locks: unknown[] = await ten[0]!.query(`SELECT FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`); // prettier-ignore
    expect(locks).to.deep.equal([]);
  });

  it('give way to who holds a lock, and come again', async () => {
    const dataSource = await freshDatabase();
    open.push(dataSource);
    const holder = dataSource.createQueryRunner();
    await holder.startTransaction();
    await holder.query('LOCK TABLE dbw.runs IN ACCESS SHARE MODE');
    const waiting = async () => {
      const [{ count }]: [{ count: number }] = await dataSource.query(
        `SELECT count(*)::integer FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      );
      return count;
    };
    const reverted = revert(dataSource);
    let settled = false;
    void reverted.then(() => (settled = true));
    await until('the migration to wait for the lock', async () => (await waiting()) === 1, { seconds: 60 });
    await until('the migration to let others pass', async () => (await waiting()) === 0, { seconds: 60 });
    expect(settled).to.equal(false);
    await holder.commitTransaction();
    await holder.release();
    expect(await reverted).to.equal(names.at(-1));
  });

  it('that fail leave nothing behind, and let the next go on', async () => {
    const dataSource = await connected(await emptyDatabase());
    await dataSource.query('CREATE TABLE public.messages (in_the_way integer)');
    const error: unknown = await migrate(dataSource).catch((thrown: unknown) => thrown);
    expect(error).to.have.property('code', '42P07');
    const rows: unknown[] = await dataSource.query(`SELECT FROM pg_tables WHERE schemaname = 'public'`);
    expect(rows).to.have.length(1);
    expect((await migrationStates(dataSource)).filter(({ applied }) => applied)).to.deep.equal([]);
    await dataSource.query('DROP TABLE public.messages');
    expect(await migrate(dataSource)).to.deep.equal(names);
  });

  it('are told apart into applied and pending, without writing anything', async () => {
    const dataSource = await connected(await emptyDatabase());
    expect(await migrationStates(dataSource)).to.deep.equal(names.map((name) => ({ name, applied: false })));
    const schemas: unknown[] = await dataSource.query(`SELECT FROM pg_namespace WHERE nspname = 'dbw'`);
    expect(schemas).to.deep.equal([]);
    await migrate(dataSource);
    await revert(dataSource);
    expect(await migrationStates(dataSource)).to.deep.equal(
      names.map((name, i) => ({ name, applied: i < names.length - 1 })),
    );
    await dataSource.query(
      `INSERT INTO dbw.migrations (timestamp, name) VALUES (1999999999999, 'FromTheFuture1999999999999')`,
    );
    expect((await migrationStates(dataSource)).at(-1)).to.deep.equal({
      name: 'FromTheFuture1999999999999',
      applied: true,
    });
  });

  describe('and the code that wants to write', () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
      version: string;
    };

    it('refuse one another where migrations are missing, and name the remedy', async () => {
      const dataSource = await connected(await emptyDatabase());
      const empty = await refused(requireSchema(dataSource, version));
      expect(empty.status).to.equal(EXIT.refused);
      expect(empty.message).to.contain('dbw migrate');
      for (const name of names) expect(empty.message).to.contain(name);
      await migrate(dataSource);
      await requireSchema(dataSource, version);
      await revert(dataSource);
      const older = await refused(requireSchema(dataSource, version));
      expect(older.message).to.contain('dbw migrate').and.to.contain(names.at(-1)).and.not.to.contain(names[0]);
    });

    it('refuse one another where the code is too old, by numbers and not by letters', async () => {
      const dataSource = await freshDatabase();
      open.push(dataSource);
      await dataSource.query(`INSERT INTO dbw.schema_requirements VALUES ('Future1', '1.10.0')`);
      for (const old of ['1.9.9', '0.99.99', '1.9.10', '1.2.0', '0.1.0']) {
        const error = await refused(requireSchema(dataSource, old));
        expect(error.status).to.equal(EXIT.refused);
        expect(error.message).to.contain('1.10.0').and.to.contain('Future1').and.to.contain(old);
      }
      for (const fit of ['1.10.0', '1.10.1', '1.11.0', '2.0.0', '10.0.0']) await requireSchema(dataSource, fit);
    });

    it('get along where the database knows migrations that the code does not', async () => {
      const dataSource = await freshDatabase();
      open.push(dataSource);
      await dataSource.query(
        `INSERT INTO dbw.migrations (timestamp, name) VALUES (1999999999999, 'FromTheFuture1999999999999')`,
      );
      await requireSchema(dataSource, version);
    });
  });
});

describe('migrations and declared tables', () => {
  let dataSource: DataSource;
  before(async () => {
    dataSource = await freshDatabase();
  });
  after(() => dataSource.destroy());

  /** What TypeORM would do to make the database what the declarations say. */
  async function differences(): Promise<string[]> {
    const { upQueries } = await dataSource.driver.createSchemaBuilder().log();
    return upQueries.map(({ query }) => query);
  }

  it('agree', async () => {
    expect(await differences()).to.deep.equal([]);
  });

  it('agree about the indexes, by their names', async () => {
    const rows: { name: string }[] = await dataSource.query(
      `SELECT indexname AS name FROM pg_indexes WHERE schemaname = 'public' AND indexname NOT LIKE '%\\_pkey'`,
    );
    const declared = tables.flatMap(({ indexes }) => indexes);
    expect(rows.map(({ name }) => name).sort()).to.deep.equal([...declared].sort());
  });

  it('make nothing that would stand in the way of distributing the tables', async () => {
    const { triggers, sequences, constraints } = await catalogOf(dataSource);
    expect(triggers).to.deep.equal({});
    expect(Object.keys(sequences ?? {}).filter((name) => !/^(migrations|runs)_/.test(name))).to.deep.equal([]); // the writer's own stay local
    for (const [name, what] of Object.entries(constraints ?? {})) {
      const column = /^FOREIGN KEY \((\w+)\)/.exec(what)?.[1];
      if (column !== undefined) expect(name).to.match(new RegExp(`^(\\w+)\\.\\1_${column}_fkey$`));
    }
  });

  const drifts: [what: string, drift: string, undo: string][] = [
    ['a type', 'ALTER TABLE users ALTER bio TYPE varchar(10)', 'ALTER TABLE users ALTER bio TYPE text'],
    [
      'a precision',
      'ALTER TABLE tips ALTER amount TYPE numeric(10,2)',
      'ALTER TABLE tips ALTER amount TYPE numeric(14,2)',
    ],
    ['a null', 'ALTER TABLE users ALTER email DROP NOT NULL', 'ALTER TABLE users ALTER email SET NOT NULL'],
    ['a missing null', 'ALTER TABLE users ALTER bio SET NOT NULL', 'ALTER TABLE users ALTER bio DROP NOT NULL'],
    [
      'a default',
      'ALTER TABLE posts ALTER visibility DROP DEFAULT',
      `ALTER TABLE posts ALTER visibility SET DEFAULT 'public'`,
    ],
    ['another default', 'ALTER TABLE skills ALTER is_active SET DEFAULT false', 'ALTER TABLE skills ALTER is_active SET DEFAULT true'], // prettier-ignore
    ['a column that is gone', 'ALTER TABLE users RENAME bio TO biography', 'ALTER TABLE users RENAME biography TO bio'],
    ['a column too many', 'ALTER TABLE users ADD extra text', 'ALTER TABLE users DROP extra'],
    ['a check that is gone', 'ALTER TABLE tips DROP CONSTRAINT tips_amount_check', 'ALTER TABLE tips ADD CONSTRAINT tips_amount_check CHECK (amount > 0)'], // prettier-ignore
    ['a foreign key that is gone', 'ALTER TABLE tips DROP CONSTRAINT tips_sender_id_fkey', 'ALTER TABLE tips ADD CONSTRAINT tips_sender_id_fkey FOREIGN KEY (sender_id) REFERENCES users'], // prettier-ignore
    ['a key', 'ALTER TABLE follows DROP CONSTRAINT follows_pkey; ALTER TABLE follows ADD CONSTRAINT follows_pkey PRIMARY KEY (follower_id)', 'ALTER TABLE follows DROP CONSTRAINT follows_pkey; ALTER TABLE follows ADD CONSTRAINT follows_pkey PRIMARY KEY (follower_id, followed_id)'], // prettier-ignore
    ['a table that is gone', 'ALTER TABLE tips RENAME TO gratuities', 'ALTER TABLE gratuities RENAME TO tips'],
  ];
  for (const [what, drift, undo] of drifts) {
    it(`would be seen to differ in ${what}`, async () => {
      await dataSource.query(drift);
      try {
        expect(await differences()).not.to.deep.equal([]);
      } finally {
        await dataSource.query(undo);
      }
      expect(await differences()).to.deep.equal([]);
    });
  }

  it('agree about what every check says', async () => {
    // TypeORM compares checks by their names: what they say is compared by PostgreSQL's own words for both.
    const rows: { name: string; what: string }[] = await dataSource.query(
      `SELECT conname AS name, pg_get_constraintdef(oid) AS what FROM pg_constraint WHERE contype = 'c' AND connamespace = 'public'::regnamespace`,
    );
    const real = Object.fromEntries(rows.map(({ name, what }) => [name, what]));
    const declared = tables.flatMap(({ name, checks }) =>
      Object.entries(checks).map(([suffix, expression]) => [name, [name, suffix, 'check'].filter((part) => part !== '').join('_'), expression] as const),
    ); // prettier-ignore
    expect(Object.keys(real).sort()).to.deep.equal(declared.map(([, check]) => check).sort());
    for (const [table, check, expression] of declared) {
      const same = `${check}_again`.slice(0, 63);
      await dataSource.query(`ALTER TABLE ${table} ADD CONSTRAINT ${same} CHECK (${expression})`);
      const [again]: { what: string }[] = await dataSource.query(
        `SELECT pg_get_constraintdef(oid) AS what FROM pg_constraint WHERE conname = '${same}'`,
      );
      await dataSource.query(`ALTER TABLE ${table} DROP CONSTRAINT ${same}`);
      expect(again?.what, check).to.equal(real[check]);
    }
  });

  it('collate versions by code point', async () => {
    const rows: { name: string }[] = await dataSource.query(
      `SELECT table_name || '.' || column_name AS name FROM information_schema.columns
       WHERE table_schema = 'public' AND collation_name = 'C' ORDER BY 1`,
    );
    const versions = tables.flatMap(({ name, versions: all }) =>
      [...all.keys()].map((version) => `${name}.${version}`),
    );
    expect(rows.map(({ name }) => name).sort()).to.deep.equal(versions.sort());
  });
});
