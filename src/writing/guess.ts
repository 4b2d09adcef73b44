/** After this many chances at the most another guess is made. */
const LONGEST_PAUSE = 64;

/**
 * Whether to take for granted what is mostly so and costs something to find out. Where it turns out wrong the try was for
 * nothing, so the next is made some chances later: after one, then two, then four. Being wrong all the time costs next to
 * nothing by it.
 */
export class Guess {
  private pause = 1;
  private left = 0;

  /** Whether it was wrong when it was made last. */
  get isDoubtful(): boolean {
    return this.pause > 1;
  }

  /** Whether the guess is worth a try; to be asked once for each chance. */
  isWorthIt(): boolean {
    if (this.left === 0) return true;
    this.left--;
    return false;
  }

  held(): void {
    this.pause = 1;
  }

  failed(): void {
    this.left = this.pause;
    this.pause = Math.min(this.pause * 2, LONGEST_PAUSE);
  }
}
