import type { DeadLetter } from '../letters/dead-letter.js';

/** What became of a letter, or would. */
export type Outcome =
  | 'applied'
  | 'alreadyApplied'
  | 'parked' // it waits for a row
  | 'deadAgain'
  | 'skipped' // discarded, replayed too often, foreign, or nothing in it
  | 'republished' // sent to its original topic
  | 'unclear'; // a rehearsal could not find out, for locks that others hold

/** What became of one letter, and why. */
export interface Fate {
  readonly letter: DeadLetter;
  readonly outcome: Outcome;
  /** Of what is dead again: reason, code and path; of what waits: the table; of what is skipped: what for. */
  readonly why?: string;
}

/** Letters that died of one cause and fared alike. */
export interface FateGroup {
  readonly fingerprint: string;
  readonly eventType: string | null;
  /** Why they died before. */
  readonly diedOf: string;
  readonly outcome: Outcome;
  readonly why: string | null;
  readonly count: number;
  /** One of them: `partition:offset` in the dead-letter topic, or the place of its message. */
  readonly example: string;
}

export type OutcomeCounts = Readonly<Record<Outcome, number>>;

const MOST_GROUPS = 1_000;

/** `reason code path`, without what is empty. */
export function causeOf({ reason, code, path }: { reason: string; code: string; path: string }): string {
  return [reason, code, path].filter((part) => part !== '').join(' ');
}

/** Where a letter is found again: what `dbw dlq show` takes. */
export function idOf({ isOversize, origin, record }: DeadLetter): string {
  return isOversize ? `${origin.topic}:${origin.partition}:${origin.offset}` : `${record.partition}:${record.offset}`;
}

/** Counts fates, by outcome, and by cause and outcome. */
export class Fates {
  readonly counts: Record<Outcome, number>;
  private readonly byCause = new Map<string, FateGroup & { count: number }>();

  /** @param before counts to go on from */
  constructor(before: Readonly<Record<string, number>> = {}) {
    const {
      applied = 0,
      alreadyApplied = 0,
      parked = 0,
      deadAgain = 0,
      skipped = 0,
      republished = 0,
      unclear = 0,
    } = before;
    this.counts = { applied, alreadyApplied, parked, deadAgain, skipped, republished, unclear };
  }

  add({ letter, outcome, why }: Fate): void {
    this.counts[outcome]++;
    const { fingerprint, eventType } = letter;
    const name = [fingerprint, outcome, why ?? ''].join('\0');
    const group = this.byCause.get(name);
    if (group) group.count++;
    else if (this.byCause.size < MOST_GROUPS) {
      const about = { fingerprint, eventType: eventType ?? null, diedOf: causeOf(letter), outcome, why: why ?? null };
      this.byCause.set(name, { ...about, count: 1, example: idOf(letter) });
    }
  }

  /** The most frequent first. */
  get groups(): readonly FateGroup[] {
    return [...this.byCause.values()].sort((a, b) => b.count - a.count);
  }
}
