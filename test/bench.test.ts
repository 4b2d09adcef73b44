import { expect } from 'chai';
import fc from 'fast-check';
import { ask } from '../scripts/bench/ask.js';
import { growthOf, measuredTable } from '../scripts/bench/figures.js';
import { quantile } from '../scripts/bench/metrics.js';
import { measure, median, spreadOf, type Measured } from '../scripts/bench/rounds.js';
import { svg, ticks } from '../scripts/bench/svg.js';

const rates = (...values: number[]): Measured[] =>
  values.map((value, i) => ({ name: `way ${i}`, size: i, figures: { eventsPerSecond: spreadOf([value]) } }));

describe('npm run bench', () => {
  it('takes the value in the middle, or between the two there', () => {
    expect(median([9, 1, 5])).to.equal(5);
    expect(median([9, 1, 5, 6])).to.equal(5.5);
    expect(median([])).to.be.NaN;
  });

  it('runs the ways in turn, round after round', async () => {
    const ran: string[] = [];
    const way = (name: string) => ({ name, run: () => Promise.resolve({ seconds: ran.push(name) }) });
    const measured = await measure([way('a'), way('b')], { rounds: 3, tell: () => undefined });
    expect(ran).to.deep.equal(['a', 'b', 'a', 'b', 'a', 'b']);
    expect(measured[1]?.figures.seconds).to.deep.equal({ median: 4, least: 2, most: 6, values: [2, 4, 6] });
  });

  it('finds growth also where the smallest is not the cheapest', () => {
    expect(growthOf('eventsPerSecond', rates(10, 20, 16, 20))).to.equal(1.25);
    expect(growthOf('eventsPerSecond', rates(10, 20, 40))).to.equal(1);
  });

  it('compares rates with the first way', () => {
    const lines = measuredTable({ title: 'ways', compared: 'rate' }, rates(50_000, 30_000)).split('\n');
    expect(lines.map((line) => line.split(/\s{2,}/).slice(0, 3))).to.deep.equal([
      ['ways', 'of way 0', 'events/s'],
      ['way 0', '1.00', '50,000'],
      ['way 1', '0.60', '30,000'],
    ]);
  });

  it('reads a quantile of what came between two scrapes', () => {
    const scrape = (...counts: number[]) =>
      ['0.01', '0.1', '+Inf'].map((bound, i) => `x_bucket{le="${bound}"} ${counts[i] ?? 0}`).join('\n');
    const [before, after] = [scrape(0, 100, 100), scrape(40, 149, 150)];
    expect([0.5, 0.98, 0.999].map((share) => quantile(before, after, 'x', share))).to.deep.equal([0.01, 0.1, Infinity]);
  });

  it('draws grids of round values', () => {
    expect(ticks([1, 1.27, 1.3], 'linear')).to.deep.equal([0, 0.5, 1, 1.5]);
    expect(ticks([4.2, 5], 'linear')).to.deep.equal([0, 1, 2, 3, 4, 5]);
    expect(ticks([14_300, 62_400], 'linear')).to.deep.equal([0, 20_000, 40_000, 60_000, 80_000]);
    expect(ticks([6, 300], 'log')).to.deep.equal([5, 10, 20, 50, 100, 200, 500]);
  });

  it('draws grids that hold every value, with neither few nor many lines', () => {
    const values = fc.array(fc.double({ min: 0.01, max: 1e7, noNaN: true }), { minLength: 1 });
    fc.assert(
      fc.property(values, fc.constantFrom('linear', 'log'), (some, scale) => {
        const grid = ticks(some, scale);
        expect(grid[0]).to.be.at.most(Math.min(...some) * (1 + 1e-9));
        expect(grid.at(-1)).to.be.at.least(Math.max(...some) * (1 - 1e-9));
        if (scale === 'linear') expect(grid.length).to.be.within(3, 8);
      }),
    );
  });

  it('writes texts into pictures as texts', () => {
    const x = { about: 'x', sizes: ['1'] };
    const y = { about: 'y', scale: 'linear' as const, format: String };
    const drawn = svg(
      [{ title: 'a < b & c', x, y, lines: [{ name: 'line', points: [{ at: 0, y: 1 }] }] }],
      'all "of" it',
    );
    expect(drawn).to.include('a &lt; b &amp; c').and.to.include('aria-label="all &quot;of&quot; it"');
  });

  it('refuses parts and numbers that are none', () => {
    expect(() => ask(['--only', 'limits,speed'])).to.throw(
      '--only names "speed", expected some of throughput, growth, ',
    );
    expect(() => ask(['--events', '0'])).to.throw('--events is "0", expected a whole number from 1');
    expect(() => ask(['--postgres', 'shared_buffers'])).to.throw('--postgres is "shared_buffers", expected a setting');
    const { postgres } = ask(['--postgres', 'shared_buffers=2GB', '--postgres', 'max_wal_size=8GB']);
    expect(postgres).to.deep.equal({ shared_buffers: '2GB', max_wal_size: '8GB' });
    expect([...ask(['--only', 'growth,start']).only]).to.deep.equal([
      'waiting',
      'rows',
      'topics',
      'partitions',
      'start',
    ]);
  });
});
