import type { Refusal } from './decode.js';
import type { Written } from './store.js';

export type Outcome = 'applied' | 'duplicate' | 'collision' | 'parked' | 'dead_letter' | 'tombstone';

/** What became of the events of this process, counted since its start. */
export class Tally {
  readonly byOutcome: Record<Outcome, number> = {
    applied: 0,
    duplicate: 0,
    collision: 0,
    parked: 0,
    dead_letter: 0,
    tombstone: 0,
  };
  readonly deadLettersByReason = new Map<string, number>();
  batches = 0;
  messages = 0;
  /** Creations of one row at one time with different content, where arrival decided. */
  ties = 0;
  retries = 0;
  lastProcessed: Date | undefined;

  count(outcome: Outcome, by = 1): void {
    this.byOutcome[outcome] += by;
  }

  refused(refusals: readonly Refusal[]): void {
    this.count('dead_letter', refusals.length);
    for (const { reason } of refusals) {
      this.deadLettersByReason.set(reason, (this.deadLettersByReason.get(reason) ?? 0) + 1);
    }
  }

  written({ applied, duplicates, collisions, waiting, ties }: Written): void {
    this.count('applied', applied.length);
    this.count('duplicate', duplicates.length);
    this.count('collision', collisions.length);
    this.count('parked', waiting.length);
    this.ties += ties;
    this.lastProcessed = new Date();
  }
}
