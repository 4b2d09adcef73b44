// `npm test`: every test on real servers, which it starts and stops; ends with `N passed, N failed` alone on a line.
// `npm test -- test/event/decode.test.ts` runs some files only.
import { fork } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { startServers } from '../test/support/services/index.js';
import { isStats, type Stats } from './test/stats.js';

/** Files that mostly wait, for servers of their own that are stopped and started: they run beside the others. */
const FAULTS = ['test/faults.test.ts', 'test/poison.test.ts', 'test/leaders.test.ts'];
const POSITIONS = ['test/positions.test.ts', 'test/failures/failure-outages.test.ts', 'test/writing/suspects.test.ts'];
/** Servers of their own that speak TLS, and a run of every command. */
const SECURITY = ['test/tls.test.ts', 'test/privacy.test.ts', 'test/access.test.ts', 'test/postgres/roles.test.ts'];

/** What the documents tell to type is typed, on copies and beside a writer. */
const DOCUMENTS = ['test/guide.test.ts', 'test/command-lines.test.ts', 'test/tracing/tracing.test.ts'];

const named = process.argv.slice(2);
const all = readdirSync('test', { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.test.ts'))
  .sort()
  .map((file) => `test/${file}`);
/** Each command is a process: its tests mostly wait for processes to start. */
const isCommand = (file: string) => file.startsWith('test/commands/');
/** Plays the incidents of docs/operations.md. */
const isPlay = (file: string) => file === 'test/operations.test.ts';
const rest = all.filter(
  (file) => ![...FAULTS, ...POSITIONS, ...SECURITY, ...DOCUMENTS].includes(file) && !isCommand(file) && !isPlay(file),
);
// In an order that keeps both lanes busy to about the same end.
const parts =
  named.length > 0
    ? [named]
    : [rest, FAULTS, all.filter(isCommand), POSITIONS, SECURITY, DOCUMENTS, all.filter(isPlay)];

const servers = await startServers({
  report: (line) => {
    console.error(line);
  },
});
let stopping = false;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (stopping) process.exit(130);
    stopping = true;
    void servers.stop().finally(() => process.exit(130));
  });
}
Object.assign(process.env, servers.env);

/** Runs some files in a process of their own; what it prints comes at once, or in one piece when it has ended. */
function run(files: readonly string[], isFirst: boolean): Promise<Stats> {
  return new Promise((resolve) => {
    const child = fork(fileURLToPath(new URL('test/mocha.ts', import.meta.url)), [...files], {
      stdio: ['ignore', isFirst ? 'inherit' : 'pipe', isFirst ? 'inherit' : 'pipe', 'ipc'],
      env: { ...process.env, FORCE_COLOR: process.stdout.isTTY ? '1' : '0' },
    });
    const output: Buffer[] = [];
    child.stdout?.on('data', (chunk: Buffer) => output.push(chunk));
    child.stderr?.on('data', (chunk: Buffer) => output.push(chunk));
    // A process that ends without a word has failed.
    let stats: Stats = { passes: 0, failures: 1, pending: 0 };
    child.on('message', (message) => {
      if (isStats(message)) stats = message;
    });
    child.on('close', () => {
      resolve(stats);
      later.push(Buffer.concat(output));
    });
  });
}

const later: Buffer[] = [];
// Two at a time, as two cores can carry: with three each waits for the others, and all of them take longer.
const found: Stats[] = [];
const waiting = parts.map((files, i) => ({ files, isFirst: i === 0 }));
const lane = async () => {
  for (let part = waiting.shift(); part; part = waiting.shift()) found.push(await run(part.files, part.isFirst));
};
await Promise.all([lane(), lane()]);
for (const output of later) process.stdout.write(output);
await servers.stop();
const sum = (of: keyof Stats) => found.reduce((total, stats) => total + stats[of], 0);
const skipped = sum('pending') > 0 ? `, ${sum('pending')} skipped` : '';
console.log(`${sum('passes')} passed, ${sum('failures')} failed${skipped}`);
// Explicitly: a test that left a handle open must not keep a red or green run from ending.
process.exit(sum('failures') > 0 ? 1 : 0);
