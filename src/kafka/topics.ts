import { setTimeout as delay } from 'node:timers/promises';
import kafkajs, { type Admin } from 'kafkajs';
import { LeaderlessError } from './leaders.js';

export interface PartitionEnd {
  readonly topic: string;
  readonly partition: number;
  /** Offset of the first record that is still there. */
  readonly low: number;
  /** Offset behind the last record that can be read (the last stable offset): none of a transaction that is still open. */
  readonly high: number;
}

/** The same with what cannot be read yet. */
export interface LogEnd extends PartitionEnd {
  /** Offset behind the last record (the high watermark), also where transactions keep it from being read. */
  readonly last: number;
}

/** How many records of a partition transactions that are still open keep from being read. */
export function unstableOf({ high, last }: Pick<LogEnd, 'high' | 'last'>): number {
  return Math.max(0, last - high);
}

/** How many of several. */
export function unstableIn(ends: readonly LogEnd[]): number {
  return ends.reduce((sum, end) => sum + unstableOf(end), 0);
}

const LEADER_TRIES = 50;
const LEADER_DELAY_MS = 100;

/**
 * A topic that was just created is unknown to some brokers for a moment, and a partition that is new or moving has no leader:
 * kafkajs' admin gives up at once, we do not.
 */
export async function onceLed<T>(ask: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await ask();
    } catch (error) {
      const retriable = error instanceof kafkajs.KafkaJSError && error.retriable;
      if (!retriable || attempt === LEADER_TRIES) throw error;
      await delay(LEADER_DELAY_MS);
    }
  }
}

/** Waits until every broker that is asked knows topics that were created a moment ago, and who leads their partitions. */
export async function awaitLeaders(admin: Admin, topics: readonly string[]): Promise<void> {
  await onceLed(async () => {
    const found = await admin.fetchTopicMetadata({ topics: [...topics] });
    const unled = found.topics.flatMap(({ name: topic, partitions }) =>
      partitions.flatMap(({ partitionId: partition, leader }) => (leader < 0 ? [{ topic, partition }] : [])),
    );
    if (unled.length > 0) throw new LeaderlessError(unled);
  });
}

/** Offsets that a group has committed; partitions without one are left out. */
export async function committedOffsets(
  admin: Admin,
  groupId: string,
  topics: readonly string[],
): Promise<{ topic: string; partition: number; offset: number }[]> {
  // Of all topics: an admin client that was asked for one by name fails for every topic once that one is deleted.
  const fetched = await onceLed(() => admin.fetchOffsets({ groupId }));
  const wanted = new Set(topics);
  return fetched
    .filter(({ topic }) => wanted.has(topic))
    .flatMap(({ topic, partitions }) =>
      partitions
        .map(({ partition, offset }) => ({ topic, partition, offset: Number(offset) }))
        .filter(({ offset }) => offset >= 0),
    );
}
