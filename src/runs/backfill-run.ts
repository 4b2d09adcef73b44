import type { Logger } from 'pino';
import type { Config } from '../config.js';
import { EXIT, reasonOf, UserError } from '../errors.js';
import { registry } from '../handlers/index.js';
import { refuseUnreadable } from '../kafka/codecs.js';
import { findRun, interruptedRun, Run, type RunRange, type RunRecord } from '../postgres/runs.js';
import type { Advance } from '../progress.js';
import { keepDays, openServers, type Servers } from '../servers.js';
import { traced, type Tracing } from '../tracing/tracing.js';
import { Backfill, type BackfillCounts, type Reached, type RefusedMessage } from './backfill.js';
import { findHistory, selectionOf, withTimes, type Choice, type PlannedRange } from './backfill-plan.js';
import { sizeOf, type Lost } from './ranges.js';

/** What a backfill was asked to do. */
export interface BackfillOptions {
  readonly choice: Choice;
  readonly reapply: boolean;
  readonly reason: string | undefined;
  /** Events a second at the most. */
  readonly rate: number | undefined;
  readonly dryRun: boolean;
  /** Goes on with an interrupted run: the one of this number, or the newest of the same choice. */
  readonly resume: number | 'same' | undefined;
  readonly version: string;
}

export interface BackfillEnd {
  readonly ending: 'done' | 'interrupted';
  readonly reached: Reached;
  /** The first some hundreds of them; `counts` has the number of all. */
  readonly refused: readonly RefusedMessage[];
  /** Number of the recorded run; undefined where nothing was to be changed. */
  readonly runId: number | undefined;
}

const SAVE_MS = 1_000;

async function runToResume({ dataSource }: Servers, options: BackfillOptions): Promise<RunRecord | undefined> {
  const { resume, choice, reapply } = options;
  if (resume === undefined) return undefined;
  if (resume === 'same') {
    const found = await interruptedRun(dataSource, 'backfill', selectionOf(choice, reapply));
    if (found) return found;
    throw new UserError('No backfill of just this was interrupted. Type: dbw runs, to see all.', EXIT.refused);
  }
  const found = await findRun(dataSource, resume);
  if (found?.kind === 'backfill' && found.state === 'interrupted') return found;
  const why = !found ? 'There is none.' : found.kind === 'backfill' ? `It is ${found.state}.` : `It is a ${found.kind}.`;
  throw new UserError(`Run ${resume} is no backfill that was interrupted. ${why} Type: dbw runs, to see all.`, EXIT.refused);
} // prettier-ignore

/** A backfill that was looked into: what it is going to do, before it does anything. */
export class BackfillRun {
  private constructor(
    private readonly config: Config,
    private readonly options: BackfillOptions,
    private readonly servers: Servers,
    private readonly log: Logger,
    /** The run that is gone on with. */
    readonly resumes: RunRecord | undefined,
    /** What is left to be read. */
    readonly plan: readonly PlannedRange[],
    /** What retention had deleted before. */
    readonly lost: readonly Lost[],
  ) {}

  /**
   * Finds out what is to be read.
   *
   * @throws UserError where that cannot be, or a server is away
   */
  static async look(config: Config, options: BackfillOptions, log: Logger, signal: AbortSignal): Promise<BackfillRun> {
    const servers = await openServers(config, options.version, log, 'write');
    try {
      const resumes = await runToResume(servers, options);
      const found = resumes
        ? { ranges: resumes.ranges.map(({ next, ...range }) => ({ ...range, from: next })), lost: [] }
        : await findHistory(servers, options.choice, config.kafka.topicPrefix);
      const ranges = found.ranges.filter(({ from, to }) => from < to);
      await refuseUnreadable(servers.admin, [...new Set(ranges.map(({ topic }) => topic))]);
      const plan = await withTimes(servers.kafka, ranges, signal);
      return new BackfillRun(config, options, servers, log, resumes, plan, found.lost);
    } catch (error) {
      await servers.close();
      throw error;
    }
  }

  get events(): number {
    return sizeOf(this.plan);
  }

  /** Whether known events are applied again; a run that is gone on with has said so before. */
  get reapply(): boolean {
    return this.resumes ? this.resumes.selection.reapply === true : this.options.reapply;
  }

  /** Seconds that it takes at least, as far as that is known. */
  get seconds(): number | undefined {
    const { rate } = this.options;
    return rate === undefined ? undefined : this.events / rate;
  }

  /**
   * Does it, or with `dryRun` finds out what would become of it.
   *
   * @throws UserError where another backfill is in the way; what the servers say where they end it
   */
  run(signal: AbortSignal, onAdvance: (advance: Advance) => void): Promise<BackfillEnd> {
    const { config, options, log } = this;
    const countsOf = ({ reached }: BackfillEnd) => ({ ...reached.counts });
    return traced(config, { name: 'backfill', version: options.version, log, countsOf }, (tracing) =>
      this.fill(tracing, signal, onAdvance),
    );
  }

  private async fill(
    tracing: Tracing | undefined,
    signal: AbortSignal,
    onAdvance: (advance: Advance) => void,
  ): Promise<BackfillEnd> {
    const { config, options, servers, log, reapply } = this;
    const { dataSource, processed } = servers;
    const { dryRun, rate } = options;
    if (dryRun) await processed.load(dataSource);
    else await keepDays(servers, await this.present());
    const run = dryRun ? undefined : await this.begin();
    const before = sizeOf(this.lost);
    const total = this.events;
    const done = this.resumes?.counts.read ?? 0;
    const ranges: readonly RunRange[] =
      this.resumes?.ranges ??
      this.plan.map(({ topic, partition, from, to }) => ({ topic, partition, from, to, next: from }));
    let saved = Date.now();
    const backfill = new Backfill(ranges, this.resumes?.counts ?? { lost: before }, {
      ...{ config, servers, reapply, dryRun, rate, tracing, log, signal },
      onReached: async ({ ranges: at, counts }) => {
        const left = at.reduce((sum, { next, to }) => sum + to - next, 0);
        onAdvance({ messages: Math.max(counts.read - done, total - left), left, outcomes: told(counts) });
        if (!run || Date.now() - saved < SAVE_MS) return;
        saved = Date.now();
        // A database that is away is waited for by who writes events; this is said again a second later.
        await run.save(at, { ...counts }).catch(() => undefined);
      },
    });
    let failure: Error | undefined;
    try {
      await backfill.run();
    } catch (error) {
      failure = error instanceof Error ? error : new Error(reasonOf(error));
    }
    const { reached, refused } = backfill;
    const isInterrupted = signal.aborted && reached.ranges.some(({ next, to }) => next < to);
    await this.end(run, reached, failure, isInterrupted);
    if (failure !== undefined && !signal.aborted) throw failure;
    return { ending: isInterrupted ? 'interrupted' : 'done', reached, refused, runId: run?.id };
  }

  private async begin(): Promise<Run> {
    const { servers, options, plan } = this;
    if (this.resumes) return Run.resume(servers.dataSource, this.resumes);
    const { choice, reapply, reason } = options;
    const ranges = plan.map(({ topic, partition, from, to }) => ({ topic, partition, from, to }));
    return Run.begin(servers.dataSource, { kind: 'backfill', reason, selection: selectionOf(choice, reapply), ranges });
  }

  private async end(
    run: Run | undefined,
    reached: Reached,
    failure: Error | undefined,
    interrupted: boolean,
  ): Promise<void> {
    if (!run) return;
    const { counts, ranges } = reached;
    try {
      await run.save(ranges, { ...counts });
      if (failure !== undefined || interrupted) {
        await run.end('interrupted', interrupted ? 'interrupted' : `ended by an error: ${reasonOf(failure)}`);
        return;
      }
      const bad = [
        ...(counts.refused > 0 ? [`${counts.refused} refused`] : []),
        ...(counts.lost > 0 ? [`${counts.lost} lost to retention`] : []),
      ];
      await run.end(bad.length > 0 ? 'partly' : 'done', bad.length > 0 ? bad.join(', ') : 'all done');
    } catch (error) {
      // What went wrong first is what is told; without a word the run counts as interrupted.
      if (failure === undefined) throw error;
    }
  }

  /** Source topics that exist: how long their records are kept says how long ids are. */
  private async present(): Promise<string[]> {
    const there = new Set(await this.servers.admin.listTopics());
    const { topicPrefix } = this.config.kafka;
    return [...registry.keys()].map((type) => topicPrefix + type).filter((topic) => there.has(topic));
  }

  close(): Promise<void> {
    return this.servers.close();
  }
}

function told({ applied, known, parked, refused }: BackfillCounts): Readonly<Record<string, number>> {
  return { applied, 'already known': known, parked, refused };
}
