import { originOf } from './dead-letter.js';
import { typeOf } from './filter.js';
import type { LetterHead } from './letter-head.js';
import { LetterIndex } from './letter-index.js';

/** How a letter stands: processed since, set aside, from a topic that is not ours, or none of these. */
export type LetterState = 'open' | 'resolved' | 'discarded' | 'foreign';

const STATES: readonly LetterState[] = ['open', 'resolved', 'discarded', 'foreign'];
const [OPEN, RESOLVED, DISCARDED, FOREIGN] = [0, 1, 2, 3] as const;
/** Of a message whose newest letter is not meant by the filter. */
const NO_GROUP = -1;
const HOUR = 3_600_000;
const HOURS = 24;

/** Letters that died of one cause. */
export interface LetterGroup {
  readonly fingerprint: string;
  readonly reason: string;
  /** What the messages said, or where they said none, what their topic carries. */
  readonly eventType: string | null;
  readonly code: string;
  readonly path: string;
  readonly count: number;
  readonly open: number;
  readonly resolved: number;
  readonly discarded: number;
  readonly foreign: number;
  /** ISO 8601: the first time that one of them died, and the last. */
  readonly firstSeen: string;
  readonly lastSeen: string;
  /** The newest that is open, if one is: `partition:offset`, of an oversize one `topic:partition:offset` of its origin. */
  readonly example: string;
  /** How many died in each of the last 24 hours, the latest last. */
  readonly hours: readonly number[];
}

type Head = Pick<LetterGroup, 'fingerprint' | 'reason' | 'eventType' | 'code' | 'path'>;

interface Context {
  readonly starts: ReadonlyMap<number, number>;
  readonly prefix: string;
  readonly matches: (letter: LetterHead) => boolean;
  readonly isForeign: (letter: LetterHead) => boolean;
  /** What was set aside, by `originOf`. */
  readonly discards: ReadonlySet<string>;
  /** Messages that there may be. */
  readonly expected: number;
}

/** Counts letters by cause, while they are read: some fifty bytes a message, and no letter is kept. */
export class LetterCounts {
  readonly index: LetterIndex;
  private readonly groups = new Map<string, number>();
  private readonly heads: Head[] = [];
  /** By the slot of the message. */
  private group: Int32Array;
  private state: Uint8Array;
  private failedAt: Float64Array;
  private firstFailedAt: Float64Array;
  private readonly oversize = new Map<number, string>();
  /** Letters that were read. */
  read = 0;

  constructor(private readonly context: Context) {
    const { starts, expected } = context;
    this.index = new LetterIndex(starts, expected);
    const length = Math.max(expected, 1024);
    this.group = new Int32Array(length);
    this.state = new Uint8Array(length);
    this.failedAt = new Float64Array(length);
    this.firstFailedAt = new Float64Array(length);
  }

  /**
   * A letter was read.
   *
   * @returns the slot of its message, where it must be asked whether its event has been processed since
   */
  add(letter: LetterHead): number | undefined {
    const { discards, isForeign, matches } = this.context;
    this.read++;
    const newest = this.index.add(letter);
    if (newest === undefined) return undefined;
    const { slot, isNew } = newest;
    this.grow();
    if (letter.isOversize) this.oversize.set(slot, originOf(letter));
    else if (!isNew) this.oversize.delete(slot);
    if (!matches(letter)) {
      this.group[slot] = NO_GROUP;
      return undefined;
    }
    this.group[slot] = this.groupOf(letter);
    this.failedAt[slot] = letter.failedAt;
    this.firstFailedAt[slot] = letter.firstFailedAt;
    const isDiscarded = discards.size > 0 && discards.has(originOf(letter));
    const state = isForeign(letter) ? FOREIGN : isDiscarded ? DISCARDED : OPEN;
    this.state[slot] = state;
    return state === FOREIGN || letter.eventId === undefined ? undefined : slot;
  }

  private grow(): void {
    if (this.index.size <= this.group.length) return;
    const length = this.group.length * 2;
    const { group, state, failedAt, firstFailedAt } = this;
    (this.group = new Int32Array(length)).set(group);
    (this.state = new Uint8Array(length)).set(state);
    (this.failedAt = new Float64Array(length)).set(failedAt);
    (this.firstFailedAt = new Float64Array(length)).set(firstFailedAt);
  }

  /** The event of a message has been processed. */
  resolve(slot: number): void {
    this.state[slot] = RESOLVED;
  }

  private groupOf(letter: LetterHead): number {
    const { fingerprint, reason, code, path } = letter;
    const held = this.groups.get(fingerprint);
    if (held !== undefined) return held;
    // Indexes of arrays differ from letter to letter of one cause.
    const place = path.replace(/\/\d+(?=\/|$)/g, '/*');
    const head = { fingerprint, reason, eventType: typeOf(letter, this.context.prefix) ?? null, code, path: place };
    this.groups.set(fingerprint, this.heads.length);
    return this.heads.push(head) - 1;
  }

  private idOf(slot: number): string {
    const { partition, offset } = this.index.placeAt(slot);
    return this.oversize.get(slot) ?? `${partition}:${offset}`;
  }

  /**
   * The causes, those with the most open letters first.
   *
   * @param now milliseconds since 1970
   */
  summarize(now: number): LetterGroup[] {
    const tallies = this.heads.map(() => new Tally());
    for (let slot = 0; slot < this.index.size; slot++) {
      const [group = NO_GROUP, state = 0] = [this.group[slot], this.state[slot]];
      tallies[group]?.add(slot, state, this.failedAt[slot] ?? 0, this.firstFailedAt[slot] ?? 0, now);
    }
    const groups = this.heads.flatMap((head, i): LetterGroup[] => {
      const tally = tallies[i];
      return tally && tally.count > 0 ? [{ ...head, ...tally.told((slot) => this.idOf(slot)) }] : [];
    });
    return groups.sort((a, b) => b.open - a.open || b.count - a.count || (a.fingerprint < b.fingerprint ? -1 : 1));
  }
}

/** The letters of one cause, counted. */
class Tally {
  count = 0;
  private readonly states = STATES.map(() => 0);
  private readonly hours = Array.from({ length: HOURS }, () => 0);
  private first = Infinity;
  private last = -Infinity;
  private example = { slot: 0, isOpen: false, at: -Infinity };

  add(slot: number, state: number, failedAt: number, firstFailedAt: number, now: number): void {
    this.count++;
    this.states[state] = (this.states[state] ?? 0) + 1;
    this.first = Math.min(this.first, firstFailedAt, failedAt);
    this.last = Math.max(this.last, failedAt);
    // Clocks differ: what died a moment ahead of ours died in this hour.
    const ago = Math.max(0, Math.floor((now - failedAt) / HOUR));
    if (ago < HOURS) this.hours[HOURS - 1 - ago] = (this.hours[HOURS - 1 - ago] ?? 0) + 1;
    const isOpen = state === OPEN;
    const { example } = this;
    if (isOpen === example.isOpen ? failedAt >= example.at : isOpen) this.example = { slot, isOpen, at: failedAt };
  }

  told(idOf: (slot: number) => string): Omit<LetterGroup, keyof Head> {
    const [open = 0, resolved = 0, discarded = 0, foreign = 0] = this.states;
    const [firstSeen, lastSeen] = [isoTime(this.first), isoTime(this.last)];
    const { count, hours } = this;
    return { count, open, resolved, discarded, foreign, firstSeen, lastSeen, example: idOf(this.example.slot), hours };
  }
}

/** A time as JSON has it; what no calendar holds, which only others' letters can say, is the end of ours. */
export function isoTime(millis: number): string {
  return new Date(Math.min(Math.max(millis, 0), 253_402_300_799_999)).toISOString();
}
