import { expect } from 'chai';
import { appendFile, chown, open, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import type { DataSource } from 'typeorm';
import { failureOf, faultOf, type Failure } from '../../src/failures/failure.js';
import { tables } from '../../src/handlers/index.js';
import { connect, createDataSource } from '../../src/postgres/data-source.js';
import { migrate } from '../../src/postgres/migrate.js';
import { ProcessedEvents } from '../../src/postgres/processed.js';
import { Session } from '../../src/postgres/session.js';
import { Store } from '../../src/writing/store.js';
import { eventOf } from '../support/envelopes.js';
import { errorOf, user } from '../support/failing.js';
import { ownPostgres, type OwnPostgres } from '../support/own-postgres.js';
import { until } from '../support/until.js';

type Expected = Partial<Failure> & Pick<Failure, 'class'>;
const RECONNECT: Expected = { class: 'transient', reconnect: true };

function expectFailure(error: unknown, states: readonly (string | undefined)[], expected: Expected): void {
  expect(states, String(error)).to.include(faultOf(error)?.sqlState);
  expect(failureOf(error), String(error)).to.deep.include({ halve: false, reconnect: false, ...expected });
}

/** A server of the file's own: each test leaves it running and whole. */
describe('failures of a server that is ill, full or away', () => {
  let own: OwnPostgres;
  let dataSource: DataSource;
  let data: string;
  const processed = new ProcessedEvents();

  before(async () => {
    own = await ownPostgres();
    dataSource = await connect(own.config);
    await migrate(dataSource);
    await processed.maintain(dataSource, 8);
    const [row]: { data_directory: string }[] = await dataSource.query('SHOW data_directory');
    data = row!.data_directory;
  });
  after(async () => {
    await dataSource.destroy();
    await own.close();
  });

  const sql = async (text: string): Promise<unknown> => dataSource.query(text);
  const failing = async (text: string) => errorOf(sql(text));
  const store = () => new Store(dataSource, tables, processed);
  const write = () => store().write([eventOf(user())]);
  const connecting = () => errorOf(createDataSource(own.config).initialize());
  const client = async () => {
    const made = new pg.Client({ ...own.config, user: own.config.username });
    made.on('error', () => undefined);
    await made.connect();
    return made;
  };
  const fileOf = async (relation: string) => {
    const rows: { path: string }[] = await dataSource.query(`SELECT pg_relation_filepath('${relation}') AS path`);
    return join(data, rows[0]!.path);
  };
  /** A statement that runs until something ends it, and its process. */
  const sleeping = async () => {
    const session = await client();
    const { rows } = await session.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    const { pid } = rows[0]!;
    const notices: unknown[] = [];
    session.on('notice', (notice) => notices.push(notice));
    const error = errorOf(session.query('SELECT pg_sleep(600)'));
    await until(async () => {
      const found = "SELECT FROM pg_stat_activity WHERE pid = $1 AND wait_event = 'PgSleep'";
      return (await dataSource.query<unknown[]>(found, [pid])).length === 1;
    });
    return { pid, error, notices };
  };

  it('the disk is full, under the statements of the writer', async function () {
    // A file that lets nobody add to it, as a full disk does; it takes neither rights nor a file system of its own.
    if (!existsSync('/dev/full')) this.skip();
    const file = await fileOf('public.users');
    await dataSource.destroy(); // sessions keep files open
    await rm(file);
    await symlink('/dev/full', file);
    dataSource = await connect(own.config);
    const error = await errorOf(write());
    await dataSource.destroy();
    await rm(file);
    await writeFile(file, '');
    const { uid, gid } = await stat(data);
    await chown(file, uid, gid);
    dataSource = await connect(own.config);
    expectFailure(error, ['53100'], { class: 'systemic' });
    expect(failureOf(error).remedy).to.contain('Free space');
    expect((await write()).applied, 'when there is space again').to.have.lengthOf(1);
  });

  it('no memory is left for locks', async () => {
    const error = await failing('SELECT count(pg_advisory_xact_lock(n)) FROM generate_series(1, 1000000) AS n');
    expectFailure(error, ['53200'], { class: 'systemic' });
    expect(failureOf(error).remedy).to.contain('max_locks_per_transaction');
    // What the locks took of the shared memory is theirs until the server ends.
    await dataSource.destroy();
    await own.server.stop();
    await own.server.start();
    dataSource = await connect(own.config);
  });

  it('no connection is left', async () => {
    const held: pg.Client[] = [];
    let error: unknown;
    while (error === undefined) {
      const more = await Promise.allSettled(Array.from({ length: 20 }, client));
      for (const one of more) {
        if (one.status === 'fulfilled') held.push(one.value);
        else error = one.reason;
      }
    }
    expect(held).to.have.length.above(100);
    await Promise.all(held.map((one) => one.end()));
    expectFailure(error, ['53300'], { class: 'transient' });
    expect(failureOf(error).remedy).to.contain('DB_POOL_SIZE');
  });

  it('a session of another client was killed, and all of them end', async () => {
    const [victim, witness] = [await sleeping(), await sleeping()];
    process.kill(victim.pid, 'SIGKILL');
    for (const { error } of [victim, witness]) expectFailure(await error, [undefined, '57P02'], RECONNECT);
    // What the server calls it comes as a warning.
    for (const notice of witness.notices) expectFailure(notice, ['57P02'], RECONNECT);
    expect(witness.notices).to.have.lengthOf(1);
    await until(async () => (await write().catch(() => undefined))?.applied.length === 1);
  });

  it('a database was stopped fast, or at once, and is away', async () => {
    for (const signal of ['SIGINT', 'SIGQUIT'] as const) {
      const { error } = await sleeping();
      await own.server.stop(signal);
      expectFailure(await error, ['57P01', '57P02', undefined], RECONNECT);
      // Nobody listens, or it was the end of a connection that lay idle.
      expectFailure(await errorOf(write()), ['57P01', '57P02', undefined], RECONNECT);
      expectFailure(await connecting(), [undefined], RECONNECT);
      await own.server.start();
      await until(async () => (await write().catch(() => undefined))?.applied.length === 1);
    }
  });

  it('the database is stopping', async () => {
    const last = await client();
    await dataSource.destroy();
    // A "smart" shutdown waits for the clients that it has, and takes no others.
    const stopped = own.server.stop('SIGTERM');
    let error: unknown;
    await until(async () => {
      const late = await client().catch((reason: unknown) => {
        error = reason;
      });
      await late?.end();
      return error !== undefined;
    });
    await last.end();
    await stopped;
    await own.server.start();
    dataSource = await connect(own.config);
    expectFailure(error, ['57P03'], RECONNECT);
  });

  it('a standby, and a server that is starting', async () => {
    await dataSource.destroy();
    await own.server.stop();
    const signal = join(data, 'standby.signal');
    const { uid, gid } = await stat(data);
    await writeFile(signal, '');
    await chown(signal, uid, gid);
    await own.server.start();
    dataSource = await connect(own.config);
    const readOnly = await errorOf(write());
    await dataSource.destroy();

    await own.server.stop();
    const settings = join(data, 'postgresql.auto.conf');
    await appendFile(settings, 'hot_standby = off\n');
    // It never comes so far as to take clients, so that nobody has to be quick to see it start.
    const started = errorOf(own.server.start());
    let starting: unknown;
    await until(async () => {
      starting = await connecting();
      return faultOf(starting) !== undefined;
    });
    await own.server.stop('SIGQUIT');
    await started;
    await appendFile(settings, 'hot_standby = on\n');
    await rm(signal);
    await own.server.start();
    dataSource = await connect(own.config);

    expectFailure(readOnly, ['25006'], RECONNECT);
    expect(failureOf(readOnly).remedy).to.contain('primary');
    expectFailure(starting, ['57P03'], RECONNECT);
    expect((await write()).applied, 'a primary again').to.have.lengthOf(1);
  });

  it('a file is gone, and another is damaged', async () => {
    await sql('CREATE TABLE gone AS SELECT 1 AS n');
    await sql('CREATE TABLE damaged AS SELECT 1 AS n');
    const [gone, damaged] = [await fileOf('gone'), await fileOf('damaged')];
    await dataSource.destroy();
    await own.server.stop();
    await rm(gone);
    const file = await open(damaged, 'r+');
    await file.write(Buffer.alloc(64, 0xff), 0, 64, 0);
    await file.close();
    await own.server.start();
    dataSource = await connect(own.config);
    const missing = await failing('SELECT n FROM gone');
    expectFailure(missing, ['58P01'], { class: 'systemic' });
    expect(failureOf(missing).remedy).to.contain('log');
    const broken = await failing('SELECT n FROM damaged');
    expectFailure(broken, ['XX001'], { class: 'systemic' });
    expect(failureOf(broken).remedy).to.contain('REINDEX');
  });

  it('a session that was in use when the server ended is given up', async () => {
    const error = await errorOf(
      Session.with(dataSource, async (session) => {
        await session.query('SELECT 1');
        await own.server.stop('SIGQUIT');
        await session.query('SELECT 1');
      }),
    );
    await own.server.start();
    expectFailure(error, [undefined, '57P01', '57P02'], RECONNECT);
    expect((await write()).applied).to.have.lengthOf(1);
  });
});
