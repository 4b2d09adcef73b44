import type { Logger } from 'pino';
import type { Beginning, Gap } from './beginnings.js';
import type { Position } from './offsets.js';
import { partitionName, type TopicPartition } from '../kafka/topic-partition.js';

/** Events that retention deleted before they were read: reported with their number, and skipped only when told to. */
export class Gaps {
  private readonly waiting = new Map<string, Gap>();

  /** @param accepted gaps that the operator knows of: where reading may go on */
  constructor(
    private readonly accepted: readonly Position[],
    private readonly log: Logger,
  ) {}

  get list(): readonly Gap[] {
    return [...this.waiting.values()];
  }

  has(at: TopicPartition): boolean {
    return this.waiting.has(partitionName(at));
  }

  /** It is known otherwise where to go on. */
  forget(at: TopicPartition): void {
    this.waiting.delete(partitionName(at));
  }

  clear(): void {
    this.waiting.clear();
  }

  /** Where to go on behind a gap; undefined where the partition has to wait for the operator. */
  beyond(gap: Gap): Beginning | undefined {
    const { topic, partition, from, to } = gap;
    const about = { topic, partition, from, to, lost: to - from };
    // The operator has seen how much is lost: the log must not begin later than at the offset that was named.
    if (this.accepted.some((at) => at.topic === topic && at.partition === partition && to <= at.next)) {
      this.waiting.delete(partitionName(gap));
      this.log.warn(about, 'events are lost to retention; reading goes on behind them, as was accepted');
      return { topic, partition, next: to, end: to, isStored: false, finding: undefined };
    }
    const isNew = this.waiting.get(partitionName(gap))?.to !== to;
    this.waiting.set(partitionName(gap), gap);
    const what = `${to - from} events of ${topic}, partition ${partition}, were deleted by retention before they were read`;
    const remedy = `when you know what is lost, start every instance anew with: dbw consume --accept-gap ${topic}:${partition}:${to}`;
    if (isNew) this.log.error(about, `${what}; it waits, the others go on; ${remedy}`);
    return undefined;
  }
}
