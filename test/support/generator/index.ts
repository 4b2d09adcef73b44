import type { Message } from './message.js';
import { messageOf } from './message.js';
import { live } from './platform.js';
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
  /** The share of poison; above 0 there is one of each class at least. */
  poison?: number;
  start?: string;
}

/** A stream of messages as it might come from Kafka: the same options give the same bytes. */
export function generate(options: Options): Message[] {
  const random = new Random(options.seed);
  const { events, users = Math.max(10, Math.round(events / 25)) } = options;
  const start = Date.parse(options.start ?? '2024-01-01T00:00:00Z');
  return live(random.fork(1), { events, users, start }).map(messageOf);
}

/** The same items in an order that depends on the seed alone. */
export function shuffle<T>(items: readonly T[], seed: number): T[] {
  return new Random(seed).shuffle(items);
}
