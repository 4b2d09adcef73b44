import type { Vitals } from './vitals.js';

/** How far behind the partitions of one topic are that this process reads. */
export interface TopicLag {
  partitions: number;
  events: number;
  /** Events that cannot be read yet. */
  unstable: number;
  /** For how long the next event has waited: the greatest of the partitions. */
  seconds: number;
  /** How many partitions are not read on purpose. */
  held: number;
}

/** By topic, for all topics of which this process reads a partition. */
export function lagByTopic({ partitions }: Pick<Vitals, 'partitions'>): Map<string, TopicLag> {
  const topics = new Map<string, TopicLag>();
  for (const { topic, lag, seconds, held, unstable } of partitions) {
    let known = topics.get(topic);
    if (!known) topics.set(topic, (known = { partitions: 0, events: 0, unstable: 0, seconds: 0, held: 0 }));
    known.partitions++;
    known.events += lag;
    known.unstable += unstable ?? 0;
    known.seconds = Math.max(known.seconds, seconds);
    if (held !== undefined) known.held++;
  }
  return topics;
}
