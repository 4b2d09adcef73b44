import type { Config } from '../../src/config.js';
import { findPostgres } from './services/postgres.js';
import { Missing } from './services/programs.js';
import { Run } from './services/run.js';
import { login, type Server } from './services/server.js';
import { databaseConfig } from './database.js';

/** A PostgreSQL that one file of tests may stop, kill and fill. */
export interface OwnPostgres {
  readonly server: Server;
  readonly config: Config['database'];
  /** Ends it and removes its data. */
  close(): Promise<void>;
}

/** Starts a PostgreSQL as a process of this machine, whatever the environment names: its files are within reach. */
export async function ownPostgres(): Promise<OwnPostgres> {
  const program = findPostgres();
  if (program instanceof Missing) throw new Error(program.sentence);
  const run = await Run.open(() => undefined);
  try {
    const server = await (await program.install(run)).begin(run);
    const { host, port } = server;
    const { user: username, password, database } = login;
    const config = { ...databaseConfig(database), host, port, username, password };
    return { server, config, close: () => run.close() };
  } catch (error) {
    await run.close();
    throw error;
  }
}
