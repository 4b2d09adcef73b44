import { expect } from 'chai';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Kafka, logLevel } from 'kafkajs';
import pg from 'pg';
import { Redis } from 'ioredis';
import { MissingProgramsError, startServers, type Servers } from './support/services/index.js';
import { readRecord } from './support/services/left-overs.js';
import { identityOf, stillRuns } from './support/services/process-identity.js';
import { home } from './support/services/run.js';
import { until } from './support/services/until.js';

describe('servers for tests', function () {
  this.timeout(180_000);
  let servers: Servers | undefined;

  before(async function () {
    try {
      servers = await startServers({ own: true });
    } catch (error) {
      // Where the environment brings the servers the machine need not be able to.
      if (error instanceof MissingProgramsError && process.env.KAFKA_BROKERS) this.skip();
      throw error;
    }
  });
  after(() => servers?.stop());

  const kafka = () => new Kafka({ brokers: [servers!.env.KAFKA_BROKERS ?? ''], logLevel: logLevel.NOTHING });
  const sql = async (statement: string): Promise<unknown[]> => {
    const { DB_HOST, DB_PORT, DB_USERNAME, DB_PASSWORD, DB_DATABASE } = servers!.env;
    const client = new pg.Client({
      ...{ host: DB_HOST, port: Number(DB_PORT) },
      ...{ user: DB_USERNAME, password: DB_PASSWORD, database: DB_DATABASE },
    });
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(statement)).rows;
    } finally {
      await client.end();
    }
  };

  it('answer, each to its own client', async () => {
    const admin = kafka().admin();
    await admin.connect();
    await admin.createTopics({ topics: [{ topic: 'kept', numPartitions: 2 }] });
    expect(await admin.listTopics()).to.include('kept');
    await admin.disconnect();

    await sql('CREATE TABLE kept AS SELECT 7 AS n');
    expect(await sql('SELECT n, current_setting($$fsync$$) AS fsync FROM kept')).to.deep.equal([{ n: 7, fsync: 'on' }]);

    const redis = new Redis({ host: servers!.env.REDIS_HOST ?? '', port: Number(servers!.env.REDIS_PORT) });
    expect(await redis.set('kept', '7')).to.equal('OK');
    redis.disconnect();
  });

  for (const signal of [undefined, 'SIGKILL'] as const) {
    it(`keep their data over ${signal ?? 'an orderly stop'} and a start`, async () => {
      const all = [servers!.kafka, servers!.postgres, servers!.redis];
      const before = all.map(({ pid }) => pid);
      await Promise.all(all.map((server) => server.stop(signal)));
      expect(before.filter((pid) => pid !== undefined && identityOf(pid) !== undefined)).to.be.empty;
      await Promise.all(all.map((server) => server.start()));

      expect(await sql('SELECT n FROM kept')).to.deep.equal([{ n: 7 }]);
      const admin = kafka().admin();
      await admin.connect();
      expect(await admin.listTopics()).to.include('kept');
      await admin.disconnect();
    });
  }

  it('are gone, and their data with them, when their owner is killed', async function () {
    if (servers!.source !== 'native') this.skip();
    const script = fileURLToPath(new URL('../scripts/services.ts', import.meta.url));
    const { KAFKA_BROKERS: _kafka, DB_HOST: _postgres, REDIS_HOST: _redis, ...env } = process.env;
    const owner = spawn(process.execPath, ['--import', 'tsx', script], { env, stdio: ['ignore', 'pipe', 'ignore'] });
    const ended = once(owner, 'exit');
    try {
      for await (const line of createInterface(owner.stdout)) if (line.includes('REDIS_PORT')) break;
    } finally {
      owner.kill('SIGKILL');
    }
    const run = `${home}${readdirSync(home).find((name) => name.startsWith(`run-${owner.pid ?? ''}-`)) ?? 'none'}`;
    const processes = ['kafka', 'postgres', 'redis'].map((name) => readRecord(run, name)!);
    await ended;
    await until('the run to vanish', () => !existsSync(run), { seconds: 20 });
    expect(processes.filter(stillRuns)).to.be.empty;
  });

  it('are gone after stop', async () => {
    const pids = [servers!.kafka, servers!.postgres, servers!.redis].flatMap(({ pid }) => (pid ? [pid] : []));
    await servers!.stop();
    expect(pids.filter((pid) => identityOf(pid) !== undefined)).to.be.empty;
  });
});
