import type { Reason } from '../event/decode.js';
import { quantile } from './distribution.js';
import { statusOfVitals, type Health } from './health.js';
import type { Counts, Tally } from './tally.js';
import { lagByTopic } from './topic-lag.js';
import type { Vitals } from './vitals.js';

const SAMPLE_MS = 5_000;
export const SPAN_MS = 10 * 60_000;

/** The process at one moment; what is counted is counted since its start. */
interface Sample {
  readonly at: number;
  readonly status: Health['status'];
  readonly isReading: boolean;
  readonly outcomes: Readonly<Counts>;
  readonly reasons: ReadonlyMap<Reason, number>;
  readonly latencies: { readonly below: readonly number[]; readonly count: number };
  readonly lag: number;
  readonly lagSeconds: number;
  readonly parked: number;
  readonly inUse: number;
}

/** What happened between two moments. */
export interface Period {
  /** Milliseconds since 1970. */
  readonly from: number;
  readonly to: number;
  /** Messages by what became of them. */
  readonly outcomes: Readonly<Counts>;
  readonly reasons: ReadonlyMap<Reason, number>;
  /** Messages a second, whatever became of them. */
  readonly rate: number;
  /** Seconds; undefined where nothing was applied. */
  readonly p50: number | undefined;
  readonly p99: number | undefined;
  /** As it was at the end. */
  readonly status: Health['status'];
  readonly isReading: boolean;
  readonly lag: number;
  readonly lagSeconds: number;
  readonly parked: number;
  readonly inUse: number;
}

function total(counts: Readonly<Counts>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

/** The last ten minutes of this process, kept by looking at what is counted anyway every 5 s. */
export class History {
  private readonly samples: Sample[] = [];
  private timer: NodeJS.Timeout | undefined;

  /** @param onLook told what the process knew of itself at each sample */
  constructor(
    private readonly tally: Tally,
    private readonly vitals: () => Vitals,
    private readonly onLook: (vitals: Vitals, now: number) => void = () => undefined,
  ) {}

  /** Looks from now on, until `end`. */
  begin(): void {
    this.look();
    this.timer ??= setInterval(() => {
      this.look();
    }, SAMPLE_MS).unref();
  }

  end(): void {
    clearInterval(this.timer);
  }

  /** Takes a sample. @param now milliseconds since 1970 */
  look(now = Date.now()): void {
    let vitals: Vitals;
    try {
      vitals = this.vitals();
    } catch {
      return; // a hole in a chart, no more
    }
    const last = this.samples.at(-1);
    // A clock that was set back would make times run backwards: what is older is of no more use.
    if (last && last.at > now) this.samples.length = 0;
    this.samples.push(this.sample(vitals, now));
    while ((this.samples[1]?.at ?? now) <= now - SPAN_MS) this.samples.shift();
    this.onLook(vitals, now);
  }

  private sample(vitals: Vitals, at: number): Sample {
    const { tally } = this;
    const topics = [...lagByTopic(vitals).values()];
    return {
      at,
      status: statusOfVitals(vitals),
      isReading: vitals.consumer === 'reading',
      outcomes: tally.byOutcome,
      reasons: new Map(tally.deadLettersByReason),
      latencies: { below: tally.latencies.cumulative(), count: tally.latencies.count },
      lag: topics.reduce((sum, { events }) => sum + events, 0),
      lagSeconds: topics.reduce((most, { seconds }) => Math.max(most, seconds), 0),
      parked: vitals.parked.waiting + vitals.parked.dead,
      inUse: vitals.database.activeConnections,
    };
  }

  /**
   * What happened between each two samples, the oldest first.
   *
   * @param everyMs one for each time that a clock passes a multiple of it, and what is left
   */
  periods(everyMs = SAMPLE_MS): Period[] {
    const { samples } = this;
    const chosen = samples.filter(({ at }, i) => {
      const next = samples[i + 1];
      if (i === 0 || !next || everyMs <= SAMPLE_MS) return true;
      return Math.floor(at / everyMs) !== Math.floor(next.at / everyMs);
    });
    return chosen.slice(1).map((to, at) => this.between(chosen[at] ?? to, to));
  }

  /** How long ago the first of them was: 1, 2, 5 or 10 minutes in milliseconds, so that a young process has a picture too. */
  span(now = Date.now()): number {
    const age = now - (this.samples[0]?.at ?? now);
    return [1, 2, 5].map((minutes) => minutes * 60_000).find((ms) => age <= ms) ?? SPAN_MS;
  }

  /**
   * What happened since so long ago, to now; since the first sample where that is later.
   *
   * @param ms at most ten minutes
   */
  since(ms: number, now = Date.now()): Period {
    const current = this.sample(this.vitals(), now);
    const from = this.samples.findLast(({ at }) => at <= now - ms) ?? this.samples[0] ?? current;
    return this.between(from, current);
  }

  private between(from: Sample, to: Sample): Period {
    const minus = (key: keyof Counts) => to.outcomes[key] - from.outcomes[key];
    const outcomes: Counts = {
      applied: minus('applied'),
      duplicate: minus('duplicate'),
      collision: minus('collision'),
      parked: minus('parked'),
      dead_letter: minus('dead_letter'),
      tombstone: minus('tombstone'),
    };
    const reasons = new Map([...to.reasons].map(([reason, n]) => [reason, n - (from.reasons.get(reason) ?? 0)]));
    const below = to.latencies.below.map((n, at) => n - (from.latencies.below[at] ?? 0));
    const count = to.latencies.count - from.latencies.count;
    const { bounds } = this.tally.latencies;
    const { status, isReading, lag, lagSeconds, parked, inUse } = to;
    return {
      ...{ from: from.at, to: to.at, outcomes, reasons, status, isReading, lag, lagSeconds, parked, inUse },
      rate: to.at > from.at ? (total(outcomes) / (to.at - from.at)) * 1000 : 0,
      p50: quantile(bounds, below, count, 0.5),
      p99: quantile(bounds, below, count, 0.99),
    };
  }
}
