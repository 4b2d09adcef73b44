#!/usr/bin/env node
// The first thing that runs on a fresh clone: plain JavaScript without dependencies, so that `npm test` and `npm run demo`
// work before `npm install` was ever typed. Installs what package-lock.json names when it is not there, builds, and
// hands over to scripts/<name>.ts.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, lstatSync, statSync } from 'node:fs';
import { fileURLToPath, URL } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const [name = '', ...args] = process.argv.slice(2);

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`dbw needs Node 20.19 or newer; this is ${process.versions.node}.`);
  process.exit(2);
}

/** Runs one command to its end with our terminal; ends this process with its status when it fails. */
function run(command, ...argv) {
  const { status, error } = spawnSync(command, argv, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  if (error) console.error(`cannot run ${command}: ${error.message}`);
  if (status !== 0) process.exit(status ?? 1);
}

const installed = `${root}node_modules/.package-lock.json`;
const stale = !existsSync(installed) || statSync(installed).mtimeMs < statSync(`${root}package-lock.json`).mtimeMs;
// Through a link npm would empty the folder of another checkout.
const isOurs = !existsSync(installed) || !lstatSync(`${root}node_modules`).isSymbolicLink();
if (stale && isOurs) {
  console.error('installing dependencies (npm ci) …');
  run('npm', 'ci', '--no-audit', '--no-fund', '--loglevel=error');
}
if (!existsSync(`${root}dist`)) console.error('building …');
run(process.execPath, `${root}scripts/build.js`);

const child = spawn(process.execPath, ['--import', 'tsx', `scripts/${name}.ts`, ...args], {
  cwd: root,
  stdio: 'inherit',
});
// The terminal sends Ctrl-C to the whole group; the script itself decides how to end. Signals sent to us alone go on.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
  process.on(signal, () => process.stdin.isTTY || child.kill(signal));
child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 1)));
