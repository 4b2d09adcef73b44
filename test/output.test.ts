import { expect } from 'chai';
import { table } from '../src/output.js';

const HEAD = ['place', 'count', 'why'];
const LONG = 'a reason that is told at some length, longer than any terminal of eighty columns would like to show it';
const ROWS = [
  ['user.created:0:17', 1234567, LONG],
  ['post.liked:12:3', 8, 'short'],
] as const;

describe('a table', () => {
  it('stands in columns: text left, numbers right with separators, headings over them', () => {
    expect(
      table(HEAD, [
        ['a:0:1', 1234567, 'x'],
        ['bb:0:1', 8, 'y'],
      ]),
    ).to.equal(['place       count  why', 'a:0:1   1,234,567  x', 'bb:0:1          8  y'].join('\n'));
  });

  it('is whole where there is no terminal', () => {
    expect(table(HEAD, ROWS)).to.contain(LONG);
  });

  for (const width of [60, 80, 140]) {
    it(`fits ${width} columns: the last text is cut, and no other`, () => {
      const lines = table(HEAD, ROWS, { width }).split('\n');
      expect(Math.max(...lines.map((line) => line.length))).to.be.at.most(width);
      expect(lines[1]).to.match(/^user\.created:0:17 +1,234,567 +a reason that.*/);
      expect(lines[1]!.endsWith('…')).to.equal(width < 130);
      expect(lines).to.have.lengthOf(3);
    });
  }

  it('drops columns that are named for it, only where cutting is not enough', () => {
    const draw = (width: number) =>
      table(['id', 'about', 'when', 'much'], [['an-id', LONG, '2024-05-01 10:00', 12]], {
        width,
        cut: ['about'],
        drop: ['when', 'much'],
      }).split('\n')[0];
    expect(draw(45)).to.match(/^id +about +when +much$/);
    expect(draw(30)).to.match(/^id +about +much$/);
    expect(draw(20)).to.match(/^id +about$/);
  });

  it('cuts the columns that are named, in that order', () => {
    const lines = table(['about', 'id'], [[LONG, 'an-id-that-is-to-be-copied-from-here']], {
      width: 60,
      cut: ['about'],
    });
    expect(lines).to.contain('an-id-that-is-to-be-copied-from-here').and.to.contain('…');
  });

  it('needs no headings', () => {
    const rows = [
      ['applied', 1200],
      ['already known', 3],
    ] as const;
    expect(table([], rows)).to.equal('applied        1,200\nalready known      3');
    expect(table([], [['why', LONG]], { width: 40 })).to.match(/^why {2}a reason .*…$/);
  });

  it('is only its headings without rows', () => {
    expect(table(['a', 'b'], [])).to.equal('a  b');
  });

  it('shows control characters instead of obeying them', () => {
    expect(table(['a'], [['x\u001b[2Jy\nz\u009b1m']])).to.equal('a\nx␛[2Jy␊z\\u{9b}1m');
    expect(table(['a'], [['\u001b[31mred']])).to.equal('a\n␛[31mred');
  });
});
