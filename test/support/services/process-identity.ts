import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/**
 * What tells a process from a later one with the same pid: when it started, counted since this boot.
 * Undefined when there is no such process; one that has ended and only waits for its parent to ask counts as gone.
 */
export function identityOf(pid: number): string | undefined {
  if (process.platform !== 'linux') {
    const { stdout } = spawnSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], { encoding: 'utf8' });
    const [, state, started] = /^(\S+)\s+(.+)$/.exec(stdout.trim()) ?? [];
    return state?.startsWith('Z') ? undefined : started;
  }
  let stat: string;
  try {
    stat = readFileSync(`/proc/${String(pid)}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  // The second field is the name in parentheses and may itself hold blanks and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, started] = [fields[0], fields[19]];
  // Containers and snapshots boot alike: without the boot's own id the same tick could come twice.
  return state === 'Z' || state === 'X' ? undefined : `${started ?? ''}@${boot()}`;
}

function boot(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return 'unknown-boot';
  }
}
