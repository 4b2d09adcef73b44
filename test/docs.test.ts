import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { documents } from '../scripts/docs/documents.js';

const DOCUMENTS = [
  ...['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md'],
  ...readdirSync('docs')
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];
const SOURCES = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => readFileSync(join('src', name), 'utf8'));

/** Every text in backticks in the column of this name, of all tables that have one. */
function quotedIn(document: string, column: string): string[] {
  let at = -1;
  return document.split('\n').flatMap((line) => {
    if (!line.startsWith('|')) at = -1;
    const cells = line.split('|').map((cell) => cell.trim());
    if (at >= 0) return [...(cells[at] ?? '').matchAll(/`([^`]+)`/g)].map(([, text = '']) => text);
    if (line.startsWith('|')) at = cells.indexOf(column);
    return [];
  });
}

/** What leads to the headings of a document. */
function anchorsIn(document: string): string[] {
  return [...readFileSync(document, 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** The parts of a text between its placeholders, without what only joins them to others. */
function partsOf(text: string): string[] {
  return text
    .split('…')
    .map((part) => part.replace(/^[\s;:,.()]+|[\s;:,.()]+$/g, ''))
    .filter((part) => part !== '');
}

describe('documents that the code writes', () => {
  it('are fresh: npm run docs would change nothing', async () => {
    for (const [file, text] of Object.entries(await documents())) {
      expect(readFileSync(file, 'utf8') === text, `${file} is stale; run: npm run docs`).to.equal(true);
    }
  });
});

describe('documents about the code', () => {
  it('quote the log as it is: every part between placeholders is in the sources', () => {
    const quoted = quotedIn(readFileSync('docs/faults.md', 'utf8'), 'the log says');
    expect(quoted).to.have.lengthOf.above(50);
    const strange = quoted.filter((text) => {
      const parts = partsOf(text);
      return parts.length === 0 || parts.some((part) => !SOURCES.some((source) => source.includes(part)));
    });
    expect(strange).to.deep.equal([]);
  });

  it('name files that exist, in links and in text', () => {
    const missing = DOCUMENTS.flatMap((document) => {
      const text = readFileSync(document, 'utf8');
      const links = [...text.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)].map(([, to = '']) => join(dirname(document), to));
      const named = [...text.matchAll(/(?<!In a new file )`((?:src|test|migrations|scripts)\/[\w./-]+)`/g)].map(
        ([, to = '']) => to,
      );
      return [...links, ...named].filter((to) => !existsSync(to)).map((to) => `${document}: ${to}`);
    });
    expect(missing).to.deep.equal([]);
  });

  it('link to headings that exist', () => {
    const missing = DOCUMENTS.flatMap((document) => {
      const text = readFileSync(document, 'utf8');
      return [...text.matchAll(/\]\(([^)#:]*)#([^)]+)\)/g)].flatMap(([, file = '', anchor = '']) => {
        const to = file === '' ? document : join(dirname(document), file);
        return anchorsIn(to).includes(anchor) ? [] : [`${document}: ${to}#${anchor}`];
      });
    });
    expect(missing).to.deep.equal([]);
  });

  it('name every source file in the map of docs/architecture.md', () => {
    const text = readFileSync('docs/architecture.md', 'utf8');
    const map = text.slice(text.indexOf('## A map of src/'));
    const names = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
    const toName = names.filter((name) => !/^(commands|handlers)\//.test(name)); // named by what they are
    expect(toName.filter((name) => !map.includes(`\`${name}\``))).to.deep.equal([]);
  });
});
