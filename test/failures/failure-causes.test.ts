import { expect } from 'chai';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { Redis } from 'ioredis';
import { Kafka, logLevel } from 'kafkajs';
import pg from 'pg';
import type { DataSource } from 'typeorm';
import type { Config } from '../../src/config.js';
import { failureOf, faultOf, type Failure } from '../../src/failures/failure.js';
import { tables } from '../../src/handlers/index.js';
import { connect, createDataSource } from '../../src/postgres/data-source.js';
import { ProcessedEvents } from '../../src/postgres/processed.js';
import { Session } from '../../src/postgres/session.js';
import { Store } from '../../src/writing/store.js';
import { Cable } from '../support/cable.js';
import { databaseConfig, freshDatabase } from '../support/database.js';
import { eventOf } from '../support/envelopes.js';
import { errorOf, user } from '../support/failing.js';
import { unique } from '../support/unique.js';
import { until } from '../support/until.js';

type Expected = Partial<Failure> & Pick<Failure, 'class'>;

function expectFailure(error: unknown, sqlState: string | undefined, expected: Expected): void {
  expect(faultOf(error)?.sqlState, String(error)).to.equal(sqlState);
  expect(failureOf(error), String(error)).to.deep.include({ halve: false, reconnect: false, ...expected });
}

async function closedPort(): Promise<number> {
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address();
  listener.close();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

describe('failures by their true causes', () => {
  let dataSource: DataSource;
  let config: Config['database'];
  const processed = new ProcessedEvents();
  before(async () => {
    dataSource = await freshDatabase();
    config = databaseConfig(String(dataSource.options.database));
    await processed.maintain(dataSource, 8);
    await sql(
      "INSERT INTO public.users (user_id, username, email, role, created_at) VALUES ('u', 'u', 'u', 'creator', now())",
    );
  });
  after(() => dataSource.destroy());

  const sql = async (text: string): Promise<unknown> => dataSource.query(text);
  const failing = async (text: string) => errorOf(sql(text));
  /** What writing one event says, by the statements of the writer itself. */
  const writing = (source = dataSource) => errorOf(new Store(source, tables, processed).write([eventOf(user())]));
  const afterwards = async <T>(work: () => Promise<T>, ...restore: string[]): Promise<T> => {
    try {
      return await work();
    } finally {
      for (const text of restore) await sql(text);
    }
  };

  /** Two connections, each in a transaction of its own. */
  const withTwo = (work: (a: Session, b: Session) => Promise<void>, begin = 'BEGIN') =>
    Session.with(dataSource, (a) =>
      Session.with(dataSource, async (b) => {
        try {
          for (const session of [a, b]) await session.query(begin);
          await work(a, b);
        } finally {
          for (const session of [a, b]) await session.query('ROLLBACK').catch(() => undefined);
        }
      }),
    );
  const pidOf = async (session: Session) => Number((await session.query('SELECT pg_backend_pid()')).rows[0]?.[0]);
  const waits = (pid: number) => async () => {
    const rows: { waits: boolean }[] = await dataSource.query(
      "SELECT wait_event_type IN ('Lock', 'Timeout') AS waits FROM pg_stat_activity WHERE pid = $1 AND state = 'active'",
      [pid],
    );
    return rows[0]?.waits === true;
  };

  describe('the database as a whole', () => {
    it('a right was revoked', async () => {
      const role = unique('role');
      await sql(`CREATE ROLE ${role} LOGIN PASSWORD 'secret'`);
      await sql(`GRANT USAGE ON SCHEMA public, dbw TO ${role}`);
      await sql(`GRANT ALL ON ALL TABLES IN SCHEMA public, dbw TO ${role}`);
      await sql(`REVOKE INSERT ON public.users FROM ${role}`);
      const limited = await connect({ ...config, username: role, password: 'secret' });
      await afterwards(
        async () => {
          try {
            const error = await writing(limited);
            expectFailure(error, '42501', { class: 'systemic' });
            expect(failureOf(error).remedy).to.contain('Grant');
          } finally {
            await limited.destroy();
          }
        },
        `DROP OWNED BY ${role}`,
        `DROP ROLE ${role}`,
      );
    });

    it('a column was dropped', async () => {
      await sql('ALTER TABLE public.users DROP COLUMN avatar_url');
      const error = await afterwards(writing, 'ALTER TABLE public.users ADD COLUMN avatar_url text');
      expectFailure(error, '42703', { class: 'systemic' });
      expect(failureOf(error).remedy).to.contain('dbw migrate');
    });

    it('a table is not there', async () => {
      await sql('ALTER TABLE public.users RENAME TO people');
      const error = await afterwards(writing, 'ALTER TABLE public.people RENAME TO users');
      expectFailure(error, '42P01', { class: 'systemic' });
    });

    it("a schema of the writer's is not there", async () => {
      expectFailure(await failing("SELECT nowhere.event_key('x')"), '3F000', { class: 'systemic' });
    });

    it('a partition of the ids is not there: no bad event, though PostgreSQL calls it a violated check', async () => {
      await sql('ALTER TABLE dbw.processed_events DETACH PARTITION dbw.processed_events_old');
      const attach = "ATTACH PARTITION dbw.processed_events_old FOR VALUES FROM (MINVALUE) TO ('2000-01-01')";
      const error = await afterwards(writing, `ALTER TABLE dbw.processed_events ${attach}`);
      expectFailure(error, '23514', { class: 'systemic' });
      expect(faultOf(error)).to.include({ schema: 'dbw', table: 'processed_events' });
    });

    it('a constraint that somebody added to the tables of the writer', async () => {
      const own = 'dbw.positions';
      await sql(`ALTER TABLE ${own} ADD CONSTRAINT mine CHECK (next_offset < 0)`);
      const insert = `INSERT INTO ${own} (group_id, topic, partition, next_offset) VALUES`;
      const check = await failing(`${insert} ('g', 't', 0, 1)`);
      await sql(`ALTER TABLE ${own} DROP CONSTRAINT mine`);
      expectFailure(check, '23514', { class: 'systemic' });
      expectFailure(await failing(`${insert} ('g', 't', 0, NULL)`), '23502', { class: 'systemic' });
      expectFailure(await failing(`${insert} ('g', 't', 0, 1), ('g', 't', 0, 1)`), '23505', { class: 'systemic' });
      expect(failureOf(check).remedy).to.contain('schema dbw');
    });

    it('the password is wrong', async () => {
      const error = await errorOf(createDataSource({ ...config, password: 'wrong' }).initialize());
      expectFailure(error, '28P01', { class: 'systemic' });
      expect(failureOf(error).remedy).to.contain('DB_PASSWORD');
    });

    it('no password is given', async () => {
      const error = await errorOf(createDataSource({ ...config, password: undefined }).initialize());
      expectFailure(error, undefined, { class: 'systemic' });
      expect(failureOf(error).remedy).to.contain('DB_PASSWORD');
    });

    it('the user may not log in', async () => {
      const role = unique('role');
      await sql(`CREATE ROLE ${role} NOLOGIN PASSWORD 'secret'`);
      const open = () => errorOf(createDataSource({ ...config, username: role, password: 'secret' }).initialize());
      expectFailure(await afterwards(open, `DROP ROLE ${role}`), '28000', { class: 'systemic' });
    });

    it('the database is not there', async () => {
      const error = await errorOf(createDataSource({ ...config, database: 'no_such_database' }).initialize());
      expectFailure(error, '3D000', { class: 'systemic' });
      expect(failureOf(error).remedy).to.contain('DB_DATABASE');
    });

    it('the server speaks no TLS', async () => {
      const error = await errorOf(createDataSource({ ...config, ssl: {} }).initialize());
      expectFailure(error, undefined, { class: 'systemic' });
      expect(failureOf(error).remedy).to.contain('DB_SSL');
    });
  });

  describe('the event', () => {
    const insert = (values: string) =>
      failing(`INSERT INTO public.users (user_id, username, email, role, created_at) VALUES (${values}, now())`);

    it('U+0000 in a text, or in JSON', async () => {
      expectFailure(await errorOf(dataSource.query('SELECT $1::text', ['a\0b'])), '22021', { class: 'data' });
      expectFailure(await failing(String.raw`SELECT '"\u0000"'::jsonb`), '22P05', { class: 'data' });
    });

    it('a value out of range', async () => {
      expectFailure(await failing('SELECT 99999999999::integer'), '22003', { class: 'data' });
      expectFailure(await failing("SELECT '2024-02-30'::date"), '22008', { class: 'data' });
    });

    it('a text that is no number, no time, or too long', async () => {
      expectFailure(await failing("SELECT 'x'::integer"), '22P02', { class: 'data' });
      expectFailure(await failing("SELECT 'x'::timestamptz"), '22007', { class: 'data' });
      await sql('CREATE TABLE short (text varchar(1))');
      expectFailure(await failing("INSERT INTO short VALUES ('long')"), '22001', { class: 'data' });
    });

    it('a violated check, not null or key of a table of events', async () => {
      const check = await insert("'v', 'v', 'v', 'king'");
      expectFailure(check, '23514', { class: 'data' });
      expect(faultOf(check)).to.include({ schema: 'public', table: 'users', constraint: 'users_role_check' });
      const missing = await insert("'v', NULL, 'v', 'creator'");
      expectFailure(missing, '23502', { class: 'data' });
      const taken = await insert("'u', 'v', 'v', 'creator'");
      expectFailure(taken, '23505', { class: 'data' });
      expect(faultOf(taken)?.constraint).to.equal('users_pkey');
    });

    it('an index row that is too large', async () => {
      const text = "(SELECT string_agg(md5(n::text), '') FROM generate_series(1, 1000) AS n)";
      expectFailure(await insert(`'w', ${text}, 'w', 'creator'`), '54000', { class: 'data' });
    });

    it('a parent that is not there', async () => {
      const error = await failing(
        "INSERT INTO public.follows (follower_id, followed_id, active, changed_at, version) VALUES ('u', 'nobody', true, now(), '')",
      );
      expectFailure(error, '23503', { class: 'dependency' });
      expect(faultOf(error)).to.include({ schema: 'public', table: 'follows' });
    });

    it('one statement that touches a row twice', async () => {
      await sql('CREATE TABLE twice (n integer PRIMARY KEY)');
      const error = await failing('INSERT INTO twice VALUES (1), (1) ON CONFLICT (n) DO UPDATE SET n = excluded.n');
      expectFailure(error, '21000', { class: 'bug' });
    });
  });

  describe('nobody knows', () => {
    it("a trigger that raises what it likes, in the writer's own statement", async () => {
      await sql("CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$");
      await sql('CREATE TRIGGER no BEFORE INSERT ON public.users FOR EACH ROW EXECUTE FUNCTION no()');
      const error = await afterwards(writing, 'DROP TRIGGER no ON public.users', 'DROP FUNCTION no');
      expectFailure(error, 'P0001', { class: 'unknown' });
      expect(failureOf(error).remedy).to.equal(undefined);
    });

    it("a constraint of somebody else's table", async () => {
      await sql('CREATE TABLE public.theirs (n integer CHECK (n > 0))');
      expectFailure(await failing('INSERT INTO public.theirs VALUES (0)'), '23514', { class: 'unknown' });
    });

    it('a feature that the server does not have', async () => {
      expectFailure(await failing('SELECT count(*) FROM public.users FOR UPDATE'), '0A000', { class: 'unknown' });
    });

    it('a limit that somebody has set', async () => {
      const error = await Session.with(dataSource, async (session) => {
        await session.query("SET work_mem = '64kB'");
        await session.query("SET temp_file_limit = '64kB'");
        const sorted = session.query(
          'SELECT n FROM generate_series(1, 100000) AS n ORDER BY md5(n::text) OFFSET 99999',
        );
        const failed = await errorOf(sorted);
        await session.query('RESET ALL');
        return failed;
      });
      expectFailure(error, '53400', { class: 'unknown' });
    });
  });

  describe('the moment', () => {
    it('a deadlock', async () => {
      await sql('CREATE TABLE locks AS SELECT n FROM generate_series(1, 2) AS n');
      await withTwo(async (a, b) => {
        for (const session of [a, b]) await session.query("SET LOCAL deadlock_timeout = '10ms'");
        await a.query('UPDATE locks SET n = n WHERE n = 1');
        await b.query('UPDATE locks SET n = n WHERE n = 2');
        const both = [a.query('UPDATE locks SET n = n WHERE n = 2'), b.query('UPDATE locks SET n = n WHERE n = 1')];
        const error = await errorOf(Promise.all(both));
        await Promise.allSettled(both);
        expectFailure(error, '40P01', { class: 'transient' });
      });
    });

    it('a serialization failure', async () => {
      await sql('CREATE TABLE counted AS SELECT 1 AS n');
      await withTwo(async (a, b) => {
        for (const session of [a, b]) await session.query('SELECT n FROM counted');
        await a.query('UPDATE counted SET n = 2');
        await a.query('COMMIT');
        expectFailure(await errorOf(b.query('UPDATE counted SET n = 3')), '40001', { class: 'transient' });
      }, 'BEGIN ISOLATION LEVEL REPEATABLE READ');
    });

    it('a lock that somebody keeps, also on a table of the writer', async () => {
      for (const table of ['public.users', 'dbw.positions']) {
        await withTwo(async (a, b) => {
          await a.query(`LOCK TABLE ${table}`);
          await b.query("SET LOCAL lock_timeout = '10ms'");
          expectFailure(await errorOf(b.query(`SELECT FROM ${table}`)), '55P03', { class: 'transient' });
        });
      }
    });

    it('a statement that takes too long, or that somebody cancels', async () => {
      await withTwo(async (a, b) => {
        await a.query("SET LOCAL statement_timeout = '10ms'");
        expectFailure(await errorOf(a.query('SELECT pg_sleep(60)')), '57014', { class: 'transient', halve: true });
        const pid = await pidOf(b);
        const error = errorOf(b.query('SELECT pg_sleep(60)'));
        await until(waits(pid));
        await sql(`SELECT pg_cancel_backend(${pid})`);
        expectFailure(await error, '57014', { class: 'transient', halve: true });
      });
    });

    it('a statement that is too deep', async () => {
      const error = await failing("SELECT repeat('[', 1000000)::json");
      expectFailure(error, '54001', { class: 'transient', halve: true });
    });

    it('a transaction that stood still for too long', async () => {
      await withTwo(async (a) => {
        const pid = await pidOf(a);
        await a.query("SET LOCAL idle_in_transaction_session_timeout = '1ms'");
        const gone = async () => {
          const found: unknown[] = await dataSource.query('SELECT FROM pg_stat_activity WHERE pid = $1', [pid]);
          return found.length === 0;
        };
        await until(gone);
        expect(failureOf(await errorOf(a.query('SELECT 1')))).to.include({ class: 'transient', reconnect: true });
      });
      const client = new pg.Client({ ...config, user: config.username });
      await client.connect();
      const ended = once(client, 'error');
      client.on('error', () => undefined); // it says so twice
      await client.query('BEGIN');
      await client.query("SET LOCAL idle_in_transaction_session_timeout = '1ms'");
      const [error] = (await ended) as unknown[];
      expectFailure(error, '25P03', { class: 'transient', reconnect: true });
    });

    it('a connection that an administrator ends, at work and idle', async () => {
      await withTwo(async (a) => {
        const pid = await pidOf(a);
        const error = errorOf(a.query('SELECT pg_sleep(60)'));
        await until(waits(pid));
        await sql(`SELECT pg_terminate_backend(${pid}, 10000)`);
        expectFailure(await error, '57P01', { class: 'transient', reconnect: true });
        expectFailure(await errorOf(a.query('SELECT 1')), undefined, { class: 'transient', reconnect: true });
      });
    });

    it('a server that takes no writes', async () => {
      const readOnly = createDataSource({ ...config });
      await sql(`ALTER DATABASE ${config.database} SET default_transaction_read_only = on`);
      await readOnly.initialize();
      try {
        expectFailure(await writing(readOnly), '25006', { class: 'transient', reconnect: true });
      } finally {
        await readOnly.query('SET default_transaction_read_only = off');
        await readOnly.query(`ALTER DATABASE ${config.database} RESET default_transaction_read_only`);
        await readOnly.destroy();
      }
    });

    it('no connection left for the role', async () => {
      const role = unique('role');
      await sql(`CREATE ROLE ${role} LOGIN PASSWORD 'secret' CONNECTION LIMIT 0`);
      const open = () => errorOf(createDataSource({ ...config, username: role, password: 'secret' }).initialize());
      expectFailure(await afterwards(open, `DROP ROLE ${role}`), '53300', { class: 'transient' });
    });

    it('a server that hears nonsense', async () => {
      const client = new pg.Client({ ...config, user: config.username });
      await client.connect();
      const ended = once(client, 'error');
      client.on('error', () => undefined); // it says so twice
      // A message of a type that the protocol does not have, four bytes long.
      const { connection }: { connection?: pg.Connection } = client as object;
      connection?.stream.write(Buffer.from([0xff, 0, 0, 0, 4]));
      const [error] = (await ended) as unknown[];
      expectFailure(error, '08P01', { class: 'transient', reconnect: true });
    });
  });

  describe('the network', () => {
    const transient = { class: 'transient', reconnect: true } as const;
    let cable: Cable;
    beforeEach(async () => {
      cable = await Cable.to(config.host, config.port);
    });
    afterEach(() => {
      cable.close();
    });
    const through = (over: object = {}) =>
      new pg.Client({ ...config, user: config.username, host: '127.0.0.1', port: cable.port, ...over });

    it('nobody listens', async () => {
      const error = await errorOf(createDataSource({ ...config, port: await closedPort() }).initialize());
      expectFailure(error, undefined, transient);
      expect(failureOf(error).remedy).to.contain('Start');
    });

    it('no such host', async () => {
      expectFailure(await errorOf(createDataSource({ ...config, host: 'no-such-host.invalid' }).initialize()), undefined, transient); // prettier-ignore
    });

    it('a connection that is cut in the middle of a statement', async () => {
      const source = createDataSource({ ...config, host: '127.0.0.1', port: cable.port });
      await source.initialize();
      const error = errorOf(source.query('SELECT pg_sleep(60) /* cut */'));
      const sleeps = async () => {
        const found =
          "SELECT FROM pg_stat_activity WHERE query LIKE '%/* cut */' AND wait_event = 'PgSleep' AND datname = $1";
        return (await dataSource.query<unknown[]>(found, [config.database])).length > 0;
      };
      await until(sleeps);
      cable.cut();
      expectFailure(await error, undefined, transient);
      await source.destroy();
    });

    it('a server that does not answer a statement', async () => {
      const client = through({ query_timeout: 50 });
      client.on('error', () => undefined);
      await client.connect();
      cable.hang();
      expectFailure(await errorOf(client.query('SELECT 1')), undefined, transient);
      cable.cut();
      expectFailure(await errorOf(client.query('SELECT 1')), undefined, transient);
    });

    it('a server that does not answer at all', async () => {
      cable.hang();
      const hung = { ...config, host: '127.0.0.1', port: cable.port, connectionTimeout: 50 };
      expectFailure(await errorOf(createDataSource(hung).initialize()), undefined, transient);
      expectFailure(await errorOf(through({ connectionTimeoutMillis: 50 }).connect()), undefined, transient);
    });

    it('a pool whose connections are all in use for too long', async () => {
      const pool = new pg.Pool({ ...config, user: config.username, max: 1 });
      const held = await pool.connect();
      pool.options.connectionTimeoutMillis = 50;
      expectFailure(await errorOf(pool.connect()), undefined, transient);
      held.release();
      await pool.end();
    });
  });

  describe('Kafka', () => {
    const brokers = (process.env.KAFKA_BROKERS ?? '').split(',');
    const quiet = { logLevel: logLevel.NOTHING, retry: { retries: 0 }, connectionTimeout: 200, requestTimeout: 200 };
    const kafka = (over: object = {}) => new Kafka({ brokers, enforceRequestTimeout: true, ...quiet, ...over });

    it('nobody listens', async () => {
      const admin = kafka({ brokers: [`127.0.0.1:${await closedPort()}`] }).admin();
      expectFailure(await errorOf(admin.connect()), undefined, { class: 'transient', reconnect: true });
    });

    it('a broker that does not answer, and one that is cut off', async () => {
      const [host = '', port] = brokers[0]!.split(':');
      const cable = await Cable.to(host, Number(port));
      cable.hang();
      const error = await errorOf(
        kafka({ brokers: [`127.0.0.1:${cable.port}`] })
          .admin()
          .connect(),
      );
      cable.close();
      expectFailure(error, undefined, { class: 'transient', reconnect: true });
    });

    it('a topic that is not there (yet)', async () => {
      const admin = kafka({ connectionTimeout: 5_000, requestTimeout: 5_000 }).admin();
      await admin.connect();
      const error = await errorOf(admin.fetchTopicOffsets(unique('topic')));
      await admin.disconnect();
      expectFailure(error, undefined, { class: 'transient' });
    });
  });

  describe('Redis', () => {
    const host = process.env.REDIS_HOST ?? '';
    const port = Number(process.env.REDIS_PORT);
    const open = (over: object = {}) => {
      const redis = new Redis({ host, port, maxRetriesPerRequest: 0, retryStrategy: () => null, ...over });
      redis.on('error', () => undefined);
      return redis;
    };

    it('nobody listens', async () => {
      const redis = open({ port: await closedPort() });
      expectFailure(await errorOf(redis.ping()), undefined, { class: 'transient' });
      expectFailure(await errorOf(redis.ping()), undefined, { class: 'transient' });
    });

    it('a server that does not answer', async () => {
      const cable = await Cable.to(host, port);
      const redis = open({ host: '127.0.0.1', port: cable.port, commandTimeout: 500 });
      await once(redis, 'ready');
      cable.hang();
      expectFailure(await errorOf(redis.ping()), undefined, { class: 'transient' });
      cable.close();
      redis.disconnect();
    });

    it('a connection that nobody has yet', async () => {
      const redis = open({ lazyConnect: true, enableOfflineQueue: false });
      expectFailure(await errorOf(redis.ping()), undefined, { class: 'transient' });
      redis.disconnect();
    });

    it('a wrong password', async () => {
      const redis = open();
      const error = await errorOf(redis.call('AUTH', 'nobody', 'wrong'));
      expectFailure(error, undefined, { class: 'systemic' });
      expect(failureOf(error).remedy).to.contain('REDIS_PASSWORD');
      redis.disconnect();
    });

    for (const reply of ['LOADING', 'MASTERDOWN', 'READONLY', 'CLUSTERDOWN', 'TRYAGAIN', 'BUSY']) {
      it(`a server that says ${reply}`, async () => {
        const redis = open();
        const error = await errorOf(redis.eval(`return redis.error_reply('${reply} not now')`, 0));
        expectFailure(error, undefined, { class: 'transient' });
        redis.disconnect();
      });
    }
  });
});
