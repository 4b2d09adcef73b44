import type { Logger } from 'pino';
import type { Offsets, Position } from './offsets.js';
import { Failing } from '../waiting/repeat.js';

interface Parts {
  readonly offsets: Offsets;
  /** Stores positions in PostgreSQL. */
  readonly store: (positions: readonly Position[]) => Promise<void>;
  /** Commits offsets to Kafka. */
  readonly commit: (positions: readonly Position[]) => Promise<void>;
  /** Told what both have. */
  readonly onStored: (positions: readonly Position[]) => Promise<void>;
  /** Whether this process still owns a partition. */
  readonly owns: (topic: string, partition: number) => boolean;
  readonly log: Logger;
}

/** Makes finished offsets known: first in PostgreSQL, then in Kafka, which so is never ahead of the rows. */
export class Committer {
  private running: Promise<void> | undefined;

  private readonly failing: Failing;

  constructor(private readonly parts: Parts) {
    this.failing = new Failing(parts.log, 'commit of offsets');
  }

  /** Stores what has moved. A failure is told and left to the next call: the offsets are late then, never wrong. */
  async run(): Promise<void> {
    while (this.running) await this.running;
    this.running = this.once().finally(() => (this.running = undefined));
    await this.running;
  }

  private async once(): Promise<void> {
    const { offsets, store, commit, onStored, owns } = this.parts;
    const moved = offsets.moved().filter(({ topic, partition }) => owns(topic, partition));
    if (moved.length === 0) return;
    try {
      await store(moved);
      await commit(moved);
      offsets.store(moved);
      await onStored(moved);
      this.failing.succeeded();
    } catch (error) {
      this.failing.failed(error);
    }
  }
}
