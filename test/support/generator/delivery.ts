import { EVENTS } from '../model/events.js';
import type { Message } from './message.js';
import type { Random } from './random.js';

/** Two messages whose order is about to go wrong: by rights `first` comes before `then`. */
interface Link {
  first: number;
  then: number;
}

/**
 * Delivers some messages out of order. `early`: a child before its parent, or a change before its creation; `late`: the
 * other way about, a creation that is held up until the first event that needs it has passed; `inverted`: of two changes of
 * the same columns the later one first.
 */
export function disorder(random: Random, messages: readonly Message[], count: number): Message[] {
  const { needs, firstNeeds, rivals } = links(messages);
  const moved = new Map<number, { position: number; label: string }>();
  // Both ends of a link stay where they are once it is inverted, or the next might put it right again.
  const settled = new Set<number>();
  for (let i = 0; i < count; i++) {
    const label = ['early', 'inverted', 'early', 'late'][i % 4] ?? 'early';
    const pool = label === 'early' ? needs : label === 'late' ? firstNeeds : rivals;
    if (pool.length === 0) continue;
    const { first, then } = random.pick(pool);
    if (settled.has(first) || settled.has(then)) continue;
    settled.add(first).add(then);
    if (label === 'late') moved.set(first, { position: then + 0.5, label });
    else moved.set(then, { position: first - 0.5, label });
  }
  return arrange(
    messages.map((message, index) => {
      const move = moved.get(index);
      return move
        ? { position: move.position, message: { ...message, label: move.label } }
        : { position: index, message };
    }),
  );
}

/** Delivers some messages again: single ones after a while, and whole runs as after a crash. */
export function redeliver(random: Random, messages: readonly Message[], count: number): Message[] {
  const placed = messages.map((message, position) => ({ position, message }));
  if (!messages.some(({ expect }) => expect === 'apply')) return [...messages];
  for (let left = count; left > 0;) {
    const from = random.below(messages.length);
    const burst = random.chance(0.05);
    const to = from + (burst ? Math.min(left, random.between(5, 20)) : 1);
    const run = messages.slice(from, to).filter(({ expect }) => expect === 'apply');
    const rest = messages.length - from;
    const after = burst ? to - from : random.below(random.pick([Math.min(5, rest), Math.min(500, rest), rest]));
    const label = burst ? 'burst' : 'redelivery';
    run.forEach((message, n) => {
      placed.push({ position: from + after + 0.5 + n / 100, message: { ...message, expect: 'duplicate', label } });
    });
    left -= run.length;
  }
  return arrange(placed);
}

function arrange(placed: { position: number; message: Message }[]): Message[] {
  return placed.sort((a, b) => a.position - b.position).map(({ message }) => message);
}

/** Which events need a row that an earlier one makes, which do so first, and which overwrite a column of an earlier one. */
function links(messages: readonly Message[]): Record<'needs' | 'firstNeeds' | 'rivals', Link[]> {
  const [needs, firstNeeds, rivals] = [new Array<Link>(), new Array<Link>(), new Array<Link>()];
  const [makers, needed, writers] = [new Map<string, number>(), new Set<number>(), new Map<string, number>()];
  messages.forEach(({ event, label }, then) => {
    const meaning = event && !label ? EVENTS[event.eventType]?.(event.data, event.timestamp) : undefined;
    if (!meaning) return;
    const parents = meaning.needs.map((ref) => makers.get(ref.join()) ?? -1);
    // The nearest is the one that might be overtaken; nothing overtakes a creation of last year.
    const first = Math.max(-1, ...parents);
    if (first >= 0) needs.push({ first, then });
    for (const parent of parents) {
      if (parent >= 0 && !needed.has(parent)) firstNeeds.push({ first: parent, then });
      needed.add(parent);
    }
    for (const { ref, latest } of meaning.writes) {
      // In causal order the first to write a row is who makes it.
      if (!makers.has(ref.join())) makers.set(ref.join(), then);
      for (const column of Object.keys(latest ?? {})) {
        const name = [...ref, column].join();
        const before = writers.get(name);
        if (before !== undefined && rivals.at(-1)?.then !== then) rivals.push({ first: before, then });
        writers.set(name, then);
      }
    }
  });
  return { needs, firstNeeds, rivals };
}
