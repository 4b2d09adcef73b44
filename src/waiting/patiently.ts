import { setTimeout as delay } from 'node:timers/promises';
import { aborted } from './aborted.js';
import type { Logger } from 'pino';
import { backoff } from './backoff.js';
import { AwayError, reasonOf, UserError } from '../errors.js';

const FIRST_DELAY_MS = 500;
/** A server that comes back is noticed within seconds. */
const MOST_ATTEMPTS = 5;

/**
 * Does `work` until it succeeds: what it needs may be away. Says so once, and again when it is done.
 *
 * @param what as in "cannot … yet"
 * @returns undefined once the signal is aborted
 * @throws UserError where trying again cannot help
 */
export async function patiently<T>(
  what: string,
  log: Logger,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T | undefined> {
  let told: string | undefined;
  for (let attempt = 1; !signal.aborted; attempt++) {
    try {
      const result = await Promise.race([work(), aborted(signal)]);
      if (told !== undefined) log.info(`what was missing is there: ${what} succeeded`);
      return result;
    } catch (error) {
      if (error instanceof UserError && !(error instanceof AwayError)) throw error;
      const reason = reasonOf(error);
      if (reason === told) log.debug({ attempt }, `cannot ${what} yet: ${reason}`);
      else log.warn({ attempt }, `cannot ${what} yet: ${reason} Tried again until it can.`);
      told = reason;
      const wait = backoff(FIRST_DELAY_MS, Math.min(attempt, MOST_ATTEMPTS));
      await delay(wait, undefined, { signal }).catch(() => undefined);
    }
  }
  return undefined;
}
