// `npm test`: every test on real servers, which it starts and stops; ends with `N passed, N failed` alone on a line.
// `npm test -- test/decode.test.ts` runs some files only.
import { readdirSync } from 'node:fs';
import Mocha from 'mocha';
import { startServers } from '../test/support/services/index.js';

const named = process.argv.slice(2);
const files =
  named.length > 0
    ? named
    : readdirSync('test', { recursive: true, encoding: 'utf8' })
        .filter((file) => file.endsWith('.test.ts'))
        .sort()
        .map((file) => `test/${file}`);

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

const mocha = new Mocha({ timeout: 120_000, reporter: 'spec', forbidOnly: true, color: process.stdout.isTTY });
for (const file of files) mocha.addFile(file);
await mocha.loadFilesAsync();
const stats = await new Promise<Mocha.Stats | undefined>((resolve) => {
  const runner = mocha.run(() => {
    resolve(runner.stats);
  });
});
await servers.stop();
const { passes = 0, failures = 1, pending = 0 } = stats ?? {};
console.log(`${passes} passed, ${failures} failed${pending > 0 ? `, ${pending} skipped` : ''}`);
// Explicitly: a test that left a handle open must not keep a red or green run from ending.
process.exit(failures > 0 ? 1 : 0);
