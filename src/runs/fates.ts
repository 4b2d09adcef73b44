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

/** What a letter died of, and what it was. */
type Cause = Pick<DeadLetter, 'fingerprint' | 'eventType' | 'reason' | 'code' | 'path'>;

/** `reason code path`, without what is empty. */
export function causeOf({ reason, code, path }: { reason: string; code: string; path: string }): string {
  return [reason, code, path].filter((part) => part !== '').join(' ');
}

/** Where a letter is found again: what `dbw dlq show` takes. */
export function idOf({ isOversize, origin, record }: DeadLetter): string {
  return isOversize ? `${origin.topic}:${origin.partition}:${origin.offset}` : `${record.partition}:${record.offset}`;
}

type Counted = FateGroup & { count: number };

/** Counts fates, by outcome, and by cause and outcome. */
export class Fates {
  readonly counts: Record<Outcome, number>;
  private readonly byCause = new Map<string, Counted>();
  /** Letters that wait for a row, by the id of their event: it may come with a later letter. */
  private readonly waiting = new Map<string, { letter: Cause; group: Counted | undefined }>();

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
    const group = this.count(letter, outcome, why ?? null, idOf(letter));
    if (outcome === 'parked') this.mayCome(letter, group);
  }

  /** A letter was counted as parked, maybe by whoever was interrupted: what it waits for may come. */
  mayCome(letter: DeadLetter, group?: Counted): void {
    const { eventId, fingerprint, eventType, reason, code, path } = letter;
    if (eventId === undefined) return;
    this.waiting.set(eventId, { letter: { fingerprint, eventType, reason, code, path }, group });
  }

  private count(about: Cause, outcome: Outcome, why: string | null, example: string): Counted | undefined {
    const { fingerprint, eventType } = about;
    const name = [fingerprint, outcome, why ?? ''].join('\0');
    const held = this.byCause.get(name);
    if (held) held.count++;
    else if (this.byCause.size < MOST_GROUPS) {
      const diedOf = causeOf(about);
      this.byCause.set(name, { fingerprint, eventType: eventType ?? null, diedOf, outcome, why, count: 1, example });
    }
    return held ?? this.byCause.get(name);
  }

  /** Events that wait for a row. */
  get waitingIds(): string[] {
    return [...this.waiting.keys()];
  }

  /** What these waited for came with a later letter: they are applied, or would be. */
  came(eventIds: Iterable<string>): void {
    for (const id of eventIds) {
      const one = this.waiting.get(id);
      if (!one) continue;
      this.waiting.delete(id);
      this.counts.parked--;
      this.counts.applied++;
      if (one.group) one.group.count--;
      this.count(one.letter, 'applied', null, one.group?.example ?? '');
    }
  }

  /** The most frequent first. */
  get groups(): readonly FateGroup[] {
    return [...this.byCause.values()].filter(({ count }) => count > 0).sort((a, b) => b.count - a.count);
  }
}
