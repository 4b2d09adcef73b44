import type { Queued } from '../reading/intake.js';

/** How many events of an open topic are tried at a time. */
export const TRIAL_SIZE = 10;

/**
 * The next few events of a topic that is not read, taken to find out whether they would still be refused. None of them is
 * finished by that: no letter is written and no offset moves, and they are read again when the topic is.
 */
export class Trial {
  private readonly taken: Queued[] = [];
  private sawEnd = false;

  constructor(readonly topic: string) {}

  /** What was taken so far, in the order of arrival. */
  get messages(): readonly Queued[] {
    return this.taken;
  }

  get isFull(): boolean {
    return this.taken.length === TRIAL_SIZE;
  }

  /** Whether it is complete: ten events, or fewer where a partition ended before. */
  get isReady(): boolean {
    return this.isFull || (this.sawEnd && this.taken.length > 0);
  }

  /**
   * Takes messages of one partition, from the first on, as far as there is room.
   *
   * @param atEnd whether the partition has nothing behind them
   * @returns how many were taken
   */
  offer(messages: readonly Queued[], atEnd: boolean): number {
    if (this.isReady) return 0;
    const before = this.taken.length;
    this.taken.push(...messages.slice(0, TRIAL_SIZE - before));
    const count = this.taken.length - before;
    if (atEnd) this.sawEnd = true;
    return count;
  }
}
