/** How many finished events of a topic are looked back upon. */
export const WINDOW = 1_000;

/**
 * What became of a topic's last 1,000 finished events: for each refused one the cause, for the others nothing. An event
 * costs one write into a ring; where nothing was refused lately, a batch of any size costs one addition.
 */
export class RecentEvents {
  private readonly ring: (string | undefined)[] = Array.from({ length: WINDOW });
  private next = 0;
  private finishedCount = 0;
  private refusedCount = 0;

  /** How many events are looked back upon: 1,000 once so many have finished. */
  get finished(): number {
    return this.finishedCount;
  }

  /** How many of them were refused. */
  get refused(): number {
    return this.refusedCount;
  }

  /**
   * A batch has finished. Nobody knows the order of its outcomes, so the refused ones count as spread evenly over it: of
   * a batch larger than the window the share decides, and not which outcomes happen to be told last.
   *
   * @param accepted how many events were not refused
   * @param causes one for each refused event
   */
  add(accepted: number, causes: readonly string[]): void {
    const refused = causes.length;
    const total = accepted + refused;
    if (refused === 0 && this.refusedCount === 0) {
      this.next = (this.next + total) % WINDOW;
      this.finishedCount = Math.min(WINDOW, this.finishedCount + total);
      return;
    }
    for (let i = Math.max(0, total - WINDOW); i < total; i++) {
      const before = Math.floor((i * refused) / total);
      const isRefused = Math.floor(((i + 1) * refused) / total) > before;
      this.put(isRefused ? causes[before] : undefined);
    }
  }

  private put(cause: string | undefined): void {
    if (this.ring[this.next] !== undefined) this.refusedCount--;
    if (cause !== undefined) this.refusedCount++;
    this.ring[this.next] = cause;
    this.next = (this.next + 1) % WINDOW;
    if (this.finishedCount < WINDOW) this.finishedCount++;
  }

  /** The cause that most of the refused events have; empty where none was refused. */
  mostFrequent(): string {
    const counts = new Map<string, number>();
    for (const cause of this.ring) if (cause !== undefined) counts.set(cause, (counts.get(cause) ?? 0) + 1);
    let most = '';
    for (const [cause, count] of counts) if (count > (counts.get(most) ?? 0)) most = cause;
    return most;
  }

  /** Forgets everything. */
  clear(): void {
    this.ring.fill(undefined);
    this.next = 0;
    this.finishedCount = 0;
    this.refusedCount = 0;
  }
}
