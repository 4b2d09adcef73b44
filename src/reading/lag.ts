import type { Position } from './offsets.js';
import type { PartitionVitals } from '../health/vitals.js';
import { unstableOf } from '../kafka/topics.js';
import { partitionName, type TopicPartition } from '../kafka/topic-partition.js';

interface Partition {
  readonly topic: string;
  readonly partition: number;
  end: number | undefined;
  position: number | undefined;
  /** When it was first seen, without lag, or a step further. */
  movedAt: number;
  /** When its lag was last seen to leave zero; undefined where it had some when it was first seen. */
  behindSince: number | undefined;
  /** The timestamp of the record that was finished last. */
  finishedTime: number | undefined;
  /** Events that cannot be read yet, behind the end. */
  unstable: number;
}

function lagOf({ end, position }: Partition): number {
  return end === undefined || position === undefined ? 0 : Math.max(0, end - position);
}

/**
 * For how many milliseconds the next event has waited. The record finished last was made at about the same time; where
 * nothing was finished for long it is no measure, but then the lag has only begun.
 */
function waitedMs(partition: Partition, now: number): number {
  if (lagOf(partition) === 0) return 0;
  const { finishedTime, behindSince, movedAt } = partition;
  const known = [finishedTime, behindSince].filter((time) => time !== undefined);
  return Math.max(0, now - (known.length > 0 ? Math.max(...known) : movedAt));
}

/** How far behind the ends of its partitions this process is. Times in milliseconds since 1970. */
export class Lag {
  private readonly known = new Map<string, Partition>();

  /** Partitions were assigned anew. */
  reset(): void {
    this.known.clear();
  }

  /** The ends of partitions, as the broker told them. */
  sawEnd(ends: readonly Position[], now = Date.now()): void {
    for (const { next, ...place } of ends) {
      this.change(place, now, (known) => (known.end = Math.max(next, known.end ?? 0)));
    }
  }

  /** How many events of partitions cannot be read yet: they are no lag, since nobody here can do anything about them. */
  sawUnstable(
    ends: readonly { topic: string; partition: number; high: number; last: number }[],
    now = Date.now(),
  ): void {
    for (const end of ends) this.of(end, now).unstable = unstableOf(end);
  }

  /** Reading of a partition begins, maybe of another log: what was known of the end does not count. */
  began(position: Position, end: number, now = Date.now()): void {
    const { topic, partition } = position;
    this.known.delete(partitionName({ topic, partition }));
    this.reached([position], now);
    this.sawEnd([{ topic, partition, next: end }], now);
  }

  /**
   * Records were finished.
   *
   * @param time the timestamp of the last of them; not positive where it has none
   */
  sawRecord(topic: string, partition: number, time: number, now = Date.now()): void {
    if (time > 0) this.of({ topic, partition }, now).finishedTime = time;
  }

  /** Positions that are finished, or where reading began. */
  reached(positions: readonly Position[], now = Date.now()): void {
    for (const { next, ...place } of positions) {
      this.change(place, now, (known) => {
        if (next !== known.position) known.movedAt = now;
        known.position = next;
      });
    }
  }

  /** Every partition, for `Vitals`; why one is held is not known here. */
  partitions(now = Date.now()): PartitionVitals[] {
    return Array.from(this.known.values(), (known) => {
      const { topic, partition, movedAt, unstable } = known;
      const lag = lagOf(known);
      const seconds = waitedMs(known, now) / 1000;
      return { topic, partition, lag, seconds, movedAt: lag === 0 ? now : movedAt, unstable };
    });
  }

  private of({ topic, partition }: TopicPartition, now: number): Partition {
    const name = partitionName({ topic, partition });
    let known = this.known.get(name);
    if (!known) {
      known = {
        topic,
        partition,
        end: undefined,
        position: undefined,
        movedAt: now,
        behindSince: undefined,
        finishedTime: undefined,
        unstable: 0,
      };
      this.known.set(name, known);
    }
    return known;
  }

  /** Changes what is known of a partition; where its lag leaves zero by it, its time begins. */
  private change(place: TopicPartition, now: number, how: (known: Partition) => void): void {
    const known = this.of(place, now);
    const isNew = known.end === undefined || known.position === undefined;
    const before = lagOf(known);
    how(known);
    if (before > 0 || lagOf(known) === 0) return;
    known.movedAt = now;
    if (!isNew) known.behindSince = now;
  }
}
