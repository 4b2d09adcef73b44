// On what it was measured: figures mean nothing without it.
import { execFileSync } from 'node:child_process';
import { availableParallelism, cpus, release, totalmem, type } from 'node:os';
import { Redis } from 'ioredis';
import { readConfig } from '../../src/config.js';
import { version as kafkaVersion } from '../../test/support/services/kafka-files.js';
import type { Servers } from '../../test/support/services/index.js';
import { withClient } from './databases.js';

export type Machine = Readonly<Record<string, string | number>>;

/** What git prints; empty where there is none. */
function git(...args: string[]): string {
  try {
    return execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return '';
  }
}

/** What matters most of its settings to who writes much. */
const SETTINGS = `SELECT current_setting('server_version') AS version, string_agg(name || ' ' || current_setting(name), ', ' ORDER BY name) AS settings
  FROM unnest(ARRAY['shared_buffers', 'max_wal_size', 'fsync', 'synchronous_commit']) AS x (name)`;

async function redisVersion(): Promise<string> {
  const { redis } = readConfig(process.env);
  if (!redis) return 'none';
  const client = new Redis({ host: redis.host, port: redis.port });
  try {
    const info = await client.info('server');
    const [, valkey] = /^valkey_version:(\S+)/m.exec(info) ?? [];
    return valkey === undefined ? (/^redis_version:(\S+)/m.exec(info)?.[1] ?? 'unknown') : `Valkey ${valkey}`;
  } finally {
    client.disconnect();
  }
}

/** Asks this machine and the servers, which the environment names. */
export async function machineFacts({ source }: Pick<Servers, 'source'>): Promise<Machine> {
  const { database } = readConfig(process.env);
  const postgres = await withClient(database.database, (client) =>
    client.query<{ version: string; settings: string }>(SETTINGS),
  );
  const changed = git('status', '--porcelain') === '' ? '' : ', and changes';
  return {
    date: new Date().toISOString(),
    commit: `${git('rev-parse', '--short', 'HEAD') || 'unknown'}${changed}`,
    cores: availableParallelism(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    memoryGiB: Math.round(totalmem() / 1024 ** 3),
    system: `${type()} ${release()}`,
    node: process.versions.node,
    postgres: postgres.rows[0]?.version ?? 'unknown',
    settings: postgres.rows[0]?.settings ?? 'unknown',
    // A broker does not tell its release to clients.
    kafka: source === 'environment' ? 'of the environment' : kafkaVersion,
    redis: await redisVersion(),
    servers: source,
  };
}
