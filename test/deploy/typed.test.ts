import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';

interface CommandFacts {
  readonly flags: Readonly<Record<string, unknown>>;
}

/** The commands by what is typed, as the build wrote them down. */
function commands(): Map<string, CommandFacts> {
  const manifest = JSON.parse(readFileSync('oclif.manifest.json', 'utf8')) as {
    commands: Record<string, CommandFacts>;
  };
  return new Map(Object.entries(manifest.commands).map(([id, facts]) => [id.replaceAll(':', ' '), facts]));
}

const FILES = [
  ...['Dockerfile', 'docker-compose.yml', 'docs/deployment.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md'],
  ...readdirSync('deploy', { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(yaml|service|env)$/.test(name))
    .map((name) => join('deploy', name)),
];

/** Every command line of dbw that somebody is told to type: in a block, between backticks, behind an image, in a comment. */
function typed(file: string): string[] {
  const text = readFileSync(file, 'utf8');
  const places = /(?:^dbw|`dbw|-- dbw|bin\/dbw|run --rm consume|dbw:0\.1\.0) +((?:--)?[a-z][^`#|\n]*)/gm;
  return [...text.matchAll(places)].map(([, line = '']) => line.replace(/;.*/, '').trim());
}

/** What is wrong with a command line: a command or a flag that does not exist. */
function mistakes(line: string, known: ReadonlyMap<string, CommandFacts>): string[] {
  const words = line.split(/\s+/);
  const length = [3, 2, 1].find((count) => known.has(words.slice(0, count).join(' '))) ?? 0;
  const flags = [...line.matchAll(/(?<=\s|^)--([a-z-]+)/g)].map(([, flag = '']) => flag);
  if (length === 0) return line.startsWith('--') ? [] : [`there is no ${words[0] ?? ''}`];
  const command = words.slice(0, length).join(' ');
  const next = words[length] ?? '';
  const hasMore = [...known.keys()].some((one) => one.startsWith(`${command} `));
  if (hasMore && /^[a-z-]+$/.test(next) && !next.startsWith('-')) return [`there is no ${command} ${next}`];
  const { flags: own = {} } = known.get(command) ?? {};
  return flags.filter((flag) => !(flag in own) && flag !== 'help').map((flag) => `${line}: no --${flag}`);
}

describe('command lines that the guide and the manifests name', () => {
  it('are of commands and flags that exist', () => {
    const known = commands();
    const lines = FILES.flatMap((file) => typed(file).map((line) => ({ file, line })));
    expect(lines).to.have.lengthOf.above(15);
    const wrong = lines.flatMap(({ file, line }) => mistakes(line, known).map((mistake) => `${file}: ${mistake}`));
    expect(wrong).to.deep.equal([]);
    expect(mistakes('dlq export --out /tmp/x', known)).to.have.lengthOf(1);
    expect(mistakes('consme', known)).to.have.lengthOf(1);
    expect(mistakes('dlq sumary', known)).to.have.lengthOf(1);
  });
});
