import type { DataSource } from 'typeorm';
import { readConfig, type Config } from '../../src/config.js';
import { connect } from '../../src/postgres/data-source.js';
import { emptyDatabase } from '../../test/support/database.js';
import { startServers, type Servers } from '../../test/support/services/index.js';
import { unique } from '../../test/support/unique.js';

/** Where the demo plays: the servers, how dbw finds them, and our own eyes in the database. */
export interface Stage {
  readonly servers: Servers;
  readonly env: Readonly<Record<string, string>>;
  readonly config: Config;
  readonly dataSource: DataSource;
  close(): Promise<void>;
}

/** Starts the servers, or takes those that the environment names. */
export async function openStage(report: (line: string) => void): Promise<Stage> {
  const servers = await startServers({ report });
  Object.assign(process.env, servers.env);
  const env = { ...servers.env, ...(servers.source === 'environment' ? await ownCorner() : {}) };
  Object.assign(process.env, env);
  const config = readConfig(process.env);
  const dataSource = await connect({ ...config.database, poolSize: 2 }, 'dbw-demo');
  const close = async () => {
    await dataSource.destroy();
    await servers.stop();
  };
  return { servers, env, config, dataSource, close };
}

/** On servers that hold what is not ours: a database, topics and a group that nobody else has. */
async function ownCorner(): Promise<Record<string, string>> {
  const name = unique('demo');
  return { DB_DATABASE: await emptyDatabase(), KAFKA_TOPIC_PREFIX: `${name}.`, KAFKA_GROUP_ID: name };
}
