import { spawnSync } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** What this machine lacks, as a sentence with the command that installs it. */
export class Missing {
  constructor(readonly sentence: string) {}
}

/** Everything that this machine lacks, told at once and before anything was started. */
export class MissingProgramsError extends Error {
  readonly code = 'MISSING_PROGRAMS';

  constructor(missing: readonly Missing[]) {
    const sentences = missing.map(({ sentence }) => `  ${sentence}`);
    super(`cannot start the servers, for this machine lacks something:\n${sentences.join('\n')}`);
  }
}

/** The first of these programs on the PATH. */
export function onPath(...names: string[]): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find(isProgram);
}

/** True for a file that may be run. */
export function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/** What a program says of its version, or nothing when it does not run here. */
export function versionOf(file: string, flag = '--version'): string | undefined {
  const { status, stdout, stderr } = spawnSync(file, [flag], { encoding: 'utf8', timeout: 20_000 });
  return status === 0 ? `${stdout}${stderr}`.trim() : undefined;
}

/** Python 3 that can install packages. */
export function pythonWithPip(): string | undefined {
  const python = onPath('python3');
  if (python === undefined) return undefined;
  return spawnSync(python, ['-m', 'pip', '--version'], { stdio: 'ignore' }).status === 0 ? python : undefined;
}

/** The command that installs packages here, by the names they have with apt-get and with Homebrew. */
export function howToInstall(apt: string, brew: string): string {
  return process.platform === 'darwin' ? `brew install ${brew}` : `apt-get install ${apt}`;
}
