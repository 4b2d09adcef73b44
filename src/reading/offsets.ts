import { partitionName } from '../kafka/topic-partition.js';

/** The next offset to read of a partition. */
export interface Position {
  readonly topic: string;
  readonly partition: number;
  readonly next: number;
}

/** Messages of one partition that are in one batch. */
export interface Segment {
  /** The offset behind the last of them. */
  end: number;
  done: boolean;
}

interface Progress {
  readonly topic: string;
  readonly partition: number;
  /** In the order in which they were taken. */
  segments: Segment[];
  /** Everything below is finished; undefined until something is. */
  finished: number | undefined;
  /** What was last stored. */
  stored: number | undefined;
}

/** Moves over what is finished without a gap. */
function advance(progress: Progress): void {
  const { segments } = progress;
  while (segments[0]?.done) progress.finished = segments.shift()?.end;
}

/**
 * How far each assigned partition is finished: the end of the contiguous run of finished messages. Batches may finish in
 * any order; an offset moves only when everything before it is done.
 */
export class Offsets {
  private readonly partitions = new Map<string, Progress>();

  private of(topic: string, partition: number): Progress {
    const name = partitionName({ topic, partition });
    let progress = this.partitions.get(name);
    if (!progress) {
      progress = { topic, partition, segments: [], finished: undefined, stored: undefined };
      this.partitions.set(name, progress);
    }
    return progress;
  }

  /** Starts anew: partitions were taken away or given, and what was in hand no longer counts. */
  reset(): void {
    this.partitions.clear();
  }

  /**
   * Reading of a partition begins here; what was in hand of it no longer counts.
   *
   * @param isStored whether PostgreSQL and Kafka both say so already
   */
  begin({ topic, partition, next }: Position, isStored: boolean): void {
    const progress = this.of(topic, partition);
    progress.segments = [];
    progress.finished = next;
    progress.stored = isStored ? next : undefined;
  }

  /** Where a partition is finished to; undefined where nothing is known of it. */
  finished(topic: string, partition: number): number | undefined {
    const progress = this.partitions.get(partitionName({ topic, partition }));
    if (progress) advance(progress);
    return progress?.finished;
  }

  /** A batch takes messages of a partition up to, and without, `end`; each must be taken in the order of the log. */
  take(topic: string, partition: number, end: number): Segment {
    const segment = { end, done: false };
    this.of(topic, partition).segments.push(segment);
    return segment;
  }

  /** Where each partition is finished to, of those of which something is known. */
  positions(): Position[] {
    return [...this.partitions.values()].flatMap((progress) => {
      advance(progress);
      const { topic, partition, finished: next } = progress;
      return next === undefined ? [] : [{ topic, partition, next }];
    });
  }

  /** Finished positions that have moved since they were last stored. */
  moved(): Position[] {
    const positions: Position[] = [];
    for (const progress of this.partitions.values()) {
      advance(progress);
      if (progress.finished === undefined || progress.finished === progress.stored) continue;
      positions.push({ topic: progress.topic, partition: progress.partition, next: progress.finished });
    }
    return positions;
  }

  /** Whether a partition has a finished position that is not stored yet. */
  hasMoved(topic: string, partition: number): boolean {
    return this.moved().some((at) => at.topic === topic && at.partition === partition);
  }

  /** These positions are stored, in PostgreSQL and in Kafka. */
  store(positions: readonly Position[]): void {
    for (const position of positions) {
      const progress = this.partitions.get(partitionName(position));
      if (progress) progress.stored = position.next;
    }
  }
}
