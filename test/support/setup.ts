import { startServers, type Servers } from './services/index.js';

let servers: Servers | undefined;

/** Mocha's global fixture: real servers for every file, started once; those that the environment names are used as they are. */
export async function mochaGlobalSetup(): Promise<void> {
  servers = await startServers({ report: (line) => process.stderr.write(`${line}\n`) });
  Object.assign(process.env, servers.env);
}

export async function mochaGlobalTeardown(): Promise<void> {
  await servers?.stop();
}
