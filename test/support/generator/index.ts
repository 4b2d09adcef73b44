import { disorder, redeliver } from './delivery.js';
import type { Message } from './message.js';
import { messageOf } from './message.js';
import { live } from './platform.js';
import { CLASSES, strew } from './poison.js';
import { Random } from './random.js';

export type { Message } from './message.js';
export { KEYS, TYPES, keyOf, messageOf } from './message.js';
export { posts } from './posts.js';

export interface Options {
  seed: number;
  /** How many things happen on the platform; redeliveries and poison come on top. */
  events: number;
  users?: number;
  /** The share of messages that are delivered again. */
  duplicates?: number;
  /** The share of messages that come out of order. */
  disorder?: number;
  /**
   * The share of poison; above 0 there is one of each class at least, some 150 of them to be refused. In a stream of a few
   * hundred events that is most of what some topics hold, and enough for a breaker to open.
   */
  poison?: number;
  start?: string;
}

/** A stream of messages as it might come from Kafka: the same options give the same bytes. */
export function generate(options: Options): Message[] {
  const random = new Random(options.seed);
  const { events, users = Math.max(10, Math.round(events / 25)) } = options;
  const start = Date.parse(options.start ?? '2024-01-01T00:00:00Z');
  const share = (part: number | undefined, standard: number) => Math.round((part ?? standard) * events);

  const happened = live(random.fork(1), { events, users, start }).map(messageOf);
  // Each part has its own chance: what happens on the platform is the same with and without poison and disorder.
  const spoiled = options.poison === 0 ? 0 : Math.max(share(options.poison, 0.01), CLASSES.length);
  const strewn = strew(random.fork(2), happened, spoiled);
  const disordered = disorder(random.fork(3), strewn, share(options.disorder, 0.02));
  return redeliver(random.fork(4), disordered, share(options.duplicates, 0.05));
}

/** The same items in an order that depends on the seed alone. */
export function shuffle<T>(items: readonly T[], seed: number): T[] {
  return new Random(seed).shuffle(items);
}
