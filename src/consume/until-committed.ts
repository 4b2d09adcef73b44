import { setTimeout as delay } from 'node:timers/promises';
import type { Admin } from 'kafkajs';
import { committedOffsets, type PartitionEnd } from '../kafka/topics.js';
import type { LogIdentities } from '../kafka/identities.js';
import { isOf, type Log, type Positions } from '../postgres/positions.js';
import { partitionName, type TopicPartition } from '../kafka/topic-partition.js';

const POLL_MS = 100;

/** What has to be reached, and who asks. */
export interface Goal {
  readonly admin: Admin;
  readonly positions: Positions;
  readonly groupId: string;
  readonly ends: readonly PartitionEnd[];
  /** Which log the ends are of; positions in others do not count. */
  readonly log: Log;
  /** Asked whether they still are. */
  readonly logs: Pick<LogIdentities, 'ask'>;
  /** Whether a partition waits because events of it are lost: nobody will commit it. */
  readonly isLost: (at: TopicPartition) => boolean;
  /** The offset of the batch that cannot be read at which a partition waits: what is before it is still to be committed. */
  readonly stopAt: (at: TopicPartition) => number | undefined;
  readonly signal: AbortSignal;
  /** Told how many events are still to come. */
  readonly onProgress: (left: number) => void;
}

/**
 * Waits until a group has committed everything before these ends, in Kafka and in PostgreSQL. Whoever reads a partition
 * counts, so several processes may share the work. What is left of a topic that is deleted meanwhile will not come.
 */
export async function untilCommitted(goal: Goal): Promise<void> {
  const { admin, positions, groupId, ends, log, logs, isLost, stopAt, signal, onProgress } = goal;
  const filled = ends.filter(({ low, high }) => high > low);
  const topics = [...new Set(filled.map(({ topic }) => topic))];
  const count = async (): Promise<number> => {
    const committed = new Map(
      (await committedOffsets(admin, groupId, topics)).map((at) => [partitionName(at), at.offset]),
    );
    const stored = new Map(
      (await positions.load()).filter((at) => isOf(at, log)).map((at) => [partitionName(at), at.next]),
    );
    const { topicIds } = await logs.ask(topics);
    let left = 0;
    for (const end of filled) {
      const isGone = topicIds.get(end.topic) !== log.topicIds.get(end.topic);
      if (isGone || isLost(end)) continue;
      // Kafka's offset alone proves nothing: the database may have been restored to an earlier day.
      const position = Math.min(
        committed.get(partitionName(end)) ?? end.low,
        stored.get(partitionName(end)) ?? end.low,
      );
      const high = Math.min(end.high, stopAt(end) ?? end.high);
      left += Math.max(0, high - Math.max(position, end.low));
    }
    return left;
  };
  while (!signal.aborted && filled.length > 0) {
    // A server that is away brings no answer now, but later.
    const left = await count().catch(() => undefined);
    if (left !== undefined) onProgress(left);
    if (left === 0) return;
    await delay(POLL_MS, undefined, { signal }).catch(() => undefined);
  }
}
