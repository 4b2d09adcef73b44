import type { FailureClass } from '../failures/failure.js';

/** Why nothing can be written at present. */
export interface Trouble {
  readonly class: 'transient' | 'systemic';
  /** For people: what failed, and what to do about it where that is known. */
  readonly reason: string;
  /** Milliseconds since the epoch. */
  readonly since: number;
}

/** A failure as trouble; undefined where it may pass by itself, as a deadlock does, and has not happened again. */
export function troubleOf(failed: FailureClass, tries: number, reason: string, since: number): Trouble | undefined {
  if (failed !== 'transient') return { class: 'systemic', reason, since };
  return tries > 1 ? { class: 'transient', reason, since } : undefined;
}

type News = 'nothing' | 'recovery' | 'commit';

/** How the database is doing, as far as the writers of this process know from their own tries. */
export class Condition {
  /** Transactions that applied events. */
  commits = 0;
  private readonly troubles = new Map<object, Trouble>();
  private readonly sleepers = new Map<() => void, News>();

  /** What keeps a writer from writing: what is the same for every event first, then what has lasted longest. */
  get trouble(): Trouble | undefined {
    const [first] = [...this.troubles.values()].sort(
      (a, b) => Number(b.class === 'systemic') - Number(a.class === 'systemic') || a.since - b.since,
    );
    return first;
  }

  /** A transaction applied events. */
  committed(): void {
    this.commits++;
    for (const [wake, on] of this.sleepers) if (on === 'commit') wake();
  }

  /** A writer cannot write. */
  begin(writer: object, trouble: Trouble): void {
    this.troubles.set(writer, trouble);
  }

  /** A writer that could not write can again; maybe the others can too. Returns whether it was in trouble. */
  end(writer: object): boolean {
    if (!this.troubles.delete(writer)) return false;
    this.answered();
    return true;
  }

  /** The database answers again, as somebody has found out: those that wait need not wait longer. */
  answered(): void {
    for (const [wake, on] of this.sleepers) if (on !== 'nothing') wake();
  }

  /** A writer that could not write gives up; that says nothing to the others. */
  leave(writer: object): void {
    this.troubles.delete(writer);
  }

  /**
   * Waits `ms` milliseconds, or less: until the signal is aborted, or there is such news of other writers.
   *
   * @param until recovery: one could not write and now can; commit: that, or one has written
   */
  async wait(ms: number, signal: AbortSignal, until: News): Promise<void> {
    if (signal.aborted) return;
    let wake: () => void = () => undefined;
    const woken = new Promise<void>((resolve) => (wake = resolve));
    const timer = setTimeout(wake, ms);
    this.sleepers.set(wake, until);
    signal.addEventListener('abort', wake, { once: true });
    await woken;
    clearTimeout(timer);
    this.sleepers.delete(wake);
    signal.removeEventListener('abort', wake);
  }
}
