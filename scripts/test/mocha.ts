// Runs the files that are named, on the servers that the environment names, and tells the parent process how many passed.
import Mocha from 'mocha';
import type { Stats } from './stats.js';

const mocha = new Mocha({
  timeout: 120_000,
  reporter: 'spec',
  forbidOnly: true,
  color: process.env.FORCE_COLOR === '1',
});
for (const file of process.argv.slice(2)) mocha.addFile(file);
await mocha.loadFilesAsync();
const runner = mocha.run((failures) => {
  const { passes = 0, pending = 0 } = runner.stats ?? {};
  const stats: Stats = { passes, failures, pending };
  process.send?.(stats, () => process.exit(failures > 0 ? 1 : 0));
});
