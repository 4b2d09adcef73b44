import type { DataSource } from 'typeorm';
import { discardsOf, type Discard } from '../postgres/discards.js';
import { processedAmong } from '../postgres/processed.js';
import { Session } from '../postgres/session.js';
import { originOf } from './dead-letter.js';
import type { Opened } from './dlq-command.js';
import type { LetterHead } from './letter-head.js';
import { LetterIndex } from './letter-index.js';
import { startsOf, UnreadableCounts, type UnreadableCount } from './summarize.js';
import type { LetterState } from './summary.js';

/** What one reading of a dead-letter topic has told: which letters count, and what was set aside. */
export interface Looked {
  readonly index: LetterIndex;
  readonly unreadable: readonly UnreadableCount[];
  readonly discards: ReadonlyMap<string, Discard>;
}

/** Reads the topic once, to learn which letters are the newest of their messages. */
export async function look({ topic, servers, signal }: Opened): Promise<Looked> {
  const index = new LetterIndex(startsOf(topic), topic.records);
  const unreadable = new UnreadableCounts();
  for await (const slice of topic.heads(signal)) {
    for (const letter of slice.letters) index.add(letter);
    for (const { why, record } of slice.unreadable) unreadable.add(why, record);
  }
  return { index, unreadable: unreadable.list, discards: await discardsOf(servers.dataSource, topic.name) };
}

/** A letter, and how it stands. */
export interface Standing<L> {
  readonly letter: L;
  readonly state: LetterState;
}

/** How letters stand, in their order. */
export async function standings<L extends LetterHead>(
  dataSource: DataSource,
  letters: readonly L[],
  { discards, isForeign }: { discards: ReadonlyMap<string, Discard>; isForeign: (letter: L) => boolean },
): Promise<Standing<L>[]> {
  const ids = letters.flatMap(({ eventId }) => eventId ?? []);
  const processed = await Session.with(dataSource, (session) => processedAmong(session, ids));
  return letters.map((letter) => {
    const { eventId } = letter;
    if (isForeign(letter)) return { letter, state: 'foreign' };
    if (eventId !== undefined && processed.has(eventId)) return { letter, state: 'resolved' };
    return { letter, state: discards.has(originOf(letter)) ? 'discarded' : 'open' };
  });
}

/**
 * The letters that count and fit, with how they stand; many at a time, in the order of reading.
 *
 * @param slices a second reading of the topic, of heads or of whole letters
 */
export async function* newest<L extends LetterHead>(
  { topic, servers }: Opened,
  slices: AsyncIterable<{ readonly letters: readonly L[] }>,
  { index, discards }: Looked,
  matches: (letter: L) => boolean,
): AsyncGenerator<Standing<L>[]> {
  const isForeign = (letter: L) => topic.isForeign(letter);
  for await (const { letters } of slices) {
    const meant = letters.filter((letter) => matches(letter) && index.isNewest(letter));
    if (meant.length > 0) yield await standings(servers.dataSource, meant, { discards, isForeign });
  }
}

/** What a letter is called on the command line: its place in the topic, of an oversize one that of its message. */
export function idOf({ isOversize, origin, record }: LetterHead): string {
  return isOversize ? originOf({ origin }) : `${record.partition}:${record.offset}`;
}
