import type { Position } from '../reading/offsets.js';
import { partitionName } from '../kafka/topic-partition.js';

/** Where a message is. */
export interface Place {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

/** Messages of one partition, from `first` up to and without `next`. */
export interface Range {
  readonly topic: string;
  readonly partition: number;
  readonly first: number;
  readonly next: number;
}

/** Messages that were in hand when a process died, as they are stored. */
export interface SuspectRange extends Range {
  /** How often a process died while it had this one message alone; 0 for a range of several. */
  readonly deaths: number;
}

interface Partition {
  /** Apart from each other, in no order: there are few. */
  ranges: { first: number; next: number }[];
  /** By offset. */
  readonly deaths: Map<number, number>;
  /** Where the stored ranges end, in ascending order: what is stored is deleted when all of it was passed. */
  ends: number[];
}

/** The union of ranges. */
function union(ranges: readonly Range[]): { first: number; next: number }[] {
  const merged: { first: number; next: number }[] = [];
  for (const { first, next } of [...ranges].sort((a, b) => a.first - b.first)) {
    const last = merged.at(-1);
    if (last && first <= last.next) last.next = Math.max(last.next, next);
    else merged.push({ first, next });
  }
  return merged;
}

/**
 * The messages that may have killed a process, as far as they are in the partitions of this one. In memory only: what is
 * stored, `Hand` keeps in step.
 */
export class Suspects {
  private readonly partitions = new Map<string, Partition>();

  constructor(stored: readonly SuspectRange[]) {
    const byPartition = new Map<string, SuspectRange[]>();
    for (const range of stored) {
      const name = partitionName(range);
      const found = byPartition.get(name);
      if (found) found.push(range);
      else byPartition.set(name, [range]);
    }
    for (const [name, ranges] of byPartition) {
      this.partitions.set(name, {
        ranges: union(ranges),
        deaths: new Map(ranges.filter(({ deaths }) => deaths > 0).map(({ first, deaths }) => [first, deaths])),
        ends: ranges.map(({ next }) => next).sort((a, b) => a - b),
      });
    }
  }

  /** Whether there are none: then nothing needs to be asked message by message. */
  get isEmpty(): boolean {
    return this.partitions.size === 0;
  }

  /** How many messages are suspect. */
  get size(): number {
    let size = 0;
    for (const { ranges } of this.partitions.values()) {
      for (const { first, next } of ranges) size += next - first;
    }
    return size;
  }

  /** Whether a message was in hand when a process died, and has not proved harmless since. */
  isSuspect(topic: string, partition: number, offset: number): boolean {
    if (this.partitions.size === 0) return false;
    const found = this.partitions.get(partitionName({ topic, partition }));
    return found?.ranges.some(({ first, next }) => first <= offset && offset < next) ?? false;
  }

  /** How often a process died while it had this message, and no other, in hand. */
  attemptsOf(topic: string, partition: number, offset: number): number {
    return this.partitions.get(partitionName({ topic, partition }))?.deaths.get(offset) ?? 0;
  }

  /** The message is harmless: it was written alone, and the process lives. */
  acquit(at: Place): void {
    const partition = this.partitions.get(partitionName(at));
    if (!partition) return;
    const { offset } = at;
    partition.deaths.delete(offset);
    partition.ranges = partition.ranges.flatMap((range) => {
      if (offset < range.first || offset >= range.next) return [range];
      const halves = [
        { first: range.first, next: offset },
        { first: offset + 1, next: range.next },
      ];
      return halves.filter(({ first, next }) => first < next);
    });
  }

  /** Those positions that have whole stored ranges behind them, which may be deleted. */
  passable(positions: readonly Position[]): Position[] {
    if (this.partitions.size === 0) return [];
    return positions.filter((position) => {
      const end = this.partitions.get(partitionName(position))?.ends[0];
      return end !== undefined && end <= position.next;
    });
  }

  /** Messages before these positions are not read again. */
  pass(positions: readonly Position[]): void {
    for (const position of positions) {
      const name = partitionName(position);
      const partition = this.partitions.get(name);
      if (!partition) continue;
      partition.ends = partition.ends.filter((end) => end > position.next);
      partition.ranges = partition.ranges
        .map(({ first, next }) => ({ first: Math.max(first, position.next), next }))
        .filter(({ first, next }) => first < next);
      for (const offset of partition.deaths.keys()) if (offset < position.next) partition.deaths.delete(offset);
      if (partition.ends.length === 0) this.partitions.delete(name);
    }
  }
}
