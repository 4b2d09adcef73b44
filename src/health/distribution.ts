/**
 * How often values fell into which range: a histogram whose counting is cheap enough for every event (a few nanoseconds;
 * prom-client's own takes 260 to 440).
 */
export class Distribution {
  /** One more than there are bounds: the last counts what is greater than all. */
  private readonly counts: number[];
  /** How many values, and what they add up to. */
  count = 0;
  sum = 0;

  /** @param bounds the ranges' upper bounds, ascending; a value equal to one belongs below it */
  constructor(readonly bounds: readonly number[]) {
    this.counts = new Array<number>(bounds.length + 1).fill(0);
  }

  /** Counts one value. */
  add(value: number): void {
    const { bounds, counts } = this;
    let at = 0;
    while (at < bounds.length && value > (bounds[at] ?? Infinity)) at++;
    counts[at] = (counts[at] ?? 0) + 1;
    this.count++;
    this.sum += value;
  }

  /** How many values were at most each bound, in the order of the bounds. */
  cumulative(): number[] {
    let below = 0;
    return this.bounds.map((_, at) => (below += this.counts[at] ?? 0));
  }
}
