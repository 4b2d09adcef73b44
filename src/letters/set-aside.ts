import { discard } from '../postgres/discards.js';
import type { Opened } from './dlq-command.js';
import { matcherOf, type LetterFilter } from './filter.js';
import { findLetter } from './find.js';
import type { LetterHead } from './letter-head.js';
import { look, newest, standings, type Standing } from './newest.js';
import { causeOf } from './summary-text.js';
import { discardsOf } from '../postgres/discards.js';

const BATCH = 5_000;

/** What `dbw dlq discard --json` prints. */
export interface DlqDiscard {
  readonly topic: string;
  /** Letters that were set aside now. */
  readonly discarded: number;
  /** What was left out of those that were meant, by how it stands. */
  readonly resolved: number;
  readonly alreadyDiscarded: number;
  readonly foreign: number;
  /** The causes of what was set aside. */
  readonly causes: readonly { readonly fingerprint: string; readonly cause: string; readonly count: number }[];
}

/** Which letters are meant: those of a filter, or just these. */
export type Meant = { readonly filter: LetterFilter } | { readonly ids: readonly string[] };

/** How each of the letters that are meant stands, many at a time; the same again each time it is called. */
async function standing(opened: Opened, meant: Meant): Promise<() => AsyncIterable<Standing<LetterHead>[]>> {
  const { servers, topic, signal, prefix } = opened;
  if ('filter' in meant) {
    const looked = await look(opened);
    const matches = matcherOf(meant.filter, prefix);
    return () => newest(opened, topic.heads(signal), looked, matches);
  }
  const letters: LetterHead[] = [];
  for (const id of new Set(meant.ids)) letters.push((await findLetter(opened, id)).letter);
  const discards = await discardsOf(servers.dataSource, topic.name);
  const isForeign = (letter: LetterHead) => topic.isForeign(letter);
  const stand = await standings(servers.dataSource, letters, { discards, isForeign });
  return async function* () {
    yield await Promise.resolve(stand);
  };
}

/**
 * Sets letters aside that are open.
 *
 * @param agree asked before anything is changed; throws where it shall not be
 */
export async function setAside(
  opened: Opened,
  meant: Meant,
  reason: string,
  agree: (plan: DlqDiscard) => Promise<void>,
): Promise<DlqDiscard> {
  const { servers, topic, signal } = opened;
  const read = await standing(opened, meant);
  const counts = { open: 0, resolved: 0, discarded: 0, foreign: 0 };
  const causes = new Map<string, { cause: string; count: number }>();
  for await (const some of read()) {
    for (const { letter, state } of some) {
      counts[state]++;
      if (state !== 'open') continue;
      const { fingerprint, eventType = null } = letter;
      const held = causes.get(fingerprint);
      if (held) held.count++;
      else causes.set(fingerprint, { cause: causeOf({ ...letter, eventType }), count: 1 });
    }
  }
  const plan: DlqDiscard = {
    topic: topic.name,
    discarded: counts.open,
    ...{ resolved: counts.resolved, alreadyDiscarded: counts.discarded, foreign: counts.foreign },
    causes: [...causes].map(([fingerprint, cause]) => ({ fingerprint, ...cause })).sort((a, b) => b.count - a.count),
  };
  if (counts.open === 0 || signal.aborted) return plan;
  await agree(plan);
  let discarded = 0;
  for await (const some of read()) {
    const open = some.flatMap(({ letter, state }) => (state === 'open' ? [letter] : []));
    for (let start = 0; start < open.length; start += BATCH) {
      discarded += await discard(servers.dataSource, topic.name, open.slice(start, start + BATCH), reason);
    }
  }
  return { ...plan, discarded };
}
