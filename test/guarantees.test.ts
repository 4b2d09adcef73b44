import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';

/** The sections of the document, each with the tests that it names: the file, and the titles that it quotes. */
const sections = readFileSync('docs/guarantees.md', 'utf8')
  .split(/^(?=## )/m)
  .slice(1)
  .map((text) => ({
    heading: text.split('\n')[0] ?? '',
    proofs: [...text.matchAll(/^- \[([^\]]+)\]\(([^)]+)\): (.*)$/gm)].map(([, name = '', link = '', titles = '']) => ({
      name,
      link,
      titles: [...titles.matchAll(/“([^”]+)”/g)].map(([, title = '']) => title),
    })),
  }));

/** Whether a file holds a test of this title, or one that ends in it behind what a loop fills in. */
function holds(file: string, title: string): boolean {
  const source = readFileSync(file, 'utf8');
  return [`it('${title}'`, `it(\`${title}\``, `} ${title}\``].some((text) => source.includes(text));
}

describe('docs/guarantees.md', () => {
  it('proves each guarantee by several tests', () => {
    expect(sections).to.have.lengthOf(7);
    for (const { heading, proofs } of sections) {
      const titles = proofs.flatMap((proof) => proof.titles);
      expect(titles, heading).to.have.lengthOf.above(2);
    }
  });

  it('quotes the titles of tests that are there', () => {
    const missing = sections.flatMap(({ proofs }) =>
      proofs.flatMap(({ name, link, titles }) => {
        expect(join('docs', link)).to.equal(name);
        expect(titles, name).not.to.have.lengthOf(0);
        return titles.filter((title) => !holds(name, title)).map((title) => `${name}: ${title}`);
      }),
    );
    expect(missing).to.deep.equal([]);
  });
});
