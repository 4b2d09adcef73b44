import { setTimeout as delay } from 'node:timers/promises';
import type { Admin } from 'kafkajs';
import { committedOffsets, type PartitionEnd } from './kafka/topics.js';
import type { Positions } from './postgres/positions.js';

const POLL_MS = 100;

/**
 * Waits until a group has committed everything before these ends, in Kafka and in PostgreSQL. Whoever reads a partition
 * counts, so several processes may share the work.
 *
 * @param onProgress is told how many events are still to come
 */
export async function untilCommitted(
  admin: Admin,
  positions: Positions,
  groupId: string,
  ends: readonly PartitionEnd[],
  signal: AbortSignal,
  onProgress: (left: number) => void,
): Promise<void> {
  const filled = ends.filter(({ low, high }) => high > low);
  const topics = [...new Set(filled.map(({ topic }) => topic))];
  while (!signal.aborted && filled.length > 0) {
    const nameOf = (at: { topic: string; partition: number }) => `${at.topic}:${at.partition}`;
    const committed = new Map((await committedOffsets(admin, groupId, topics)).map((at) => [nameOf(at), at.offset]));
    const stored = new Map((await positions.load()).map((at) => [nameOf(at), at.next]));
    let left = 0;
    for (const end of filled) {
      const offset = committed.get(nameOf(end)) ?? end.low;
      // Kafka's offset alone proves nothing: the database may have been restored to an earlier day.
      const position = Math.min(offset, stored.get(nameOf(end)) ?? offset);
      left += Math.max(0, end.high - Math.max(position, end.low));
    }
    onProgress(left);
    if (left === 0) return;
    await delay(POLL_MS, undefined, { signal }).catch(() => undefined);
  }
}
