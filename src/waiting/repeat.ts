import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { reasonOf } from '../errors.js';

/** Tells what keeps failing once, and not every second that an outage lasts. */
export class Failing {
  private last: string | undefined;

  constructor(
    private readonly log: Logger,
    private readonly what: string,
  ) {}

  /** It failed; what is told once is repeated at debug only, until it changes or succeeds. */
  failed(error: unknown): void {
    const reason = reasonOf(error);
    const message = `${this.what} failed: ${reason}; tried again`;
    if (reason === this.last) this.log.debug(message);
    else this.log.warn(message);
    this.last = reason;
  }

  succeeded(): void {
    if (this.last !== undefined) this.log.info(`${this.what} succeeds again`);
    this.last = undefined;
  }
}

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
  const failing = new Failing(log, duty);
  const pause = () =>
    delay(everyMs, undefined, { signal }).then(
      () => true,
      () => false,
    );
  while (await pause()) {
    try {
      await work();
      failing.succeeded();
    } catch (error) {
      failing.failed(error);
    }
  }
}
