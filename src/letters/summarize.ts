import { showProgress } from '../progress.js';
import { discardsOf } from '../postgres/discards.js';
import type { Opened } from './dlq-command.js';
import { matcherOf, type LetterFilter } from './filter.js';
import type { LetterTopic } from './letter-topic.js';
import { ResolvedQuestions } from './resolved.js';
import { LetterCounts, type LetterGroup } from './summary.js';

/** What `dbw dlq summary --json` prints. */
export interface DlqSummary {
  readonly topic: string;
  /** Messages that died, each once however often it did. */
  readonly letters: number;
  readonly open: number;
  readonly resolved: number;
  readonly discarded: number;
  readonly foreign: number;
  /** Letters before the newest of a message. */
  readonly superseded: number;
  readonly unreadable: readonly UnreadableCount[];
  /** By cause, those with the most open letters first. */
  readonly causes: readonly LetterGroup[];
}

/** Records that are no letters, and why. */
export interface UnreadableCount {
  readonly why: string;
  readonly count: number;
  /** `partition:offset` of the first. */
  readonly example: string;
}

/** Counts records that are no letters, by why. */
export class UnreadableCounts {
  private readonly counts = new Map<string, { count: number; example: string }>();

  add(why: string, { partition, offset }: { partition: number; offset: number }): void {
    const held = this.counts.get(why);
    if (held) held.count++;
    else this.counts.set(why, { count: 1, example: `${partition}:${offset}` });
  }

  get list(): UnreadableCount[] {
    return [...this.counts].map(([why, count]) => ({ why, ...count }));
  }
}

/** Where each partition of a dead-letter topic begins, as LetterIndex wants it. */
export function startsOf(topic: LetterTopic): ReadonlyMap<number, number> {
  return new Map([...topic.ranges.map(({ partition, from }) => [partition, from] as const), [-1, 0]]);
}

/** Reads a dead-letter topic once and counts its letters by cause. */
export async function summarize(opened: Opened, filter: LetterFilter, now = Date.now()): Promise<DlqSummary> {
  const { servers, topic, prefix, signal } = opened;
  const counts = new LetterCounts({
    starts: startsOf(topic),
    prefix,
    matches: matcherOf(filter, prefix),
    isForeign: (letter) => topic.isForeign(letter),
    discards: new Set((await discardsOf(servers.dataSource, topic.name)).keys()),
    expected: topic.records,
  });
  const unreadable = new UnreadableCounts();
  const questions = new ResolvedQuestions(servers.dataSource, (slot) => {
    counts.resolve(slot);
  });
  const progress = showProgress(`Reading ${topic.name}`);
  try {
    let done = 0;
    for await (const { letters, unreadable: strange } of topic.heads(signal)) {
      for (const letter of letters) {
        const slot = counts.add(letter);
        if (slot !== undefined && letter.eventId !== undefined) questions.add(letter.eventId, slot);
      }
      for (const { why, record } of strange) unreadable.add(why, record);
      await questions.ready();
      done += letters.length + strange.length;
      progress.update({ messages: done, left: Math.max(0, topic.records - done) });
    }
    await questions.end();
  } finally {
    await progress.stop();
  }
  const causes = counts.summarize(now);
  const sum = (of: 'count' | 'open' | 'resolved' | 'discarded' | 'foreign') =>
    causes.reduce((total, cause) => total + cause[of], 0);
  return {
    topic: topic.name,
    letters: sum('count'),
    ...{ open: sum('open'), resolved: sum('resolved'), discarded: sum('discarded'), foreign: sum('foreign') },
    superseded: counts.read - counts.index.size,
    unreadable: unreadable.list,
    causes,
  };
}
