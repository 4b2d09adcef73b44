import type { Logger } from 'pino';
import type { UnreadableBatchError } from '../kafka/unreadable.js';
import type { Position } from './offsets.js';

/** Another copy of the partition may lead by then, or a disk read what is there. */
const AGAIN_MS = 30_000;

interface Place {
  readonly topic: string;
  readonly partition: number;
}

/** A batch that cannot be read, at which its partition waits. */
export interface UnreadableBatch extends Position {
  /** What is wrong with it, and what to do. */
  readonly reason: string;
}

interface Known extends UnreadableBatch {
  triedAt: number;
}

interface Parts {
  readonly hold: (at: Place) => void;
  readonly release: (at: Place) => void;
  readonly log: Logger;
}

function nameOf({ topic, partition }: Place): string {
  return `${topic}:${partition}`;
}

/** Batches that cannot be read: each holds its partition, is told once, and is tried again now and then. Never is one passed. */
export class UnreadableBatches {
  private readonly known = new Map<string, Known>();

  constructor(private readonly parts: Parts) {}

  get list(): readonly UnreadableBatch[] {
    return Array.from(this.known.values(), ({ topic, partition, next, reason }) => ({
      topic,
      partition,
      next,
      reason,
    }));
  }

  has(at: Place): boolean {
    return this.known.has(nameOf(at));
  }

  /** The batch at this offset cannot be read. */
  saw({ topic, partition, next }: Position, error: UnreadableBatchError, now = Date.now()): void {
    const before = this.known.get(nameOf({ topic, partition }));
    this.known.set(nameOf({ topic, partition }), { topic, partition, next, reason: error.message, triedAt: now });
    this.parts.hold({ topic, partition });
    const about = { topic, partition, next };
    if (before?.next !== next) this.parts.log.error(about, `a partition waits, the others go on: ${error.message}`);
  }

  /** More of a partition was read, or it is read from elsewhere. */
  passed(at: Place): void {
    if (!this.known.delete(nameOf(at))) return;
    this.parts.release(at);
    this.parts.log.info(
      { topic: at.topic, partition: at.partition },
      'a partition waits for no unreadable batch any more',
    );
  }

  /** Lets those be fetched again whose time has come. */
  tryAgain(now = Date.now()): void {
    for (const known of this.known.values()) {
      if (now - known.triedAt < AGAIN_MS) continue;
      known.triedAt = now;
      this.parts.release(known);
    }
  }

  /** Partitions were given anew: what is there is found anew. */
  clear(): void {
    this.known.clear();
  }
}
