/** Work that waits for its turn. */
interface Waiter {
  readonly exclusive: boolean;
  readonly start: () => void;
}

/**
 * A readers-writer lock inside the process: shared work runs side by side, exclusive work runs alone. Turns are given in
 * the order of asking, so that neither kind starves the other. Work must not ask for another turn: it would wait for itself.
 */
export class Exclusion {
  private shares = 0;
  private isExclusive = false;
  private readonly waiting: Waiter[] = [];

  /** Runs `work` beside other shared work. Resolves and rejects as it does. */
  shared<T>(work: () => Promise<T>): Promise<T> {
    return this.turn(false, work);
  }

  /** Runs `work` while nothing else runs here. Resolves and rejects as it does. */
  exclusive<T>(work: () => Promise<T>): Promise<T> {
    return this.turn(true, work);
  }

  private async turn<T>(exclusive: boolean, work: () => Promise<T>): Promise<T> {
    await new Promise<void>((start) => {
      this.waiting.push({ exclusive, start });
      this.next();
    });
    try {
      return await work();
    } finally {
      if (exclusive) this.isExclusive = false;
      else this.shares--;
      this.next();
    }
  }

  /** Starts those whose turn it is: the first that waits, and shared work directly behind shared work. */
  private next(): void {
    for (let first = this.waiting[0]; first && !this.isExclusive; first = this.waiting[0]) {
      if (first.exclusive && this.shares > 0) return;
      this.waiting.shift();
      if (first.exclusive) this.isExclusive = true;
      else this.shares++;
      first.start();
    }
  }
}
