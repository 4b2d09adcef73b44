import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { reasonOf } from './errors.js';

/**
 * Does `work` again and again, `everyMs` after the last time ended, until the signal is aborted. What fails is told and
 * tried again: none of the regular duties may end the process or stop for good.
 */
export async function repeat(
  everyMs: number,
  signal: AbortSignal,
  log: Logger,
  duty: string,
  work: () => Promise<unknown>,
): Promise<void> {
  const pause = () =>
    delay(everyMs, undefined, { signal }).then(
      () => true,
      () => false,
    );
  while (await pause()) {
    try {
      await work();
    } catch (error) {
      log.warn({ duty }, `${duty} failed: ${reasonOf(error)}; tried again`);
    }
  }
}
