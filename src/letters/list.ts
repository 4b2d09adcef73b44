import type { Opened } from './dlq-command.js';
import { matcherOf, typeOf, type LetterFilter } from './filter.js';
import type { LetterHead } from './letter-head.js';
import { idOf, look, newest, type Standing } from './newest.js';
import { originOf } from './dead-letter.js';
import type { UnreadableCount } from './summarize.js';
import { isoTime, type LetterState } from './summary.js';

/** One letter, in a line. */
export interface ListedLetter {
  /** `partition:offset` in the dead-letter topic, of an oversize letter `topic:partition:offset` of its message. */
  readonly id: string;
  readonly failedAt: string;
  readonly state: LetterState;
  readonly reason: string;
  readonly code: string;
  readonly path: string;
  readonly fingerprint: string;
  readonly eventType: string | null;
  readonly eventId: string | null;
  /** `topic:partition:offset` of the message. */
  readonly origin: string;
}

/** What `dbw dlq ls --json` prints. */
export interface DlqList {
  readonly topic: string;
  /** The newest first. */
  readonly letters: readonly ListedLetter[];
  /** How many there are, also those beyond the limit. */
  readonly found: number;
  readonly unreadable: readonly UnreadableCount[];
}

/** Keeps the newest of many letters: never more than twice as many as are wanted. */
class Newest {
  private kept: Standing<LetterHead>[] = [];
  found = 0;

  constructor(private readonly limit: number) {}

  add(one: Standing<LetterHead>): void {
    this.found++;
    this.kept.push(one);
    if (this.kept.length >= this.limit * 2 + 100) this.kept = this.list;
  }

  get list(): Standing<LetterHead>[] {
    const later = (a: Standing<LetterHead>, b: Standing<LetterHead>) => b.letter.failedAt - a.letter.failedAt;
    return [...this.kept].sort(later).slice(0, this.limit);
  }
}

/** The newest letters that fit, in one state or in all. */
export async function listLetters(
  opened: Opened,
  filter: LetterFilter,
  { state, limit }: { state: LetterState | 'all'; limit: number },
): Promise<DlqList> {
  const { topic, signal, prefix } = opened;
  const looked = await look(opened);
  const kept = new Newest(limit);
  for await (const some of newest(opened, topic.heads(signal), looked, matcherOf(filter, prefix))) {
    for (const one of some) if (state === 'all' || one.state === state) kept.add(one);
  }
  const letters = kept.list.map(({ letter, state: is }): ListedLetter => {
    const { failedAt, reason, code, path, fingerprint, eventId } = letter;
    const [id, eventType, origin] = [idOf(letter), typeOf(letter, prefix) ?? null, originOf(letter)];
    const when = isoTime(failedAt);
    return {
      id,
      failedAt: when,
      state: is,
      reason,
      code,
      path,
      fingerprint,
      eventType,
      eventId: eventId ?? null,
      origin,
    };
  });
  return { topic: topic.name, letters, found: kept.found, unreadable: looked.unreadable };
}
