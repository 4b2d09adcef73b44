import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** A process as it was when we looked: a pid alone is not enough, for pids come again. */
export interface KnownProcess {
  readonly pid: number;
  readonly identity: string;
}

/**
 * What tells a process from a later one with the same pid: when it started, counted since this boot.
 * Undefined when there is no such process; one that has ended and only waits for its parent to ask counts as gone.
 */
export function identityOf(pid: number): string | undefined {
  const { state = 'Z', started } = look(pid) ?? {};
  return state.startsWith('Z') || state === 'X' ? undefined : started;
}

/** True while this very process runs. */
export function stillRuns({ pid, identity }: KnownProcess): boolean {
  return identityOf(pid) === identity;
}

/** The running processes that a process has started itself. */
export function childrenOf(parent: number): KnownProcess[] {
  const children = allPids().filter((pid) => look(pid)?.parent === parent);
  return children.flatMap((pid) => {
    const identity = identityOf(pid);
    return identity === undefined ? [] : [{ pid, identity }];
  });
}

/** Sends a signal to exactly this process; nothing when it is gone. */
export function send(signal: NodeJS.Signals, known: KnownProcess): void {
  if (!stillRuns(known)) return;
  try {
    process.kill(known.pid, signal);
  } catch (error) {
    // It ended between the look and the signal.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

interface Look {
  readonly state: string;
  readonly parent: number;
  readonly started: string;
}

function look(pid: number): Look | undefined {
  if (process.platform !== 'linux') {
    const columns = ['-o', 'stat=,ppid=,lstart=', '-p', String(pid)];
    const { stdout } = spawnSync('ps', columns, { encoding: 'utf8' });
    const [, state, parent, started] = /^(\S+)\s+(\d+)\s+(.+)$/.exec(stdout.trim()) ?? [];
    return state && started ? { state, parent: Number(parent), started } : undefined;
  }
  // The second field is the name in parentheses and may itself hold blanks and parentheses.
  const stat = read(`/proc/${String(pid)}/stat`);
  const [state, parent, started] = [0, 1, 19].map((at) => stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[at]);
  if (!state || !started) return undefined;
  // Containers and snapshots boot alike: without the boot's own id the same tick could come twice.
  const boot = read('/proc/sys/kernel/random/boot_id')?.trim() ?? 'unknown-boot';
  return { state, parent: Number(parent), started: `${started}@${boot}` };
}

function allPids(): number[] {
  const names =
    process.platform === 'linux'
      ? readdirSync('/proc').filter((name) => /^\d+$/.test(name))
      : spawnSync('ps', ['-A', '-o', 'pid='], { encoding: 'utf8' }).stdout.trim().split('\n');
  return names.map(Number);
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
