import type { UnreadableBatchError } from '../kafka/unreadable.js';
import type { Holder } from './holds.js';
import type { Position } from './offsets.js';
import { partitionName, type TopicPartition } from '../kafka/topic-partition.js';

/** Another copy of the partition may lead by then, or a disk read what is there. */
const AGAIN_MS = 30_000;

/** A batch that cannot be read, at which its partition waits. */
export interface UnreadableBatch extends Position {
  /** What is wrong with it, and what to do. */
  readonly reason: string;
}

interface Known {
  readonly batch: UnreadableBatch;
  triedAt: number;
}

/** Batches that cannot be read: each holds its partition, is told once, and is tried again now and then. Never is one passed. */
export class UnreadableBatches {
  private readonly known = new Map<string, Known>();

  constructor(private readonly holder: Holder) {}

  get list(): readonly UnreadableBatch[] {
    return Array.from(this.known.values(), ({ batch }) => batch);
  }

  /** The offset of the batch at which a partition waits; undefined where it waits for none. */
  offsetIn(at: TopicPartition): number | undefined {
    return this.known.get(partitionName(at))?.batch.next;
  }

  /** The batch at this offset cannot be read. */
  saw({ topic, partition, next }: Position, error: UnreadableBatchError, now = Date.now()): void {
    const name = partitionName({ topic, partition });
    const isNew = this.known.get(name)?.batch.next !== next;
    this.known.set(name, { batch: { topic, partition, next, reason: error.message }, triedAt: now });
    this.holder.hold({ topic, partition });
    const about = { topic, partition, next };
    if (isNew) this.holder.log.error(about, `a partition waits, the others go on: ${error.message}`);
  }

  /** More of a partition was read, or it is read from elsewhere. */
  passed(at: TopicPartition): void {
    if (!this.known.delete(partitionName(at))) return;
    this.holder.release(at);
    this.holder.log.info(
      { topic: at.topic, partition: at.partition },
      'a partition waits for no unreadable batch any more',
    );
  }

  /** Lets those be fetched again whose time has come. */
  tryAgain(now = Date.now()): void {
    for (const known of this.known.values()) {
      if (now - known.triedAt < AGAIN_MS) continue;
      known.triedAt = now;
      this.holder.release(known.batch);
    }
  }

  /** Partitions were given anew: what is there is found anew. */
  clear(): void {
    this.known.clear();
  }
}
