import type { ChildProcess } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import type { ConsumeSummary } from '../../src/commands/consume.js';
import { startDbw } from '../../test/support/cli.js';

const children = new Set<ChildProcess>();

/** Runs the built `dbw` as a process of its own, as a shell would; returns what `--json` prints. */
export async function dbw(...args: string[]): Promise<unknown> {
  const { child, ended } = startDbw([...args, '--json'], { LOG_LEVEL: 'warn' });
  children.add(child);
  const { status, stdout, stderr } = await ended;
  children.delete(child);
  if (status !== 0) {
    const said = `${stderr}${stdout}`.trim().split('\n').slice(-15);
    throw new Error(`dbw ${args.join(' ')} ended with status ${status ?? 'of a signal'}:\n  | ${said.join('\n  | ')}`);
  }
  return JSON.parse(stdout);
}

/** Ends what still runs, at once: the servers that it works on are about to go. */
export function endChildren(): void {
  for (const child of children) child.kill('SIGKILL');
}

/** Runs `dbw consume --until-caught-up`; `onTick` is called several times a second meanwhile. */
export async function consume(onTick: () => Promise<void>): Promise<ConsumeSummary> {
  const over = new AbortController();
  const ticking = (async () => {
    while (!over.signal.aborted) {
      await onTick();
      await delay(100, undefined, { signal: over.signal }).catch(() => undefined);
    }
  })();
  try {
    const summary = await dbw('consume', '--until-caught-up');
    if (!isSummary(summary)) throw new Error(`dbw consume --json said ${JSON.stringify(summary)}`);
    return summary;
  } finally {
    over.abort();
    await ticking;
  }
}

function isSummary(value: unknown): value is ConsumeSummary {
  return typeof value === 'object' && value !== null && 'outcomes' in value && 'stillParked' in value;
}
