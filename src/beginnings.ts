import type { Admin } from 'kafkajs';
import { committedOffsets } from './kafka/topics.js';
import type { Position } from './offsets.js';
import type { Positions } from './postgres/positions.js';

export interface Assigned {
  readonly topic: string;
  readonly partition: number;
}

export interface Beginnings {
  /** Where each partition with a committed offset is read from; the others begin at their earliest record. */
  readonly starts: readonly Position[];
  /** Those of them where PostgreSQL is behind Kafka's offset: a backup was restored, or a fail-over lost the last commits. */
  readonly behind: Position[];
}

/**
 * Where to begin to read: the lesser of Kafka's committed offset and the position in PostgreSQL. Kafka's alone may stand
 * for rows that are no longer there.
 */
export async function beginnings(
  admin: Admin,
  positions: Positions,
  groupId: string,
  assigned: readonly Assigned[],
): Promise<Beginnings> {
  const nameOf = ({ topic, partition }: Assigned) => `${topic}:${partition}`;
  const topics = [...new Set(assigned.map(({ topic }) => topic))];
  if (topics.length === 0) return { starts: [], behind: [] };
  const mine = new Set(assigned.map(nameOf));
  const committed = (await committedOffsets(admin, groupId, topics)).filter((at) => mine.has(nameOf(at)));
  const stored = new Map((await positions.load()).map((at) => [nameOf(at), at.next]));
  const starts = committed.map(({ topic, partition, offset }) => {
    const next = Math.min(offset, stored.get(nameOf({ topic, partition })) ?? offset);
    return { topic, partition, next, committed: offset };
  });
  const behind = starts.filter(({ next, committed: offset }) => next < offset);
  return { starts, behind: behind.map(({ topic, partition, next }) => ({ topic, partition, next })) };
}
