import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { dbw, startDbw } from '../support/cli.js';

const BIN = fileURLToPath(new URL('../../bin/run.js', import.meta.url));

/** Runs `dbw` with these streams closed by their reader before anything is written. */
async function unread(args: readonly string[], streams: readonly ('stdout' | 'stderr')[]) {
  const child = spawn(process.execPath, [BIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const said: Buffer[] = [];
  for (const stream of ['stdout', 'stderr'] as const) {
    if (streams.includes(stream)) child[stream].destroy();
    else child[stream].on('data', (chunk: Buffer) => said.push(chunk));
  }
  const [status] = (await once(child, 'close')) as [number | null];
  return { status, said: Buffer.concat(said).toString() };
}

describe('a closed pipe', () => {
  for (const args of [['events'], ['events', '--json'], ['--help']]) {
    it(`ends dbw ${args.join(' ')} quietly with status 0`, async () => {
      expect(await unread(args, ['stdout'])).to.deep.equal({ status: 0, said: '' });
    });
  }

  it('keeps the status of what failed', async () => {
    expect(await unread(['consume', '--fast'], ['stdout', 'stderr'])).to.deep.equal({ status: 2, said: '' });
    expect(await unread(['migrate'], ['stderr']))
      .to.have.property('status')
      .that.is.oneOf([0, 5]);
  });

  it('behind a shell, as it is typed', async () => {
    const child = spawn('sh', ['-c', `"${process.execPath}" "${BIN}" events --json-schema | head -n 1`], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    await once(child, 'close');
    expect({ stdout, stderr }).to.deep.equal({ stdout: '{\n', stderr: '' });
  });
});

describe('colour', () => {
  const bold = '\u001b[1m';

  it('is none in a pipe, and what FORCE_COLOR asks for', async () => {
    const plain = await startDbw(['events'], { NO_COLOR: '', FORCE_COLOR: '0' }).ended;
    expect(plain.stdout).not.to.contain('\u001b');
    expect((await dbw(['events'], { NO_COLOR: '', FORCE_COLOR: '1' })).stdout).to.contain(bold);
  });

  it('is none with NO_COLOR', async () => {
    expect((await dbw(['events'])).stdout).not.to.contain('\u001b');
    expect((await dbw(['evnts'])).stderr).not.to.contain('\u001b');
  });
});
