import { setTimeout as delay } from 'node:timers/promises';

/** Never more than so many a second, and no burst to make up for a pause. */
export class Throttle {
  private freeAt = 0;

  /**
   * @param perSecond undefined: as many as can be
   * @param now a clock in milliseconds
   */
  constructor(
    private readonly perSecond: number | undefined,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** How many may be taken at once, so that the rate is even: a tenth of a second's worth at most. */
  most(wanted: number): number {
    return this.perSecond === undefined ? wanted : Math.max(1, Math.min(wanted, Math.floor(this.perSecond / 10)));
  }

  /** Milliseconds to wait before `count` more may go. */
  due(count: number): number {
    if (this.perSecond === undefined) return 0;
    const now = this.now();
    const from = Math.max(this.freeAt, now);
    this.freeAt = from + (count / this.perSecond) * 1000;
    return from - now;
  }

  /** Resolves when `count` more may go, or the signal is aborted. */
  async take(count: number, signal: AbortSignal): Promise<void> {
    const ms = this.due(count);
    if (ms > 0) await delay(ms, undefined, { signal }).catch(() => undefined);
  }
}
