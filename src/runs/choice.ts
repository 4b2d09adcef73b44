import type { Fate } from './fates.js';
import type { DataSource } from 'typeorm';
import { originOf, type DeadLetter } from '../letters/dead-letter.js';
import { LetterIndex } from '../letters/letter-index.js';
import type { LetterTopic } from '../letters/letter-topic.js';
import { processedAmong } from '../postgres/processed.js';
import { Session } from '../postgres/session.js';

/** What a replay has to do with a letter. */
export type Standing =
  | 'superseded' // a newer letter of the same message counts
  | 'unmatched' // the filters leave it out
  | 'open' // to be tried
  | 'resolved' // its event was processed meanwhile
  | 'discarded'
  | 'exhausted' // replayed in vain as often as is allowed
  | 'foreign'; // its message came from a topic that is not ours

const STANDINGS: readonly Standing[] = [
  ...(['superseded', 'unmatched', 'open', 'resolved', 'discarded', 'exhausted', 'foreign'] as const),
];
const codeOf = (standing: Standing) => STANDINGS.indexOf(standing);

interface Criteria {
  readonly matches: (letter: DeadLetter) => boolean;
  readonly maxReplays: number;
  /** Letters that were set aside, by `originOf`. */
  readonly discards: ReadonlyMap<string, unknown>;
}

interface Options {
  readonly signal: AbortSignal;
  /** Where each partition was reached before; letters before that were tried. */
  readonly reached?: ReadonlyMap<number, number>;
  readonly onRead?: (records: number) => void;
}

const ASK = 5_000;

/**
 * Looks at every letter of a topic once, to know which of them a replay has to try: of several letters of one message the
 * newest counts, and what was processed since is left alone.
 */
export class Choice {
  private readonly index: LetterIndex;
  private standings = new Uint8Array(1024);
  /** Letters that were tried before and are still open, by the id of their event: they may wait. */
  readonly triedBefore = new Map<string, DeadLetter>();
  private readonly asked: { slot: number; eventId: string }[] = [];
  /** Records that are no letters, or of a version that is not known; the first of them, and why. */
  unreadable = 0;
  strangest: string | undefined;

  private constructor(
    private readonly topic: LetterTopic,
    private readonly dataSource: DataSource,
    private readonly criteria: Criteria,
    private readonly reached: ReadonlyMap<number, number>,
  ) {
    const starts = topic.ranges.map(({ partition, from }): [number, number] => [partition, from]);
    this.index = new LetterIndex(new Map([...starts, [-1, 0]]));
  }

  /** @throws where Kafka or PostgreSQL cannot be read; ends early, with what is known, when the signal is aborted */
  static async among(
    topic: LetterTopic,
    dataSource: DataSource,
    criteria: Criteria,
    options: Options,
  ): Promise<Choice> {
    const choice = new Choice(topic, dataSource, criteria, options.reached ?? new Map<number, number>());
    let asking: Promise<void> = Promise.resolve();
    let read = 0;
    for await (const { letters, unreadable } of topic.read({ signal: options.signal })) {
      for (const letter of letters) choice.look(letter);
      choice.unreadable += unreadable.length;
      choice.strangest ??= unreadable[0]?.why;
      read += letters.length + unreadable.length;
      options.onRead?.(read);
      if (choice.asked.length < ASK) continue;
      // PostgreSQL answers while Kafka is read on.
      await asking;
      asking = choice.settle();
      asking.catch(() => undefined);
    }
    await asking;
    while (choice.asked.length > 0) await choice.settle();
    return choice;
  }

  private look(letter: DeadLetter): void {
    const found = this.index.add(letter);
    if (!found) return;
    const { slot } = found;
    if (slot >= this.standings.length) {
      const wider = new Uint8Array(this.standings.length * 2);
      wider.set(this.standings);
      this.standings = wider;
    }
    const standing = this.judge(letter);
    this.standings[slot] = codeOf(standing);
    if (standing !== 'open' || letter.eventId === undefined) return;
    this.asked.push({ slot, eventId: letter.eventId });
    const { record, isOversize } = letter;
    if (!isOversize && record.offset < (this.reached.get(record.partition) ?? 0)) {
      this.triedBefore.set(letter.eventId, { ...letter, record: { ...record, value: null, headers: [] } });
    }
  }

  private judge(letter: DeadLetter): Standing {
    const { matches, maxReplays, discards } = this.criteria;
    if (!matches(letter)) return 'unmatched';
    if (this.topic.isForeign(letter)) return 'foreign';
    if (discards.has(originOf(letter))) return 'discarded';
    return letter.replays >= maxReplays ? 'exhausted' : 'open';
  }

  /** Asks which of the events that were seen have been processed. */
  private async settle(): Promise<void> {
    const asked = this.asked.splice(0, ASK);
    const ids = asked.map(({ eventId }) => eventId);
    const processed = await Session.with(this.dataSource, (session) => processedAmong(session, ids));
    for (const { slot, eventId } of asked) {
      if (!processed.has(eventId)) continue;
      this.triedBefore.delete(eventId);
      // A newer letter may have come meanwhile that is not to be tried.
      if (this.standings[slot] === codeOf('open')) this.standings[slot] = codeOf('resolved');
    }
  }

  /** What is to be done with a letter of the topic. */
  of(letter: DeadLetter): Standing {
    const slot = this.index.slotOf(letter);
    return slot === undefined ? 'superseded' : (STANDINGS[this.standings[slot] ?? 0] ?? 'superseded');
  }

  /** How many messages stand so, of those whose letters were reached before. */
  before(standing: Standing): number {
    let count = 0;
    for (let slot = 0; slot < this.index.size; slot++) {
      const { partition, offset } = this.index.placeAt(slot);
      if (this.standings[slot] === codeOf(standing) && offset < (this.reached.get(partition) ?? 0)) count++;
    }
    return count;
  }

  /** How many messages stand how. */
  get counts(): Readonly<Record<Standing, number>> {
    const counts = { superseded: 0, unmatched: 0, open: 0, resolved: 0, discarded: 0, exhausted: 0, foreign: 0 };
    for (let slot = 0; slot < this.index.size; slot++) {
      const standing = STANDINGS[this.standings[slot] ?? 0];
      if (standing) counts[standing]++;
    }
    return counts;
  }
}

/** The fate of a letter that is not tried; none where it does not count. */
export function passedOver(letter: DeadLetter, standing: Standing): Fate[] {
  if (standing === 'superseded' || standing === 'unmatched') return [];
  if (standing === 'resolved') return [{ letter, outcome: 'alreadyApplied' }];
  return [{ letter, outcome: 'skipped', why: standing === 'exhausted' ? 'replayed too often' : standing }];
}
