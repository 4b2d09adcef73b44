import type { Admin } from 'kafkajs';
import type { LogEnds } from '../kafka/log-ends.js';
import { committedOffsets, type LogEnd } from '../kafka/topics.js';
import type { Position } from './offsets.js';
import type { Log, Stored } from '../postgres/positions.js';
import { partitionName, type TopicPartition } from '../kafka/topic-partition.js';

/** Why reading does not begin where Kafka's committed offset says. */
export type Finding =
  /** PostgreSQL is behind: a backup was restored, or a fail-over lost the last commits. */
  | 'behind'
  /** PostgreSQL knows no position: it is another database than the one that the offset was committed for. */
  | 'unknown'
  /** The topic was deleted and made again, or the cluster is another one. */
  | 'replaced'
  /** The log ends before the position: Kafka has lost records that it had acknowledged. */
  | 'truncated';

/** What each finding means, for the log. */
export const FINDINGS: Readonly<Record<Finding, string>> = {
  behind: 'PostgreSQL is behind the committed offset: reading begins where its rows end',
  unknown:
    'PostgreSQL knows no position for the committed offset (is it another database?): reading begins at the start',
  replaced: 'the topic was deleted and made again, or the cluster is another one: reading begins at its start',
  truncated: 'the log ends before the position, so Kafka has lost records: reading begins at the start',
};

export interface Beginning extends Position {
  /** Whether Kafka and PostgreSQL both say so already. */
  readonly isStored: boolean;
  /** The end of the log. */
  readonly end: number;
  readonly finding: Finding | undefined;
}

/** Events that retention deleted before they were read. */
export interface Gap {
  readonly topic: string;
  readonly partition: number;
  /** The first that is lost. */
  readonly from: number;
  /** The first that is still there. */
  readonly to: number;
}

export interface Beginnings {
  readonly starts: readonly Beginning[];
  readonly gaps: readonly Gap[];
}

/** What is known of one partition. */
export interface Known {
  readonly end: LogEnd;
  /** Kafka's committed offset, where there is one. */
  readonly committed: number | undefined;
  /** The position in PostgreSQL, where there is one. */
  readonly stored: Stored | undefined;
}

/**
 * Where to begin to read one partition: the lesser of Kafka's committed offset, which alone may stand for rows that are no
 * longer there, and the position in PostgreSQL; and at the log's start wherever the position may speak of another log.
 * What is read again is known already, so to begin too early costs time only.
 */
export function beginningOf({ end, committed, stored }: Known, log: Log): Beginning | Gap {
  const { topic, partition, low, high, last } = end;
  const begin = (next: number, finding?: Finding): Beginning => ({
    topic,
    partition,
    next,
    end: high,
    isStored: finding === undefined && committed === next && stored?.next === next && stored.topicId !== undefined,
    finding,
  });
  if (!stored) return begin(low, committed === undefined || committed === low ? undefined : 'unknown');
  const isOther =
    (stored.clusterId ?? log.clusterId) !== log.clusterId ||
    (stored.topicId ?? log.topicIds.get(topic)) !== log.topicIds.get(topic);
  if (isOther) return begin(low, 'replaced');
  const next = Math.min(committed ?? stored.next, stored.next);
  if (Math.max(committed ?? 0, stored.next) > last) return begin(low, 'truncated');
  if (next < low) return { topic, partition, from: next, to: low };
  return begin(next, committed !== undefined && stored.next < committed ? 'behind' : undefined);
}

/** Finds out where to begin to read these partitions. A partition that Kafka does not know of, or that nobody leads, has neither a start nor a gap. */
export async function beginnings(
  admin: Admin,
  logEnds: Pick<LogEnds, 'askAnew'>,
  load: () => Promise<readonly Stored[]>,
  groupId: string,
  assigned: readonly TopicPartition[],
  log: Log,
): Promise<Beginnings> {
  const topics = [...new Set(assigned.map(({ topic }) => topic))];
  if (topics.length === 0) return { starts: [], gaps: [] };
  const mine = new Set(assigned.map(partitionName));
  const [{ ends }, committed, stored] = await Promise.all([
    logEnds.askAnew(topics),
    committedOffsets(admin, groupId, topics),
    load(),
  ]);
  const committedAt = new Map(committed.map((at) => [partitionName(at), at.offset]));
  const storedAt = new Map(stored.map((at) => [partitionName(at), at]));
  const found = ends
    .filter((end) => mine.has(partitionName(end)))
    .map((end) =>
      beginningOf(
        { end, committed: committedAt.get(partitionName(end)), stored: storedAt.get(partitionName(end)) },
        log,
      ),
    );
  return {
    starts: found.flatMap((one) => ('next' in one ? [one] : [])),
    gaps: found.flatMap((one) => ('from' in one ? [one] : [])),
  };
}
