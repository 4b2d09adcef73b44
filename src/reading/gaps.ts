import type { Logger } from 'pino';
import type { Beginning, Gap } from './beginnings.js';
import type { Position } from './offsets.js';

function nameOf({ topic, partition }: { topic: string; partition: number }): string {
  return `${topic}:${partition}`;
}

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

  has(at: { topic: string; partition: number }): boolean {
    return this.waiting.has(nameOf(at));
  }

  /** It is known otherwise where to go on. */
  forget(at: { topic: string; partition: number }): void {
    this.waiting.delete(nameOf(at));
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
      this.waiting.delete(nameOf(gap));
      this.log.warn(about, 'events are lost to retention; reading goes on behind them, as was accepted');
      return { topic, partition, next: to, end: to, isStored: false, finding: undefined };
    }
    const isNew = this.waiting.get(nameOf(gap))?.to !== to;
    this.waiting.set(nameOf(gap), gap);
    const what = `${to - from} events of ${topic}, partition ${partition}, were deleted by retention before they were read`;
    const remedy = `when you know what is lost, start every instance anew with: dbw consume --accept-gap ${topic}:${partition}:${to}`;
    if (isNew) this.log.error(about, `${what}; it waits, the others go on; ${remedy}`);
    return undefined;
  }
}
