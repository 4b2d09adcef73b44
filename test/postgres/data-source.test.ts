import { once } from 'node:events';
import { createConnection, createServer, type AddressInfo } from 'node:net';
import { expect } from 'chai';
import { AwayError, EXIT, UserError } from '../../src/errors.js';
import { DataSource } from 'typeorm';
import { connect, createDataSource, unhurried } from '../../src/postgres/data-source.js';
import { failureOf } from '../../src/failures/failure.js';
import { Session } from '../../src/postgres/session.js';
import { databaseConfig } from '../support/database.js';

async function errorOf(work: Promise<unknown>): Promise<Error> {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).to.be.instanceOf(Error);
  return error as Error;
}

describe('connecting to PostgreSQL', () => {
  const config = databaseConfig(process.env.DB_DATABASE ?? 'dbw');

  it('says so where nothing answers', async () => {
    const error = await errorOf(connect({ ...config, host: '127.0.0.1', port: 1 }));
    expect(error).to.be.instanceOf(AwayError);
    expect(error).to.have.property('status', EXIT.away);
    expect(error.message).to.contain('127.0.0.1:1').and.to.contain('ECONNREFUSED').and.to.contain('DB_HOST');
  });

  it('names a database that is not there, and what to do', async () => {
    const error = await errorOf(connect({ ...config, database: 'no_such_database' }));
    expect(error).to.be.instanceOf(UserError).and.to.have.property('status', EXIT.refused);
    expect(error.message).to.contain('no_such_database').and.to.contain('DB_DATABASE');
  });

  it('takes connections from one pool, and gives back those whose work failed', async () => {
    const dataSource = await connect({ ...config, poolSize: 2 });
    try {
      for (let i = 0; i < 10; i++) {
        const failed = Session.with(dataSource, (session) => session.transaction(() => session.query('SELECT 1 / 0')));
        expect(await errorOf(failed)).to.have.property('code', '22012');
      }
      const { rows } = await Session.with(dataSource, (session) =>
        session.query('SELECT 1 + 1, null, $1::text', ['x']),
      );
      expect(rows).to.deep.equal([[2, null, 'x']]);
    } finally {
      await dataSource.destroy();
    }
  });

  it('survives a server that ends a connection in the moment in which it is made', async () => {
    // A server that shuts down says so right behind "ready": in one piece with it, before anybody has the connection.
    const ready = Buffer.from('Z\0\0\0\x05I', 'latin1');
    const fields = 'SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0';
    const farewell = Buffer.from(`E\0\0\0${String.fromCharCode(fields.length + 4)}${fields}`, 'latin1');
    const server = createServer((client) => {
      const real = createConnection({ host: config.host, port: config.port });
      for (const socket of [client, real]) socket.on('error', () => undefined);
      client.pipe(real);
      real.on('data', (bytes: Buffer) => {
        const isReady = bytes.subarray(-ready.length).equals(ready);
        client.write(isReady ? Buffer.concat([bytes, farewell]) : bytes);
        if (!isReady) return;
        client.end();
        real.destroy();
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const dataSource = createDataSource({ ...config, host: '127.0.0.1', port });
    try {
      const work = dataSource.initialize().then((ready) => ready.query('SELECT 1'));
      expect(failureOf(await errorOf(work))).to.have.property('class', 'transient');
    } finally {
      if (dataSource.isInitialized) await dataSource.destroy();
      server.close();
    }
  });

  describe('when a connection is of no more use', () => {
    const own = async (dataSource: DataSource) => {
      const [row]: { pid: number }[] = await dataSource.query('SELECT pg_backend_pid() AS pid');
      return row?.pid;
    };

    /** A pool of one connection, in which nothing else can be taken for it. */
    async function alone(extra: object = {}): Promise<DataSource> {
      const { options } = createDataSource({ ...config, poolSize: 1 });
      if (options.type !== 'postgres') throw new TypeError('not PostgreSQL');
      const given: unknown = options.extra;
      return new DataSource({
        ...options,
        extra: { ...(typeof given === 'object' ? given : {}), ...extra },
      }).initialize();
    }

    for (const through of ['a session', 'the data source'] as const) {
      const run = (dataSource: DataSource, sql: string): Promise<unknown> =>
        through === 'a session' ? Session.with(dataSource, (session) => session.query(sql)) : dataSource.query(sql);

      it(`takes a new one where ${through} found that it leads to a server that only reads`, async () => {
        const dataSource = await alone();
        try {
          const before = await own(dataSource);
          await run(dataSource, 'SET default_transaction_read_only = on');
          expect(await own(dataSource)).to.equal(before);
          expect(await errorOf(run(dataSource, 'CREATE TABLE never ()'))).to.have.property('code', '25006');
          expect(await own(dataSource)).not.to.equal(before);
        } finally {
          await dataSource.destroy();
        }
      });

      it(`takes a new one where ${through} waited in vain for an answer`, async () => {
        const dataSource = await alone({ query_timeout: 2_000 });
        try {
          const before = await own(dataSource);
          expect((await errorOf(run(dataSource, 'SELECT pg_sleep(600)'))).message).to.contain('timeout');
          expect(await own(dataSource)).not.to.equal(before);
          await dataSource.query('SELECT pg_terminate_backend($1)', [before]);
        } finally {
          await dataSource.destroy();
        }
      });

      it(`takes a new one where the server ended that of ${through}`, async () => {
        const dataSource = await alone();
        try {
          const before = await own(dataSource);
          await errorOf(run(dataSource, 'SELECT pg_terminate_backend(pg_backend_pid())'));
          expect(await own(dataSource)).not.to.equal(before);
        } finally {
          await dataSource.destroy();
        }
      });

      it(`keeps the one over which ${through} only asked for nonsense`, async () => {
        const dataSource = await alone();
        try {
          const before = await own(dataSource);
          await errorOf(run(dataSource, 'SELECT 1 / 0'));
          expect(await own(dataSource)).to.equal(before);
        } finally {
          await dataSource.destroy();
        }
      });
    }

    it('cuts what hangs, on both sides; only migrations and housekeeping may take their time', async () => {
      const dataSource = await connect(config);
      const names = ['statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', 'tcp_keepalives_idle', 'tcp_user_timeout']; // prettier-ignore
      const settings = async (of: DataSource) => {
        const rows: { name: string; setting: string }[] = await of.query(
          'SELECT name, setting FROM pg_settings WHERE name = ANY($1)',
          [names],
        );
        const byName = new Map(rows.map(({ name, setting }) => [name, Number(setting)]));
        return names.map((name) => byName.get(name));
      };
      try {
        expect(await settings(dataSource)).to.deep.equal([15_000, 10_000, 15_000, 10, 20_000]);
        expect(await unhurried(dataSource, settings)).to.deep.equal([0, 10_000, 15_000, 10, 20_000]);
      } finally {
        await dataSource.destroy();
      }
    });
  });
});
