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
  readonly segments: Segment[];
  /** Everything below is finished; undefined until something is. */
  finished: number | undefined;
  /** What was last stored. */
  stored: number | undefined;
}

/**
 * How far each assigned partition is finished: the end of the contiguous run of finished messages. Batches may finish in
 * any order; an offset moves only when everything before it is done.
 */
export class Offsets {
  private readonly partitions = new Map<string, Progress>();

  /** Starts anew: partitions were taken away or given, and what was in hand no longer counts. */
  reset(): void {
    this.partitions.clear();
  }

  /** A batch takes messages of a partition up to, and without, `end`; each must be taken in the order of the log. */
  take(topic: string, partition: number, end: number): Segment {
    const name = `${topic}:${partition}`;
    let progress = this.partitions.get(name);
    if (!progress) {
      progress = { topic, partition, segments: [], finished: undefined, stored: undefined };
      this.partitions.set(name, progress);
    }
    const segment = { end, done: false };
    progress.segments.push(segment);
    return segment;
  }

  /** Finished positions that have moved since they were last stored. */
  moved(): Position[] {
    const positions: Position[] = [];
    for (const progress of this.partitions.values()) {
      const { segments } = progress;
      while (segments[0]?.done) progress.finished = segments.shift()?.end;
      if (progress.finished === undefined || progress.finished === progress.stored) continue;
      positions.push({ topic: progress.topic, partition: progress.partition, next: progress.finished });
    }
    return positions;
  }

  /** These positions are stored, in PostgreSQL and in Kafka. */
  store(positions: readonly Position[]): void {
    for (const { topic, partition, next } of positions) {
      const progress = this.partitions.get(`${topic}:${partition}`);
      if (progress) progress.stored = next;
    }
  }
}
