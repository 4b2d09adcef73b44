import { expect } from 'chai';
import type { DataSource } from 'typeorm';
import { EXIT } from '../../src/errors.js';
import { tables } from '../../src/handlers/index.js';
import { connect } from '../../src/postgres/data-source.js';
import { grantsFor, type Roles } from '../../src/postgres/roles.js';
import { dbw, type Ended } from '../support/cli.js';
import { freshDistributed } from '../support/citus.js';
import { bareDatabase, databaseConfig } from '../support/database.js';
import { generate } from '../support/generator/index.js';
import { Place } from '../support/place.js';
import { unique } from '../support/unique.js';

const PASSWORD = 'x';

async function codeOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => 'done',
    (error: unknown) => (error instanceof Error && 'code' in error ? error.code : error),
  );
}

describe('the roles of dbw migrate grants', () => {
  let place: Place;
  let roles: Roles;
  const open: DataSource[] = [];

  const env = (role: string) => ({ ...place.env, DB_USERNAME: role, DB_PASSWORD: PASSWORD });
  async function as(role: string): Promise<DataSource> {
    const config = databaseConfig(place.env.DB_DATABASE ?? '');
    const dataSource = await connect({ ...config, username: role, password: PASSWORD, poolSize: 1 });
    open.push(dataSource);
    return dataSource;
  }
  async function run(role: string, ...args: string[]): Promise<Ended> {
    return dbw(args, env(role));
  }
  async function expectDone(role: string, ...args: string[]): Promise<void> {
    const { status, stderr, stdout } = await run(role, ...args);
    expect(status, `${args.join(' ')}: ${stderr}${stdout}`).to.equal(EXIT.done);
  }
  /** As above; but the stream has poison, which fails again. */
  async function expectDoneOrPartly(role: string, ...args: string[]): Promise<void> {
    const { status, stderr, stdout } = await run(role, ...args);
    expect([EXIT.done, EXIT.partly], `${args.join(' ')}: ${stderr}${stdout}`).to.contain(status);
  }

  before(async () => {
    const names = ['owner', 'writer', 'operator', 'viewer', 'reader'] as const;
    // Names that have to be quoted.
    const [owner = '', writer = '', operator = '', viewer = '', reader = ''] = names.map((name) =>
      unique(`Its ${name}`),
    );
    roles = { owner, writer, operator, viewer, reader };
    place = await Place.make(undefined, bareDatabase);
    const flags = Object.entries<string>({ ...roles }).flatMap(([flag, name]) => [`--${flag}`, name]);
    const { status, stdout, stderr } = await dbw(['migrate', 'grants', ...flags], place.env);
    expect(status, stderr).to.equal(EXIT.done);
    expect(stdout).to.equal(grantsFor(roles));
    await place.dataSource.query(stdout);
    for (const role of Object.values<string>({ ...roles })) {
      await place.dataSource.query(`ALTER ROLE "${role}" PASSWORD '${PASSWORD}'`);
    }
    await expectDone(roles.owner, 'migrate');
    await place.send(generate({ seed: 11, events: 150, poison: 0.05 }));
    await expectDone(roles.writer, 'consume', '--until-caught-up');
  });
  after(async () => {
    for (const dataSource of open) await dataSource.destroy();
    for (const role of Object.values<string>({ ...roles }).reverse()) {
      await place.dataSource.query(`REASSIGN OWNED BY "${role}" TO CURRENT_USER; DROP OWNED BY "${role}"`);
    }
    for (const role of Object.values<string>({ ...roles }).reverse())
      await place.dataSource.query(`DROP ROLE "${role}"`);
    await place.dataSource.destroy();
  });

  it('let each command do its work: the owner', async () => {
    await expectDone(roles.owner, 'migrate', 'status');
    await expectDone(roles.owner, 'migrate');
  });

  it('the operator', async () => {
    const { operator } = roles;
    await expectDoneOrPartly(operator, 'replay-dlq', '--yes');
    const topic = `${place.prefix}user.created`;
    await expectDoneOrPartly(operator, 'backfill', '--topic', topic, '--from-offset', '0', '--reason', 'test', '--yes');
    const again = ['--topic', topic, '--from-offset', '0', '--reason', 'test', '--reapply', '--yes'];
    await expectDoneOrPartly(operator, 'backfill', ...again);
    await expectDone(operator, 'dlq', 'discard', '--died-of', 'malformed', '--reason', 'test', '--yes');
  });

  const looking = [
    ['migrate', 'status'],
    ['health'],
    ['lag'],
    ['runs'],
    ['parked', 'ls'],
    ['dlq', 'ls'],
    ['dlq', 'summary'],
    ['dlq', 'export', '-'],
  ];
  it('the viewer', async () => {
    const ended = await Promise.all(looking.map((command) => run(roles.viewer, ...command)));
    for (const [i, { status, stderr, stdout }] of ended.entries()) {
      expect(status, `${looking[i]?.join(' ') ?? ''}: ${stderr}${stdout}`).to.equal(EXIT.done);
    }
    expect(ended[1]?.stdout).to.contain('may only look');
    const from = ['--topic', `${place.prefix}user.created`, '--from-offset', '0'];
    await expectDoneOrPartly(roles.viewer, 'backfill', 'verify', ...from);
  });

  it('and no other: what is refused names the rights that are missing', async () => {
    const cases: [string, string[], RegExp][] = [
      [roles.operator, ['consume', '--until-caught-up'], /ownership of dbw\.processed_events/],
      [roles.viewer, ['consume', '--until-caught-up'], /INSERT, UPDATE on public\.users/],
      [roles.viewer, ['replay-dlq', '--yes'], /INSERT, UPDATE on public\.users/],
      [roles.viewer, ['dlq', 'discard', '--died-of', 'malformed', '--reason', 'x', '--yes'], /on dbw\.dlq_discards/],
      [roles.reader, ['dlq', 'ls'], /USAGE on schema dbw/],
    ];
    const ended = await Promise.all(cases.map(([role, command]) => run(role, ...command)));
    for (const [i, { status, stderr }] of ended.entries()) {
      expect(stderr).to.match(cases[i]?.[2] ?? /never/);
      expect(status).to.equal(EXIT.refused);
    }
  });

  it('may not do in public what dbw does not do', async () => {
    const { owner: _, ...below } = roles;
    for (const [name, role] of Object.entries<string>(below)) {
      const dataSource = await as(role);
      const refused = [
        'CREATE TABLE public.mine (a integer)',
        'DROP TABLE public.users',
        'ALTER TABLE public.users ADD COLUMN mine integer',
        'CREATE INDEX ON public.users (email)',
        'CREATE SCHEMA mine',
        ...tables.flatMap(({ name: table }) => [`DELETE FROM public.${table}`, `TRUNCATE public.${table} CASCADE`]),
        ...(name === 'writer' || name === 'operator'
          ? []
          : tables.flatMap(({ name: table, key: [key = ''] }) => [
              `UPDATE public.${table} SET ${key} = ${key} WHERE false`,
              `INSERT INTO public.${table} SELECT * FROM public.${table} WHERE false`,
            ])),
      ];
      for (const statement of refused) {
        expect(await codeOf(dataSource.query(statement)), `${name}: ${statement}`).to.equal('42501');
      }
      expect(await codeOf(dataSource.query('SELECT count(*) FROM public.users'))).to.equal('done');
    }
  });

  it('may not do in schema dbw what their command does not do', async () => {
    const refused: Partial<Record<keyof Roles, string[]>> = {
      writer: ['ALTER ROLE CURRENT_USER SUPERUSER', `SET ROLE "${roles.owner}"`],
      operator: ['CREATE TABLE dbw.mine (a integer)', 'DROP TABLE dbw.runs', "UPDATE dbw.migrations SET name = 'x'"],
      viewer: ['CREATE TABLE dbw.mine (a integer)', 'DELETE FROM dbw.positions', 'UPDATE dbw.runs SET reason = NULL'],
      reader: ['SELECT 1 FROM dbw.parked_events', 'SELECT 1 FROM dbw.positions', "SELECT dbw.event_key('x')"],
    };
    for (const [name, statements] of Object.entries(refused) as [keyof Roles, string[]][]) {
      const dataSource = await as(roles[name]);
      for (const statement of statements) {
        expect(await codeOf(dataSource.query(statement)), `${name}: ${statement}`).to.equal('42501');
      }
    }
  });

  it('can be granted again, over rights that went too far, and a migration can be taken back and made again', async () => {
    await place.dataSource.query(
      `GRANT ALL ON ALL TABLES IN SCHEMA public, dbw TO "${roles.viewer}", "${roles.operator}"`,
    );
    await place.dataSource.query(grantsFor(roles));
    const viewer = await as(roles.viewer);
    expect(await codeOf(viewer.query('DELETE FROM public.users'))).to.equal('42501');
    expect(await codeOf(viewer.query('DELETE FROM dbw.positions'))).to.equal('42501');
    const operator = await as(roles.operator);
    expect(await codeOf(operator.query("UPDATE dbw.migrations SET name = 'x'"))).to.equal('42501');

    await expectDone(roles.owner, 'migrate', 'revert', '--yes');
    await expectDone(roles.owner, 'migrate');
    await expectDone(roles.writer, 'consume', '--until-caught-up');
    await expectDone(roles.viewer, 'runs');
    const owners: { owner: string }[] = await place.dataSource.query(
      `SELECT DISTINCT tableowner AS owner FROM pg_tables WHERE schemaname = 'dbw'`,
    );
    expect(owners).to.deep.equal([{ owner: roles.writer }]);
  });

  it('may move rows to another node where the tables are distributed, and delete nothing else', async () => {
    const distributed = await freshDistributed();
    try {
      await distributed.query(grantsFor(roles));
      const held: { role: string; name: string }[] = await distributed.query(
        `SELECT r.rolname AS role, c.relname AS name FROM pg_roles r, pg_class c
         WHERE r.rolname = ANY($1) AND c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
           AND has_table_privilege(r.oid, c.oid, 'DELETE') ORDER BY 1, 2`,
        [[roles.writer, roles.operator, roles.viewer, roles.reader]],
      );
      const movable = tables.filter(({ owner }) => owner !== undefined).map(({ name }) => name);
      const expected = [roles.operator, roles.writer].flatMap((role) => movable.map((name) => ({ role, name })));
      expect(held).to.have.deep.members(expected);
      expect(movable).to.have.lengthOf(9);
    } finally {
      for (const role of Object.values<string>({ ...roles }).reverse()) {
        await distributed.query(`REASSIGN OWNED BY "${role}" TO CURRENT_USER; DROP OWNED BY "${role}"`);
      }
      await distributed.destroy();
    }
  });

  it('have names, each another', async () => {
    for (const [args, what] of [
      [['--writer', 'same', '--viewer', 'same'], '--writer and --viewer are both "same"'],
      [['--owner', ''], '--owner is ""'],
      [['--reader', 'pg_mine'], '--reader is "pg_mine"'],
      [['--reader', 'x'.repeat(64)], '--reader is "xxx'],
    ] as const) {
      const { status, stderr } = await dbw(['migrate', 'grants', ...args]);
      expect(status).to.equal(EXIT.usage);
      expect(stderr).to.contain(what);
    }
  });
});
