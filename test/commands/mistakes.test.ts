import { expect } from 'chai';
import { laidOut } from '../../src/mistakes.js';
import { nearest } from '../../src/nearest.js';
import { dbw } from '../support/cli.js';

type Case = [args: string, says: RegExp];

const CASES: readonly Case[] = [
  ['evnts', /^Error: There is no command "dbw evnts"\. Did you mean: dbw events\nAll commands: dbw --help\n$/],
  [
    'migrate stauts',
    /no command "dbw migrate stauts"\. Did you mean: dbw migrate status\nAll commands: dbw migrate --help/,
  ],
  ['xyzzy', /^Error: There is no command "dbw xyzzy"\.\nAll commands: dbw --help\n$/],
  ['consume now', /"dbw consume" takes no "now"/],
  [
    'consume --tpoics user.created',
    /Nonexistent flag: --tpoics\. Did you mean --topics\?\nAll flags: dbw consume --help/,
  ],
  ['consume --max-events=many', /--max-events: Expected an integer but received: many/],
  ['events show', /Missing 1 required arg:\ntype .*\nAll flags: dbw events show --help/],
  ['help evnts', /evnts/],
];

describe('what is typed wrong', () => {
  for (const [args, says] of CASES) {
    it(`dbw ${args}: what was meant, and status 2`, async () => {
      const ended = await dbw(args.split(' '));
      expect(ended.stderr).to.match(says);
      expect(ended.status).to.equal(2);
      expect(ended.stdout).to.equal('');
    });
  }

  it('asks nothing where somebody could answer: it ends by itself', async () => {
    const ended = await dbw(['evnts', '--json']);
    expect(JSON.parse(ended.stdout)).to.deep.equal({
      error: {
        message: 'There is no command "dbw evnts". Did you mean: dbw events\nAll commands: dbw --help',
        status: 2,
      },
    });
    expect(ended.status).to.equal(2);
  });
});

describe('the nearest word', () => {
  const words = ['lag', 'health', 'dlq ls', 'dlq show', 'dlq summary', 'replay-dlq', 'parked ls'];
  const cases: readonly [typed: string, meant: string | undefined][] = [
    ['lga', 'lag'],
    ['lags', 'lag'],
    ['healht', 'health'],
    ['HEALTH', 'health'],
    ['dlq sumary', 'dlq summary'],
    ['dlq sum', 'dlq summary'],
    ['replaydlq', 'replay-dlq'],
    ['dlq', undefined],
    ['x', undefined],
    ['events', undefined],
  ];
  for (const [typed, meant] of cases) {
    it(`of "${typed}" is ${meant === undefined ? 'none' : `"${meant}"`}`, () => {
      expect(nearest(typed, words)).to.equal(meant);
    });
  }
});

describe('a message on a terminal', () => {
  const command = `dbw backfill --topic user.created --from-offset 1200 --to-offset 48000 --reapply --reason "a reason of some length"`;

  it('is broken between words, but a command in it is whole and alone on its line', () => {
    const lines = laidOut(
      `Error: The range holds events that were never read by anybody. To read them: ${command}`,
      40,
    ).split('\n');
    expect(lines.at(-1)).to.equal(`  ${command}`);
    expect(lines.slice(0, -1).every((line) => line.length <= 40)).to.equal(true);
    expect(lines.slice(0, -1).join(' ')).to.contain('never read by anybody. To read them:');
  });

  it('keeps its own lines and what they are indented by', () => {
    const text = 'Wrong:\n  - one thing that is long enough to be broken\n  - another';
    expect(laidOut(text, 30).split('\n')).to.deep.equal([
      'Wrong:',
      '  - one thing that is long',
      '  enough to be broken',
      '  - another',
    ]);
  });

  it('is not broken in a pipe', () => {
    const text = `word `.repeat(100) + `: ${command}`;
    expect(laidOut(text, undefined)).to.equal(text);
  });
});
