import type { LagReport } from './group-lag.js';

/** How a lag moves. */
export interface Rates {
  readonly inPerSecond: number;
  readonly outPerSecond: number;
  /** Until it is caught up at this pace; 0 where it is, null where it never will be. */
  readonly secondsLeft: number | null;
}

/** The pace between two reports, the older one first; undefined where no time lies between them. */
export function ratesOf(before: LagReport, after: LagReport): Rates | undefined {
  const seconds = (Date.parse(after.at) - Date.parse(before.at)) / 1000;
  if (seconds <= 0) return undefined;
  const known = new Map(before.partitions.map((one) => [`${one.topic}:${one.partition}`, one]));
  let [came, went] = [0, 0];
  for (const one of after.partitions) {
    const then = known.get(`${one.topic}:${one.partition}`);
    if (!then) continue;
    came += Math.max(0, one.end - then.end);
    went += Math.max(0, one.end - one.events - (then.end - then.events));
  }
  const closing = (went - came) / seconds;
  const left = after.total.events === 0 ? 0 : closing > 0 ? after.total.events / closing : null;
  return { inPerSecond: came / seconds, outPerSecond: went / seconds, secondsLeft: left };
}
