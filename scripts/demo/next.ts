import { delimiter, join } from 'node:path';
import { existsSync } from 'node:fs';
import { paint, section } from './paint.js';
import type { Stage } from './stage.js';

const dbw = 'node bin/run.js';
const PAGE_WIDTH = 78;

/** What to type when the servers are gone again. */
export function next(): string {
  return section(
    'Next',
    '',
    commands([
      ['npm run demo -- --keep', 'leaves the servers up'],
      [`${dbw} events`, 'the thirty types of event'],
      [`${dbw} events show user.created`, 'one of them, with its schema'],
      ['npm test', 'every test, on real servers'],
    ]),
  );
}

/** What to type while the servers are up: works as it is, in another terminal. */
export function kept({ env, servers, config: { database } }: Stage): string {
  const { username, password, host, port } = database;
  const url = `postgresql://${username}:${password ?? ''}@${host}:${port}/${database.database}`;
  const lines = [
    ...exports(env),
    '',
    commands([
      [`${dbw} consume`, 'reads on; Ctrl-C ends it'],
      [`${dbw} health`, 'asks all servers'],
      [`${dbw} events show user.created`, 'an example that can be sent as it is'],
    ]),
    onPath('psql') ? `psql ${url}` : `${url}  ${paint.dim('for any PostgreSQL client')}`,
  ];
  const end = servers.source === 'environment' ? 'Ctrl-C ends this; the servers stay.' : 'Ctrl-C stops the servers.';
  return `${section('The servers are up', 'in another terminal, in this folder', lines.join('\n'))}\n\n  ${paint.bold(end)}`;
}

function commands(list: readonly (readonly [command: string, about: string])[]): string {
  const width = Math.max(...list.map(([command]) => command.length));
  return list.map(([command, about]) => `${paint.cyan(command.padEnd(width))}  ${paint.dim(about)}`).join('\n');
}

/** The environment as lines to paste, none wider than the page. */
function exports(env: Readonly<Record<string, string>>): string[] {
  const lines: string[] = [];
  for (const [name, value] of Object.entries(env)) {
    const setting = `${name}=${quoted(value)}`;
    const line = `${lines.at(-1) ?? ''} ${setting}`;
    if (lines.length > 0 && line.length <= PAGE_WIDTH) lines[lines.length - 1] = line;
    else lines.push(`export ${setting}`);
  }
  return lines;
}

function quoted(value: string): string {
  return /^[\w@%+=:,./-]*$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`;
}

function onPath(program: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => existsSync(join(folder, program)));
}
