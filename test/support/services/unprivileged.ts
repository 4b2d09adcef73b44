import { spawnSync } from 'node:child_process';
import { chownSync } from 'node:fs';
import { onPath } from './programs.js';
import type { Command } from './run.js';

/** Changes a command so that it does not run as root. */
export type As = (command: Command) => Command;

/**
 * PostgreSQL refuses to run as root. Where we are root it runs as `nobody`, who then owns the data. Where `nobody`
 * cannot reach the program or the data (a checkout below /root, say) it runs in a user namespace that calls us `nobody`:
 * the rights and the ownership of files stay root's.
 */
export function unprivileged(program: string, data: string): As {
  if (process.getuid?.() !== 0) return (command) => command;
  const nobody = { uid: idOfNobody('-u'), gid: idOfNobody('-g') };
  const probe = ['-c', '"$0" --version && test -w "$1"', program, data];
  chownSync(data, nobody.uid, nobody.gid);
  if (spawnSync('sh', probe, { ...nobody, cwd: '/', stdio: 'ignore' }).status === 0) {
    return (command) => ({ ...command, ...nobody });
  }
  chownSync(data, 0, 0);
  const unshare = onPath('unshare');
  const map = ['--user', `--map-user=${String(nobody.uid)}`, `--map-group=${String(nobody.gid)}`, '--'];
  if (unshare !== undefined && spawnSync(unshare, [...map, 'sh', ...probe], { stdio: 'ignore' }).status === 0) {
    return (command) => ({ ...command, file: unshare, args: [...map, command.file, ...command.args] });
  }
  throw new Error(
    `PostgreSQL does not run as root, and the user nobody cannot reach ${data} or ${program}: ` +
      'run this as another user than root, or move the project to a folder that others may enter',
  );
}

function idOfNobody(flag: '-u' | '-g'): number {
  const { status, stdout } = spawnSync('id', [flag, 'nobody'], { encoding: 'utf8' });
  return status === 0 ? Number(stdout) : 65534;
}
