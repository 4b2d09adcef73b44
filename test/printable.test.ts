import { spawnSync } from 'node:child_process';
import { expect } from 'chai';
import fc from 'fast-check';
import { healthTable } from '../src/health/health-table.js';
import { linesOf } from '../src/letters/mask.js';
import { parkedTable } from '../src/letters/parked-table.js';
import type { ShownLetter } from '../src/letters/show.js';
import { showText } from '../src/letters/show-text.js';
import { summaryText } from '../src/letters/summary-text.js';
import { table } from '../src/output.js';
import { jsonText, printable, printableJson, printableLines, quoted, screened } from '../src/printable.js';
import { lagTable } from '../src/reading/lag-table.js';
import { expectHarmless, hostile } from './support/hostile.js';

const RUNS = { numRuns: 300 };
const TIME = '2024-05-01T10:00:00.000Z';

/** Checks what is made of hostile texts: it takes as many of them as it likes. */
function harmless(render: (next: () => string) => string): void {
  fc.assert(
    fc.property(fc.array(hostile, { minLength: 3, maxLength: 3 }), (texts) => {
      let i = 0;
      expectHarmless(render(() => texts[i++ % texts.length] ?? ''));
    }),
    RUNS,
  );
}

function letterOf(next: () => string): ShownLetter {
  const document = { [next()]: next(), list: [next()] };
  return {
    id: next(),
    topic: next(),
    origin: { topic: next(), partition: 0, offset: 1 },
    oversize: true,
    writer: 'connect',
    ...{ reason: next(), code: next(), path: next(), message: next(), fingerprint: next() },
    ...{ eventType: next(), eventId: next(), attempts: 1, replays: 0, firstFailedAt: TIME, failedAt: next() },
    state: 'open',
    discarded: {
      ...{ topic: next(), partition: 0, offset: 0, fingerprint: next() },
      ...{ user: next(), host: next(), discardedAt: TIME, reason: next() },
    },
    otherContent: true,
    waits: [{ table: next(), key: next(), since: TIME, attempts: 2, deadAt: null }],
    opinion: { accepted: false, reason: next(), code: next(), path: next(), message: next() },
    older: [next()],
    key: next(),
    headers: [{ name: next(), value: next() }],
    value: linesOf(document, true).map(({ text }) => text),
    place: 0,
    replay: `dbw replay-dlq --event-id ${quoted(next())}`,
  };
}

describe('text for a terminal', () => {
  it('shows what would steer it, each control by a sign', () => {
    expect(printable('x\u001b[2Jy\nz\u007f\u009b1m\u202ecba\u2028')).to.equal(
      'x␛[2Jy␊z␡\\u{9b}1m\\u{202e}cba\\u{2028}',
    );
    expect(printable('é 😀 שלום')).to.equal('é 😀 שלום');
    expect(printableLines('a\n\tb\u001b')).to.equal('a\n\tb␛');
  });

  it('lets our own colours through at the end, and no other sequence', () => {
    expect(screened('\u001b[31mred\u001b[39m\n')).to.equal('\u001b[31mred\u001b[39m\n');
    expect(screened('\u001b[8mhidden\u001b[38;5;0m')).to.equal('␛[8mhidden␛[38;5;0m');
  });

  it('has nothing that steers, whatever is in a table', () => {
    harmless((next) => table([next(), 'b'].map(printable), [[next(), next()]]));
  });

  it('has nothing that steers, whatever is in a letter', () => {
    harmless((next) => showText(letterOf(next), true));
  });

  it('has nothing that steers, whatever causes are made of', () => {
    harmless((next) =>
      summaryText(
        {
          topic: next(),
          ...{ letters: 2, open: 1, resolved: 1, discarded: 0, foreign: 1, superseded: 0 },
          unreadable: [{ why: next(), count: 1, example: next() }],
          causes: [
            {
              ...{ fingerprint: next(), reason: next(), eventType: next(), code: next(), path: next() },
              ...{ count: 1, open: 1, resolved: 0, discarded: 0, foreign: 1 },
              ...{ firstSeen: TIME, lastSeen: TIME, example: next(), hours: [1] },
            },
          ],
        },
        next(),
      ),
    );
  });

  it('has nothing that steers, whatever waits', () => {
    harmless((next) =>
      parkedTable({
        total: 2,
        groups: [{ table: next(), events: 1, rows: 1, dead: 0, oldest: TIME, comesWith: [next()] }],
        rows: [
          {
            ...{ eventId: next(), eventType: next(), topic: next(), partition: 0, offset: 0, table: next() },
            ...{ key: next(), keyHash: '0', since: TIME, attempts: 1, deadSince: null },
          },
        ],
      }),
    );
  });

  it('has nothing that steers, whatever the names of topics and the answers of servers are', () => {
    const sum = { partitions: 1, events: 1, seconds: 1, unstable: 1, lost: 1, uncommitted: 0 };
    harmless((next) =>
      lagTable(
        {
          ...{ at: TIME, group: next(), total: sum, topics: [{ topic: next(), ...sum }], partitions: [] },
          ...{ missingTopics: [next()], notes: [next()] },
        },
        'topic',
      ),
    );
    const failed = (next: () => string) => ({
      what: 'Kafka',
      found: 'bad' as const,
      answer: next(),
      remedy: 'Start it.',
    });
    harmless((next) => healthTable({ status: 'unhealthy', checks: [failed(next)] }));
  });
});

describe('JSON for a terminal', () => {
  it('reads as the same, and has nothing that steers', () => {
    fc.assert(
      fc.property(hostile, hostile, (name, text) => {
        const value = { [name]: [text] };
        for (const indent of [undefined, 2]) {
          const json = jsonText(value, indent);
          expect(JSON.parse(json)).to.deep.equal(value);
          expectHarmless(json);
        }
      }),
      RUNS,
    );
  });

  it('of a log stays JSON of which each text is harmless', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const { msg } = JSON.parse(printableJson(`${JSON.stringify({ msg: text })}\n`)) as { msg: string };
        expect(msg).to.equal(printableLines(text));
      }),
      RUNS,
    );
  });
});

describe('a word of a command', () => {
  it('is harmless to look at, and bash reads what was meant', () => {
    const words = fc.sample(hostile, 100).filter((word) => !word.includes('\u0000'));
    for (const word of words) expectHarmless(quoted(word));
    const script = `printf '%s\\0' ${words.map(quoted).join(' ')}`;
    const { stdout } = spawnSync('bash', ['-c', script], { encoding: 'utf8' });
    expect(stdout.split('\u0000').slice(0, -1)).to.deep.equal(words);
  });
});
