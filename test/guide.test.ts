import { spawn } from 'node:child_process';
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect } from 'chai';
import { blocksOf, linesOf, type Block } from './support/blocks.js';
import { bareDatabase } from './support/database.js';
import { Place } from './support/place.js';

const COPIED = ['bin', 'src', 'migrations', 'test', 'scripts', 'package.json', 'tsconfig.json', 'tsconfig.build.json'];
/** The servers are those of this test. */
const SERVERS = ['npm run --silent services > servers.env &', '. ./servers.env'];
/** Whole runs of what other tests and the author's own run of `npm test` prove. */
const WHOLE = ['npm run docs', 'npm run operations', 'npm run lint', 'npm test'];
/** Lines that only look at the sources: they run beside the others. */
const CHECKS = /^(npx (mocha|tsc)|bin\/dev.js events) /;

describe('docs/adding-an-event-type.md', function () {
  this.timeout(600_000);
  let folder: string;
  let place: Place;
  let exported = '';
  before(async () => {
    place = await Place.make([], bareDatabase);
    folder = mkdtempSync(join(tmpdir(), 'dbw-guide-'));
    for (const name of [...COPIED, '.mocharc.json', '.tsbuildinfo'])
      if (existsSync(name)) cpSync(name, join(folder, name), { recursive: true });
    symlinkSync(resolve('node_modules'), join(folder, 'node_modules'));
  });
  after(async () => {
    rmSync(folder, { recursive: true, force: true });
    await place.dataSource.destroy();
  });

  /** What a line prints; it must end well. */
  function typed(line: string): Promise<string> {
    return new Promise((done, reject) => {
      const env = { ...process.env, ...place.env, DB_WRITER_SERVICE_PORT: '0', NO_COLOR: '1', FORCE_COLOR: '0' };
      const shell = spawn('sh', ['-c', exported + line], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
      let [printed, said] = ['', ''];
      shell.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
      shell.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
      shell.once('error', reject);
      shell.once('close', (status) => {
        if (status === 0) done(printed);
        else reject(new Error(`${line}\nended with status ${String(status)}\n${printed}\n${said}`));
      });
    });
  }

  /** Does what a block says: writes a file, or types lines. Returns what the last line printed. */
  async function follow({ language, text, before }: Block, lines: string[], checks: Promise<string>[]) {
    const [, where, file = ''] = /(At the end of|In a new file) `([^`]+)`:$/.exec(before) ?? [];
    // Whoever followed the guide word for word has these lines.
    const isDone = where !== undefined && existsSync(join(folder, file)) && readFileSync(join(folder, file), 'utf8').includes(text); // prettier-ignore
    if (where === 'At the end of' && !isDone) appendFileSync(join(folder, file), `\n${text}`);
    if (where === 'In a new file' && !isDone) writeFileSync(join(folder, file), text, { flag: 'wx' });
    expect(where === undefined, before).to.equal(language === 'sh' || language === '');
    let printed = '';
    for (const line of lines) {
      if (SERVERS.includes(line)) continue;
      if (line.startsWith('export ')) exported += `${line}; `;
      else if (CHECKS.test(line)) checks.push(typed(line));
      else printed = await typed(line);
    }
    return printed;
  }

  it('leads to rows, typed line by line', async () => {
    const blocks = blocksOf('docs/adding-an-event-type.md');
    const sections = [...new Set(blocks.map(({ section }) => section))];
    let printed = '';
    for (const section of sections) {
      const checks: Promise<string>[] = [];
      try {
        for (const block of blocks.filter((one) => one.section === section)) {
          if (block.language === '')
            expect(printed.trim().replace(/ +$/gm, ''), block.section).to.contain(block.text.trim());
          else {
            const lines = block.language === 'sh' ? linesOf(block).filter((line) => !WHOLE.includes(line)) : [];
            printed = await follow(block, lines, checks);
          }
        }
      } finally {
        await Promise.allSettled(checks);
      }
      for (const check of await Promise.all(checks))
        if (check) expect(check).to.match(/^ +[1-9]\d* passing|^A skill is offered no longer\.$/m);
    }
    const all = blocks.filter(({ language }) => language === 'sh').flatMap(linesOf);
    expect(all).to.include.members([...SERVERS, ...WHOLE]);
  });
});
