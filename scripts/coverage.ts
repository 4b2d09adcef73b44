// `npm run coverage`: the tests with c8, which follows the processes that they start.
import { spawnSync } from 'node:child_process';

const c8 = [
  'node_modules/c8/bin/c8.js',
  '--reporter=text',
  '--reporter=html',
  '--include=src',
  '--include=dist',
  '--exclude-after-remap',
];
const { status } = spawnSync(process.execPath, [...c8, process.execPath, '--import', 'tsx', 'scripts/test.ts'], {
  stdio: 'inherit',
});
process.exit(status ?? 1);
