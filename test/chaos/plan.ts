import { Random } from '../support/generator/random.js';
import type { Server } from '../support/services/index.js';

export type ServerName = Server['name'];

/** How a server is stopped: in good order, at once, or by kill -9. */
export type Manner = 'fast' | 'immediate' | 'kill';

/** One thing that goes wrong. Times in milliseconds; `slot` is the place of one of the four processes. */
export type Fault =
  | { readonly kind: 'kill' | 'term'; readonly slot: number; readonly ms: number }
  | { readonly kind: 'freeze'; readonly slot: number; readonly ms: number }
  | { readonly kind: 'more' | 'fewer'; readonly slot: number; readonly ms: 0 }
  | { readonly kind: 'stop'; readonly server: ServerName; readonly manner: Manner; readonly ms: number }
  | { readonly kind: 'delay'; readonly server: ServerName; readonly eachWayMs: number; readonly ms: number }
  | { readonly kind: 'blackhole'; readonly server: ServerName; readonly lost: boolean; readonly ms: number }
  | { readonly kind: 'refuse'; readonly server: ServerName; readonly ms: number }
  | { readonly kind: 'cut'; readonly server: ServerName; readonly ms: 0 }
  | { readonly kind: 'terminate' | 'flush'; readonly server: ServerName; readonly ms: 0 };

export interface Planned {
  /** Milliseconds after the start. */
  readonly atMs: number;
  readonly fault: Fault;
}

export const SLOTS = 4;
/** These are there from the start; never fewer. */
export const FEWEST = 2;
/** Longer than the session timeout of 15 s: the group has given the partitions to others when it wakes. */
const FROZEN_MS: Span = [17_000, 25_000];
const GAP_MS = 7_000;
/** After each round of all sorts there is time to work. */
const CALM_MS = 20_000;

type Span = readonly [from: number, to: number];
/** Draws a fault, or none where it makes no sense now. `present` are the slots with a process. */
type Card = (random: Random, present: Set<number>) => Fault | undefined;

const servers: readonly ServerName[] = ['kafka', 'postgres', 'redis'];

const cards: readonly Card[] = [
  (random, present) => ({ kind: 'kill', slot: random.pick([...present]), ms: span(random, [0, 3_000]) }),
  (random, present) => ({ kind: 'kill', slot: random.pick([...present]), ms: span(random, [0, 3_000]) }),
  (random, present) => ({ kind: 'term', slot: random.pick([...present]), ms: span(random, [0, 3_000]) }),
  (random, present) => ({ kind: 'freeze', slot: random.pick([...present]), ms: span(random, FROZEN_MS) }),
  (_random, present) => {
    const slot = Array.from({ length: SLOTS }, (_, i) => i).find((i) => !present.has(i));
    if (slot === undefined) return undefined;
    present.add(slot);
    return { kind: 'more', slot, ms: 0 };
  },
  (random, present) => {
    if (present.size <= FEWEST) return undefined;
    const slot = random.pick([...present]);
    present.delete(slot);
    return { kind: 'fewer', slot, ms: 0 };
  },
  stopping('postgres', 'fast', [500, 9_000]),
  stopping('postgres', 'immediate', [0, 6_000]),
  () => ({ kind: 'terminate', server: 'postgres', ms: 0 }),
  stopping('kafka', 'kill', [0, 8_000]),
  stopping('redis', 'kill', [0, 8_000]),
  () => ({ kind: 'flush', server: 'redis', ms: 0 }),
  ...servers.flatMap((server): Card[] => [
    (random) => ({ kind: 'delay', server, eachWayMs: random.between(20, 300), ms: span(random, [4_000, 15_000]) }),
    () => ({ kind: 'cut', server, ms: 0 }),
    (random) => ({ kind: 'blackhole', server, lost: random.chance(0.5), ms: span(random, [2_000, 35_000]) }),
    (random) => ({ kind: 'refuse', server, ms: span(random, [1_000, 8_000]) }),
  ]),
];

function stopping(server: ServerName, manner: Manner, away: Span): Card {
  return (random) => ({ kind: 'stop', server, manner, ms: span(random, away) });
}

function span(random: Random, [from, to]: Span): number {
  return random.between(from, to);
}

/** What a fault happens to: of two faults to the same the second waits for the end of the first. */
export function victimOf(fault: Fault): string {
  return 'slot' in fault ? `process ${fault.slot}` : fault.server;
}

/** The name of its sort, for the figures. */
export function sortOf(fault: Fault): string {
  if (fault.kind === 'stop') return `${fault.server} stop ${fault.manner}`;
  return 'slot' in fault ? `process ${fault.kind}` : `${fault.server} ${fault.kind}`;
}

/** Every fault of a run with its instant: all sorts before any comes again, at random, all over at the end. */
export function makePlan(seed: number, totalMs: number): Planned[] {
  const random = new Random(seed).fork(11);
  const present = new Set(Array.from({ length: FEWEST }, (_, i) => i));
  const busyUntil = new Map<string, number>();
  const plan: Planned[] = [];
  let deck: Card[] = [];
  for (let clock = 2_000; clock < totalMs; clock += Math.min(30_000, -Math.log(1 - random.unit()) * GAP_MS)) {
    if (deck.length === 0) {
      deck = random.shuffle(cards);
      if (plan.length > 0) clock += CALM_MS;
    }
    const fault = deck.pop()?.(random, present);
    if (!fault) continue;
    const victim = victimOf(fault);
    const atMs = Math.round(Math.max(clock, busyUntil.get(victim) ?? 0));
    if (atMs + fault.ms > totalMs) continue;
    busyUntil.set(victim, atMs + fault.ms + 1_000);
    plan.push({ atMs, fault });
  }
  return plan.sort((a, b) => a.atMs - b.atMs);
}
