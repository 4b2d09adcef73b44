import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { until } from '../../test/support/until.js';

const bin = fileURLToPath(new URL('../../bin/run.js', import.meta.url));

/** How a command is typed. */
export interface Typing {
  /** The exit status that it must end with; default: 0. */
  readonly status?: number;
  /** More of the environment; shown in front of the command. */
  readonly env?: Readonly<Record<string, string>>;
  /** Sends Ctrl-C as soon as this is a fact. */
  readonly interruptWhen?: (printed: () => string) => Promise<boolean> | boolean;
  /** Done while the command ends after Ctrl-C. */
  readonly afterwards?: () => Promise<void>;
  /** Takes out what would be too long for the page; default: nothing. */
  readonly shown?: (printed: string) => string;
}

/** What came of a command. */
export interface Typed {
  readonly printed: string;
  readonly code: number | null;
}

/** Runs a typed command of dbw as a shell would; what it prints on both outputs is in its order. */
export async function runTyped(command: string, { env = {}, interruptWhen, afterwards }: Typing): Promise<Typed> {
  const words = [...command.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '').slice(1);
  // One pipe for both outputs.
  const child = spawn('/bin/sh', ['-c', 'exec "$0" "$@" 2>&1', process.execPath, bin, ...words], {
    env: { ...process.env, NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let printed = '';
  child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (interruptWhen) {
    await until(async () => child.exitCode !== null || (await interruptWhen(() => printed)));
    child.kill('SIGINT');
    printed += '^C\n';
    await afterwards?.();
  }
  return { code: await ended, printed };
}
