import { namesOf } from '../kafka/leaders.js';
import type { Holder } from './holds.js';
import { partitionName, type TopicPartition } from '../kafka/topic-partition.js';

/** Partitions of this process that no broker leads: they are held, and told, until somebody does. */
export class Leaderless {
  private known: ReadonlyMap<string, TopicPartition> = new Map();

  constructor(private readonly holder: Holder) {}

  get list(): readonly TopicPartition[] {
    return [...this.known.values()];
  }

  has(at: TopicPartition): boolean {
    return this.known.has(partitionName(at));
  }

  /** Partitions were given anew: that some have moved away does not mean that they have a leader. */
  clear(): void {
    this.known = new Map();
  }

  /** @param unled those of this process that have no leader now */
  see(unled: readonly TopicPartition[]): void {
    const { hold, release, log } = this.holder;
    const before = this.known;
    this.known = new Map(unled.map((at) => [partitionName(at), at]));
    const fresh = unled.filter((at) => !before.has(partitionName(at)));
    const over = [...before.values()].filter((at) => !this.has(at));
    fresh.forEach(hold);
    over.forEach(release);
    const what = 'no broker leads some partitions: they wait, the others go on; bring their broker back';
    if (fresh.length > 0) log.error({ partitions: unled.length, first: namesOf(fresh) }, what);
    if (over.length > 0) log.info({ partitions: unled.length, first: namesOf(over) }, 'partitions have a leader again');
  }
}
