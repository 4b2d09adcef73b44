import { tmpdir } from 'node:os';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { blocksOf, linesOf } from './support/blocks.js';
import { dbw } from './support/cli.js';
import { Place } from './support/place.js';
import { freePort } from './support/services/ports.js';
import { until } from './support/until.js';

/** Whose lines other tests type or run one by one. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  'docs/commands.md': 'test/commands/help.test.ts',
  'docs/operations.md': 'test/operations.test.ts',
  'docs/adding-an-event-type.md': 'test/guide.test.ts',
};
const FILES = [
  ...['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'SECURITY.md'],
  ...readdirSync('docs').flatMap((name) => (name.endsWith('.md') ? [`docs/${name}`] : [])),
].filter((file) => !(file in ELSEWHERE));

interface Line {
  readonly file: string;
  readonly text: string;
}

/** Every line that somebody is told to type: in a block, or between backticks with more than the name of a command. */
function typedIn(file: string): Line[] {
  const blocks = blocksOf(file).filter(({ language }) => language === 'sh');
  const inline = [...readFileSync(file, 'utf8').matchAll(/`((?:dbw|npm|node|npx|bin\/dev\.js) [^`\n]+)`/g)];
  const texts = [
    ...blocks.flatMap((block) => linesOf({ ...block, text: block.text.replaceAll(/<<'?END'?\n[\s\S]*?^END$/gm, '') })),
    ...inline.map(([, text = '']) => text),
  ];
  return texts.flatMap((text) => text.split(' && ')).map((text) => ({ file, text }));
}

const PROGRAMS = /^(npm|node|npx|dbw|bin\/dev\.js|docker|kubectl|systemctl|curl|psql|kcat|kafka-acls|redis-cli) /;
/** What a shell does by itself, and what only prepares. */
const SHELL = /^(export|cat|cp|install|kill|wait|\.) /;
/** Names of commands in a sentence: that they exist is asked of all, and that is all. */
const MENTION = /^dbw( [a-z]+(-[a-z]+)*)+$/;

/** What is typed in the place of a line, so that it ends and finds a server of one broker. */
function tamed(line: string): string[] {
  const words = line.replace(/ *&$/, '').replaceAll("'", '').split(/\s+/).slice(1);
  const command = words.join(' ');
  // Not into the project's folder.
  if (command.startsWith('dlq export '))
    return words.map((word) => (word.endsWith('.jsonl') ? join(tmpdir(), word) : word));
  if (command === 'consume' || command.startsWith('consume ')) return [...words, '--until-caught-up'];
  // Where nobody listens that is the answer.
  if (command.startsWith('topics create') && command.includes('--replication-factor')) return [...words, '--dry-run'];
  return words;
}

describe('command lines in the documents', function () {
  this.timeout(600_000);
  const lines = FILES.flatMap(typedIn);
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };

  it('are of programs that this test knows how to ask', () => {
    expect(lines).to.have.lengthOf.above(100);
    expect(lines.filter(({ text }) => !PROGRAMS.test(text) && !SHELL.test(text))).to.deep.equal([]);
  });

  it('of npm and node name scripts and files that are there', () => {
    const missing = lines.filter(({ text }) => {
      const [, script] = /^npm (?:run )?(?:--silent )?([\w:-]+)/.exec(text) ?? [];
      if (script === undefined || ['pack', 'install', 'audit', 'sbom'].includes(script)) return false;
      return !(script in scripts);
    });
    expect(missing).to.deep.equal([]);
    const names = [...Object.values(scripts), ...lines.map(({ text }) => text)].flatMap((text) => [
      ...[...text.matchAll(/scripts\/start\.js ([\w-]+)/g)].map(([, name = '']) => `scripts/${name}.ts`),
      ...[...text.matchAll(/\b(?:test|deploy|scripts)\/[\w./*-]+/g)].map(([name]) => name),
    ]);
    expect(names.filter((name) => !existsSync(name.includes('*') ? dirname(name) : name))).to.deep.equal([]);
  });

  it('of dbw end well on real servers', async () => {
    const place = await Place.make();
    const url = `http://127.0.0.1:${await freePort()}`;
    const running = place.consume([], { DB_WRITER_SERVICE_PORT: new URL(url).port });
    try {
      const isReady = () =>
        fetch(`${url}/readyz`).then(
          ({ status }) => status === 200,
          () => false,
        );
      await until(isReady, running);
      const all = new Set(lines.flatMap(({ text }) => (text.startsWith('dbw ') ? [text] : [])));
      // Two at a time: they mostly wait for processes to start.
      const toRun = [...all].filter((line) => !MENTION.test(line) || isInBlock(line));
      const work = async () => {
        for (let line = toRun.shift(); line; line = toRun.shift()) {
          const args = tamed(line).map((word) => word.replace('http://localhost:3010', url));
          const { status, stderr } = await dbw(args, place.env);
          expect(status, `${line}: ${stderr}`).to.equal(0);
        }
      };
      expect(toRun).to.include.members(['dbw migrate', 'dbw health --url http://localhost:3010', 'dbw lag']);
      await Promise.all([work(), work()]);
    } finally {
      running.child.kill('SIGTERM');
      await running.ended;
      await place.dataSource.destroy();
    }
  });

  function isInBlock(line: string): boolean {
    return FILES.some((file) =>
      blocksOf(file).some((block) => block.language === 'sh' && linesOf(block).includes(line)),
    );
  }
});
