import type { Logger } from 'pino';
import { partitionName, type TopicPartition } from '../kafka/topic-partition.js';

/**
 * Why a partition is not read: too many events are parked (`parked` holds everything), the topic's breaker is open, it is
 * not known where to go on because events were lost to retention, no broker leads it, or its next batch cannot be read.
 */
export type Hold = 'parked' | 'breaker' | 'gap' | 'leader' | 'unreadable';

/** What a watch over partitions is given: to hold them for its own reason, to let them be read again, and to tell of it. */
export interface Holder {
  readonly hold: (at: TopicPartition) => void;
  readonly release: (at: TopicPartition) => void;
  readonly log: Logger;
}

/** Partitions that are held; without a partition, the whole topic; without a topic, everything. */
export interface Scope {
  readonly topic?: string;
  readonly partition?: number;
}

/** Whether it is one partition that is held. */
export function isPartition(scope: Scope): scope is TopicPartition {
  return scope.topic !== undefined && scope.partition !== undefined;
}

function nameOf({ topic, partition }: Scope): string {
  if (topic === undefined) return '*';
  return partition === undefined ? topic : partitionName({ topic, partition });
}

/** Which partitions are not read, and why. A partition is read when no reason is left. */
export class Holds {
  private readonly reasons = new Map<string, Set<Hold>>();

  /** Returns whether that was new. */
  add(why: Hold, scope: Scope = {}): boolean {
    const name = nameOf(scope);
    const held = this.reasons.get(name) ?? new Set();
    if (held.has(why)) return false;
    this.reasons.set(name, held.add(why));
    return true;
  }

  /** Returns whether it was held for this reason. */
  remove(why: Hold, scope: Scope = {}): boolean {
    const name = nameOf(scope);
    const held = this.reasons.get(name);
    if (!held?.delete(why)) return false;
    if (held.size === 0) this.reasons.delete(name);
    return true;
  }

  /** Lets go of everything that these reasons hold; returns whether there was anything. */
  removeAll(...reasons: readonly Hold[]): boolean {
    let removed = false;
    for (const [name, held] of [...this.reasons]) {
      for (const why of reasons) removed = held.delete(why) || removed;
      if (held.size === 0) this.reasons.delete(name);
    }
    return removed;
  }

  /** Why a partition is held; undefined where it is not. */
  reasonOf(topic: string, partition: number): Hold | undefined {
    if (this.reasons.size === 0) return undefined;
    // The narrowest first: it says the most.
    for (const scope of [{ topic, partition }, { topic }, {}]) {
      const [reason] = this.reasons.get(nameOf(scope)) ?? [];
      if (reason) return reason;
    }
    return undefined;
  }
}
