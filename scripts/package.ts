// `npm run package`: packs the package, installs it into an empty folder as its first user does, from the registry, and does
// with it what they do, on real servers.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { trial } from './release/trial.js';

const prefix = mkdtempSync(join(tmpdir(), 'dbw-prefix-'));
try {
  const packed = execFileSync('npm', ['pack', '--silent', '--pack-destination', prefix], { encoding: 'utf8' }).trim();
  const tarball = join(prefix, packed.split('\n').at(-1) ?? '');
  execFileSync('npm', ['install', '--global', '--prefix', prefix, tarball], { stdio: 'inherit' });
  await trial({
    words: () => [join(prefix, 'bin', 'dbw')],
    // Nothing but the settings: what this checkout's environment has must not help.
    environment: (env) => ({ PATH: process.env.PATH, HOME: prefix, ...env }),
  });
} finally {
  rmSync(prefix, { recursive: true, force: true });
}
process.exit(0);
