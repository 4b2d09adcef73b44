import type { Admin } from 'kafkajs';
import { EXIT, UserError } from '../errors.js';
import type { Range } from '../kafka/log-reader.js';
import type { PartitionEnd } from '../kafka/topics.js';
import { partitionName } from '../kafka/topic-partition.js';

/** What is asked for of some topics. Times are milliseconds since 1970, those of the records. */
export interface Asked {
  readonly topics: readonly string[];
  /** Default: all. */
  readonly partitions?: readonly number[] | undefined;
  readonly fromOffset?: number | undefined;
  readonly fromTime?: number | undefined;
  readonly toOffset?: number | undefined;
  readonly toTime?: number | undefined;
}

/** Records of a range that retention has deleted. */
export interface Lost {
  readonly topic: string;
  readonly partition: number;
  /** Offsets from the one that was asked for to before the log's start. */
  readonly from: number;
  readonly to: number;
  /** By a time nobody can tell any more how many of them were in the range. */
  readonly atMost: boolean;
}

/** What there is of what was asked for. */
export interface Found {
  /** Partitions without a record in the range are left out. */
  readonly ranges: readonly Range[];
  readonly lost: readonly Lost[];
}

/** Records of some ranges; control and aborted records count, for only reading can tell them apart. */
export function sizeOf(ranges: readonly { readonly from: number; readonly to: number }[]): number {
  return ranges.reduce((sum, { from, to }) => sum + to - from, 0);
}

/** Where, by partition, the records of a time and later begin; behind the last one where there is none. */
async function offsetsAt(
  admin: Admin,
  topics: readonly string[],
  time: number,
): Promise<(topic: string, partition: number) => number> {
  const found = new Map<string, number>();
  for (const topic of topics) {
    for (const { partition, offset } of await admin.fetchTopicOffsetsByTimestamp(topic, time)) {
      found.set(partitionName({ topic, partition }), Number(offset));
    }
  }
  return (topic, partition) => found.get(partitionName({ topic, partition })) ?? 0;
}

function refuseContradictions({ fromOffset, fromTime, toOffset, toTime }: Asked): void {
  const stamp = (time: number) => new Date(time).toISOString();
  if (fromOffset !== undefined && toOffset !== undefined && fromOffset >= toOffset) {
    throw new UserError(`--from-offset ${fromOffset} is not before --to-offset ${toOffset}: no event is between them.`, EXIT.usage);
  } // prettier-ignore
  if (fromTime !== undefined && toTime !== undefined && fromTime >= toTime) {
    throw new UserError(
      `--from-time ${stamp(fromTime)} is not before --to-time ${stamp(toTime)}: no event is between them.`,
      EXIT.usage,
    );
  }
}

function refuseUnknownPartitions(ends: readonly PartitionEnd[], { topics, partitions = [] }: Asked): void {
  for (const topic of topics) {
    const there = ends.filter((end) => end.topic === topic).map(({ partition }) => partition);
    const wrong = partitions.find((partition) => !there.includes(partition));
    if (wrong === undefined) continue;
    throw new UserError(`${topic} has no partition ${wrong}: it has 0 to ${there.length - 1}.`, EXIT.usage);
  }
}

/**
 * Finds what there is of a selection, and says what retention has deleted of it.
 *
 * @param ends where each partition of the topics begins and ends
 * @throws UserError where the selection contradicts itself or the logs, or holds no record
 */
export async function findRanges(admin: Admin, ends: readonly PartitionEnd[], asked: Asked): Promise<Found> {
  refuseContradictions(asked);
  refuseUnknownPartitions(ends, asked);
  const { topics, partitions, fromOffset, fromTime, toOffset, toTime } = asked;
  const chosen = ends.filter(({ partition }) => partitions?.includes(partition) ?? true);
  const highest = Math.max(0, ...chosen.map(({ high }) => high));
  if (fromOffset !== undefined && fromOffset >= highest) {
    throw new UserError(
      `--from-offset ${fromOffset} is out of range: the last event has the offset ${highest - 1}.`,
      EXIT.usage,
    );
  }
  const begins = fromTime === undefined ? undefined : await offsetsAt(admin, topics, fromTime);
  const stops = toTime === undefined ? undefined : await offsetsAt(admin, topics, toTime);
  const ranges: Range[] = [];
  const lost: Lost[] = [];
  for (const { topic, partition, low, high } of chosen) {
    const begin = begins?.(topic, partition) ?? fromOffset ?? low;
    const to = Math.min(stops?.(topic, partition) ?? toOffset ?? high, high);
    const from = Math.max(begin, low);
    if (from < to) ranges.push({ topic, partition, from, to });
    const goneTo = Math.min(low, toOffset ?? low);
    if (fromOffset !== undefined && fromOffset < goneTo) {
      lost.push({ topic, partition, from: fromOffset, to: goneTo, atMost: false });
    }
    // The first record that is left is in the range, so some before it may have been.
    if (fromTime !== undefined && begin <= low && low > 0) lost.push({ topic, partition, from: 0, to: low, atMost: true });
  } // prettier-ignore
  if (ranges.length > 0) return { ranges, lost };
  const gone = sizeOf(lost);
  if (gone > 0) throw new UserError(`Retention has deleted all that was asked for: ${gone} events.`, EXIT.lost);
  throw new UserError(`There is no event in this range, in ${topics.join(', ')}.`, EXIT.refused);
}
