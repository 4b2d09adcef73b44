import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { ownerRecord, recordProcess, recordsFolder, sweep, sweepAbandoned } from './left-overs.js';

/** `.services/` of this checkout: what was downloaded, and one folder per run. */
export const home = fileURLToPath(new URL('../../../.services/', import.meta.url));

/** A program to start. */
export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly uid?: number;
  readonly gid?: number;
}

/**
 * One start of the servers: their data, their logs, and the record of every process that belongs to it, so that
 * whoever comes later can end exactly these.
 */
export class Run {
  private readonly children = new Set<ChildProcess>();

  private constructor(
    readonly folder: string,
    private readonly keeper: ChildProcess,
  ) {}

  /** Removes what runs without an owner left behind, then opens a new one that ends with this process. */
  static async open(report: (line: string) => void): Promise<Run> {
    await mkdir(home, { recursive: true });
    await sweepAbandoned(home, report);
    const folder = join(home, `run-${String(process.pid)}-${randomBytes(4).toString('hex')}`);
    mkdirSync(recordsFolder(folder), { recursive: true });
    recordProcess(folder, ownerRecord, process.pid, 'SIGTERM');
    return new Run(folder, startKeeper(folder));
  }

  /**
   * Starts a program in the run's folder with its output in `<name>.log`. It has a session of its own: Ctrl-C in the
   * terminal reaches us, and we decide when the servers end.
   */
  spawn(name: string, command: Command, end: NodeJS.Signals = 'SIGKILL'): ChildProcess {
    const log = openSync(this.logFile(name), 'a');
    const { uid, gid } = command;
    const child = spawn(command.file, command.args, {
      cwd: this.folder,
      env: { ...process.env, ...command.env },
      detached: true,
      stdio: ['ignore', log, log],
      ...(uid === undefined ? {} : { uid }),
      ...(gid === undefined ? {} : { gid }),
    });
    closeSync(log);
    // A program that cannot be started is told by its missing pid and by `exit` never coming; see `end` below.
    child.on('error', (error) => {
      writeFileSync(this.logFile(name), `${error.message}\n`, { flag: 'a' });
    });
    if (child.pid !== undefined) {
      const record = recordProcess(this.folder, name, child.pid, end);
      this.children.add(child);
      child.once('exit', () => {
        this.children.delete(child);
        rmSync(record, { force: true });
      });
    }
    return child;
  }

  /** Runs a program to its end; the error shows what it said last. */
  async execute(name: string, command: Command): Promise<void> {
    const child = this.spawn(name, command);
    if (child.pid === undefined) await new Promise((resolve) => setImmediate(resolve));
    else await once(child, 'exit');
    if (child.exitCode !== 0) throw new Error(`${command.file} failed (${howItEnded(child)})\n${this.lastLines(name)}`);
  }

  logFile(name: string): string {
    return join(this.folder, `${name}.log`);
  }

  /** The end of a program's output, indented for an error message. */
  lastLines(name: string, count = 15): string {
    let text = '';
    try {
      text = readFileSync(this.logFile(name), 'utf8').trimEnd();
    } catch {
      // It never came so far as to say anything.
    }
    const lines = text === '' ? ['(it said nothing)'] : text.split('\n').slice(-count);
    return lines.map((line) => `  | ${line}`).join('\n');
  }

  /** Ends everything that belongs to this run and removes its folder. */
  async close(): Promise<void> {
    await sweep(this.folder);
    // Should somebody have removed the folder with its records, we still know whom we started.
    for (const child of this.children) child.kill('SIGKILL');
    this.keeper.stdin?.destroy();
  }
}

/** "exit code 1", "SIGKILL", or "could not be started". */
export function howItEnded(child: ChildProcess): string {
  if (child.signalCode) return child.signalCode;
  return child.exitCode === null || child.pid === undefined ? 'not started' : `exit code ${String(child.exitCode)}`;
}

/**
 * The keeper outlives us to clean up after us, however we end: it reads a pipe that only we hold open, and the end of
 * the pipe is our end, be it `process.exit`, an uncaught error, a signal or kill -9. A shell and `cat` wait in two
 * megabytes; Node comes only when there is something to do.
 */
function startKeeper(folder: string): ChildProcess {
  const script = 'trap "" INT TERM HUP; cat >/dev/null; [ -d "$0" ] && exec "$@" "$0"';
  const sweeper = fileURLToPath(new URL('./sweep.ts', import.meta.url));
  // Under mocha there is no import.meta.resolve: tsx loads the tests by way of require.
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  const node = [process.execPath, '--import', tsx, sweeper];
  // Neither the coverage nor the debugger of the test run is meant for the keeper.
  const { NODE_V8_COVERAGE: _coverage, NODE_OPTIONS: _options, ...env } = process.env;
  const keeper = spawn('sh', ['-c', script, folder, ...node], {
    cwd: home,
    env,
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  keeper.unref();
  if (keeper.stdin instanceof Socket) keeper.stdin.unref();
  return keeper;
}
