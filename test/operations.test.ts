import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { beginning, formatted, section } from '../scripts/operations/document.js';
import { incidents } from '../scripts/operations/incidents.js';
import { readable, replaceInTable } from '../scripts/operations/readable.js';
import { Stage } from '../scripts/operations/stage.js';

const [first = '', ...sections] = readFileSync('docs/operations.md', 'utf8').split(/^(?=## )/m);
const STALE = 'docs/operations.md is stale; run: npm run operations';

describe('docs/operations.md', () => {
  let stage: Stage;
  before(async () => {
    stage = await Stage.open(() => undefined);
  });
  after(() => stage.close());

  it('begins with what one sees, and has all incidents', async () => {
    expect(first.trim(), STALE).to.equal((await formatted(beginning())).trim());
    expect(sections).to.have.lengthOf(incidents.length);
  });

  for (const [i, incident] of incidents.entries()) {
    it(`is true: ${incident.title}`, async () => {
      const played = await formatted(section(incident, await stage.perform(incident)));
      expect(sections[i]?.trim(), STALE).to.equal(played.trim());
    });
  }
});

describe('what is made readable', () => {
  const playedAt = Date.parse('2026-03-01T12:00:00Z');
  const of = (text: string) => readable(text, { names: [['127.0.0.1:27060', 'kafka:9092']], playedAt });

  it('has fixed times for those of the play, in their form, and others as they are', () => {
    expect(of('at 2026-03-01T11:59:58.123Z')).to.equal('at 2024-05-02T03:12:00.000Z');
    expect(of('at 2026-03-01 11:59:58Z')).to.equal('at 2024-05-02 03:12:00Z');
    expect(of('at 2024-05-01T12:00:00Z')).to.equal('at 2024-05-01T12:00:00Z');
    expect(of('2026-03-01 11:59:58Z to 2026-03-01 11:59:59Z, such')).to.equal('2024-05-02 03:12:00Z, such');
  });

  it('keeps columns in their places where durations differ', () => {
    const drawn = (oldest: string) => of(['topic  oldest  what', `a      ${oldest.padEnd(6)}  x`].join('\n'));
    expect(drawn('12 s')).to.equal(drawn('3 s'));
    expect(drawn('3 s')).to.equal('topic  oldest  what\na      9 s     x');
    expect(of('every 30 s it is tried')).to.equal('every 30 s it is tried');
  });

  it('gives a column the width of its stand-in, with its heading, in that table alone', () => {
    const drawn = (who: string) => ['id  who'.padEnd(4 + who.length) + '  state', ` 1  ${who}  done`].join('\n');
    const [short, long] = ['me@box', 'somebody@a-long-name.example'].map((who) =>
      replaceInTable(`${drawn(who)}\n\nby ${who}.`, who, 'ann@laptop'),
    );
    expect(short).to.equal('id  who         state\n 1  ann@laptop  done\n\nby ann@laptop.');
    expect(long).to.equal(short);
  });

  it('does not tell progress, addresses, rates, versions of servers', () => {
    expect(of('{"progress":{"messages":1}}\nread  1')).to.equal('read  1');
    expect(of('✔  127.0.0.1:27060: 1 broker')).to.equal('✔  kafka:9092: 1 broker');
    expect(of('lag 0  oldest -  in 0/s  out 12/s  caught up')).to.equal(
      'lag 0  oldest -  in 0/s  out 1,500/s  caught up',
    );
    expect(of('postgres:5432: 15.3, 12 connections of dbw')).to.equal('postgres:5432: 18.4, 4 connections of dbw');
    expect(of(`│${'   ▃ █'.repeat(4)}│`)).to.equal(`│${' '.repeat(23)}█│`);
  });
});
