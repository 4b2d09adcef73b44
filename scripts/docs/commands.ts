import { fileURLToPath } from 'node:url';
import { Config, type Command } from '@oclif/core';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** What each exit status stands for, as src/errors.ts names them. */
const STATUSES: readonly (readonly [status: number, meaning: string])[] = [
  [0, 'done'],
  [1, 'failed'],
  [2, 'usage or configuration: nothing was done'],
  [3, 'finished, but part of it failed'],
  [5, 'refused: something must be put right first'],
  [6, 'events were lost to retention (bounded commands)'],
  [7, 'a server is away'],
  [130, 'interrupted'],
];

type Flag = Command.Loadable['flags'][string];

/** Every command of dbw itself, by name. */
async function commands(): Promise<Command.Loadable[]> {
  const config = await Config.load({ root, ignoreManifest: true });
  return config.commands
    .filter(({ pluginName, hidden }) => pluginName === config.name && !hidden)
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}

function nameOf({ id }: Command.Loadable): string {
  return `dbw ${id.replaceAll(':', ' ')}`;
}

/** A text in a cell of a table. */
function cell(text: string): string {
  return text
    .replaceAll('|', '\\|')
    .replaceAll('\n', ' ')
    .replace(/<%= config\.bin %>/g, 'dbw');
}

function flagRow([name, flag]: readonly [string, Flag]): string {
  const value =
    flag.type === 'option'
      ? ` ${flag.options ? flag.options.join('\\|') : `<${flag.helpValue?.toString() ?? 'value'}>`}`
      : '';
  const short = flag.char === undefined ? '' : `\`-${flag.char}\`, `;
  const initial: unknown = flag.type === 'option' ? flag.default : undefined;
  const given = ['string', 'number'].includes(typeof initial) ? `; default ${String(initial)}` : '';
  const more = [
    flag.required === true ? 'required' : '',
    flag.type === 'option' && flag.multiple === true ? 'may be repeated' : '',
  ];
  const about = [cell(flag.summary ?? flag.description ?? ''), ...more.filter((text) => text !== '')].join('; ');
  return `| ${short}\`--${name}${value}\` | ${about}${given} |`;
}

function usageOf(command: Command.Loadable): string {
  const args = Object.entries(command.args).map(([name, { required }]) =>
    required === true ? name.toUpperCase() : `[${name.toUpperCase()}]`,
  );
  const flags = Object.values(command.flags).some(({ hidden }) => hidden !== true) ? ['[flags]'] : [];
  return [nameOf(command), ...args, ...flags].join(' ');
}

function examplesOf({ examples = [] }: Command.Loadable): string {
  const lines = examples.map((example) => {
    if (typeof example === 'string') return example;
    return `# ${example.description}\n${example.command}`;
  });
  return lines.join('\n').replaceAll('<%= config.bin %>', 'dbw');
}

function part(command: Command.Loadable): string {
  const args = Object.entries(command.args).map(
    ([name, { description = '' }]) => `| \`${name.toUpperCase()}\` | ${cell(description)} |`,
  );
  const flags = Object.entries(command.flags)
    .filter(([, { hidden }]) => hidden !== true)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(flagRow);
  const rows = [...args, ...flags];
  const about = (command.description ?? '').trim().replaceAll('<%= config.bin %>', 'dbw');
  return [
    `## ${nameOf(command)}`,
    command.summary ?? '',
    ...(about === '' ? [] : [about]),
    `\`\`\`sh\n${usageOf(command)}\n\`\`\``,
    ...(rows.length > 0 ? [`| | |\n|---|---|\n${rows.join('\n')}`] : []),
    `\`\`\`sh\n${examplesOf(command)}\n\`\`\``,
  ].join('\n\n');
}

/** docs/commands.md: every command with what its `--help` says. */
export async function commandsDocument(): Promise<string> {
  const all = await commands();
  const statuses = STATUSES.map(([status, meaning]) => `| ${status} | ${meaning} |`);
  return `# The commands

Written by \`npm run docs\` from src/commands; \`--help\` on each prints the same. \`--json\` prints exactly one JSON document on
standard output, on errors too: \`{"error":{"message":"…","status":2}}\`. Progress and logs go to standard error.

| status | |\n|---|---|\n${statuses.join('\n')}

${all.map(part).join('\n\n')}
`;
}

/** For the README: each command and its summary. */
export async function commandsTable(): Promise<string> {
  const rows = (await commands()).map((command) => {
    const name = nameOf(command);
    return `| [\`${name}\`](docs/commands.md#${name.replaceAll(' ', '-')}) | ${cell(command.summary ?? '')} |`;
  });
  return `| command | |\n|---|---|\n${rows.join('\n')}`;
}
