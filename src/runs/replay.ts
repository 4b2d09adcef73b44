import type { Logger } from 'pino';
import type { Config } from '../config.js';
import { registry } from '../handlers/index.js';
import type { Range } from '../kafka/log-reader.js';
import { isLetter, type DeadLetter, type Unreadable } from '../letters/dead-letter.js';
import { filterOf, matcherOf } from '../letters/filter.js';
import type { LetterFlags } from '../letters/flags.js';
import { LetterTopic, type LetterSlice } from '../letters/letter-topic.js';
import { discardsOf } from '../postgres/discards.js';
import { interruptedRun, Run, type Counts, type RunRange, type RunRecord, type Selection } from '../postgres/runs.js';
import type { Advance } from '../progress.js';
import { keepDays, openServers, sourceTopics, type Servers } from '../servers.js';
import { traced, type Tracing } from '../tracing/tracing.js';
import { Choice, passedOver, type Standing } from './choice.js';
import { Fates, type Fate } from './fates.js';
import { LetterWriter } from './letter-writer.js';
import { Republisher } from './republisher.js';
import { Throttle } from './throttle.js';

/** What a replay was asked to do. */
export interface ReplayOptions {
  readonly topic: string;
  readonly flags: LetterFlags;
  /** Letters to try at the most. */
  readonly limit?: number | undefined;
  /** Letters a second. */
  readonly rate?: number | undefined;
  /** So many first; if more than half of them die again, no more. */
  readonly canary?: number | undefined;
  readonly maxReplays: number;
  readonly dryRun: boolean;
  readonly republish: boolean;
  /** Begin at the topic's start, also where a run of the same selection was interrupted. */
  readonly anew: boolean;
  readonly version: string;
}

const FILTERS: readonly (keyof LetterFlags)[] = [
  ...(['event-type', 'reason', 'fingerprint', 'event-id', 'since', 'until', 'partition'] as const),
];

/** What is recorded of a replay: equal selections are the same work. */
function selectionOf({ topic, flags, limit, maxReplays, republish }: ReplayOptions): Selection {
  const given = FILTERS.flatMap((name) => {
    const value = flags[name];
    if (value === undefined) return [];
    return [[name, typeof value === 'string' ? value : value.map(String)] as const];
  });
  return {
    topic,
    ...Object.fromEntries(given),
    ...(limit === undefined ? {} : { limit }),
    'max-replays': maxReplays,
    ...(republish ? { republish } : {}),
  };
}

/** How a replay ended. */
export type Ending = 'done' | 'interrupted' | 'canary';

/** A replay that was looked into: what it is going to do, before it does anything. */
export class Replay {
  private constructor(
    private readonly config: Config,
    private readonly options: ReplayOptions,
    readonly servers: Servers,
    private readonly log: Logger,
    private readonly topic: LetterTopic,
    private readonly choice: Choice,
    /** The run that is gone on with. */
    readonly resumes: RunRecord | undefined,
    private readonly ranges: readonly RunRange[],
  ) {}

  /**
   * Reads the topic, and finds out which letters are to be tried.
   *
   * @param onRead records that were read, of how many
   * @throws UserError where the topic cannot be replayed, or a server is away
   */
  static async plan(
    config: Config,
    options: ReplayOptions,
    log: Logger,
    { signal, onRead }: { signal: AbortSignal; onRead?: (advance: Advance) => void },
  ): Promise<Replay> {
    const filter = filterOf(options.flags);
    const servers = await openServers(config, options.version, log, 'write');
    try {
      const { dataSource, kafka, admin, ends } = servers;
      const prefix = config.kafka.topicPrefix;
      const topic = await LetterTopic.open(
        { servers: { admin, dataSource, ends, kafka }, registry, prefix },
        options.topic,
      );
      const isFresh = options.dryRun || options.anew;
      const resumes = isFresh ? undefined : await interruptedRun(dataSource, 'replay-dlq', selectionOf(options));
      const begun = resumes ? Date.parse(resumes.startedAt) : Infinity;
      const fits = matcherOf(resumes ? filterOf(options.flags, begun) : filter, prefix);
      // What was too large and died again since is met in the next run.
      const matches = (letter: DeadLetter) => fits(letter) && !(letter.isOversize && letter.failedAt >= begun);
      const ranges = resumes?.ranges ?? topic.ranges.map((range) => ({ ...range, next: range.from }));
      // What died again since then lies behind the ends that were seen when it began.
      const seen = resumes ? topic.until(ranges) : topic;
      const choice = await Choice.among(
        seen,
        dataSource,
        { matches, maxReplays: options.maxReplays, discards: await discardsOf(dataSource, topic.name) },
        {
          signal,
          ...(resumes ? { reached: new Map(ranges.map(({ partition, next }) => [partition, next])) } : {}),
          onRead: (messages) => onRead?.({ messages, left: Math.max(0, seen.records - messages) }),
        },
      );
      return new Replay(config, options, servers, log, seen, choice, resumes, ranges);
    } catch (error) {
      await servers.close();
      throw error;
    }
  }

  /** How the letters stand. */
  get counts(): Readonly<Record<Standing, number>> {
    return this.choice.counts;
  }

  /** Records that are no letters that we know, and why the first is none. */
  get unreadable(): { readonly count: number; readonly why: string | undefined } {
    return { count: this.choice.unreadable, why: this.choice.strangest };
  }

  /** Letters that will be tried. */
  get toTry(): number {
    const { tried = 0 } = this.resumes?.counts ?? {};
    return Math.min(this.counts.open - this.choice.before('open'), (this.options.limit ?? Infinity) - tried);
  }

  /**
   * Tries the letters, each once, in the order of the topic.
   *
   * @param each told of every letter
   */
  run(parts: Told): Promise<Done> {
    const { config, options, log } = this;
    const countsOf = ({ fates }: Done): Counts => ({ ...fates.counts });
    return traced(config, { name: 'replay-dlq', version: options.version, log, countsOf }, (tracing) =>
      this.replay(parts, tracing),
    );
  }

  private async replay(parts: Told, tracing: Tracing | undefined): Promise<Done> {
    const { config, options, servers, log, topic } = this;
    const { dataSource, processed } = servers;
    const { signal } = parts;
    const sources = await this.presentSources();
    if (options.dryRun) await processed.load(dataSource);
    else await keepDays(servers, sources);
    const record = {
      kind: 'replay-dlq' as const,
      reason: undefined,
      selection: selectionOf(options),
      ranges: topic.ranges,
    };
    const run = options.dryRun
      ? undefined
      : await (this.resumes ? Run.resume(dataSource, this.resumes) : Run.begin(dataSource, record));
    const writer = new LetterWriter({ config, servers, topic: topic.name, tracing, log, signal });
    let republisher: Republisher | undefined;
    const fates = new Fates(this.countsBefore());
    if (fates.counts.parked > 0) for (const letter of this.choice.triedBefore.values()) fates.mayCome(letter);
    try {
      if (options.republish && !options.dryRun) {
        republisher = await Republisher.open(servers.kafka, config.kafka.topicPrefix, await this.partitionsOf(sources));
      }
      const attempt = (letters: readonly DeadLetter[]): Promise<Fate[]> => {
        if (options.dryRun) return writer.rehearse(letters);
        return republisher ? republisher.send(letters) : writer.apply(letters);
      };
      const { ending, tried } = await this.work({ ...parts, fates, attempt, run });
      fates.came(await writer.came(fates.waitingIds, options.dryRun));
      await this.close(run, ending, fates, tried);
      return { ending, fates, runId: run?.id };
    } catch (error) {
      await run?.end(signal.aborted ? 'interrupted' : 'failed', 'ended by an error').catch(() => undefined);
      throw error;
    } finally {
      await writer.close();
      await republisher?.close();
    }
  }

  /** What became of letters before it was interrupted; what was parked then may have been applied since. */
  private countsBefore(): Counts | undefined {
    const { resumes, choice } = this;
    if (!resumes) return undefined;
    const { applied = 0, alreadyApplied = 0, parked = 0 } = resumes.counts;
    const came = Math.max(0, Math.min(parked, choice.before('resolved') - applied - alreadyApplied));
    return { ...resumes.counts, applied: applied + came, parked: parked - came };
  }

  private async close(run: Run | undefined, ending: Ending, { counts }: Fates, tried: number): Promise<void> {
    const dead = counts.deadAgain;
    const [state, outcome] = {
      interrupted: ['interrupted', 'interrupted'] as const,
      canary: ['partly', 'stopped: more than half of the first letters died again'] as const,
      done: dead > 0 ? (['partly', `${dead} died again`] as const) : (['done', 'all done'] as const),
    }[ending];
    await run?.end(state, outcome, { ...counts, tried });
  }

  private async presentSources(): Promise<string[]> {
    const there = new Set(await this.servers.admin.listTopics());
    return sourceTopics(this.config.kafka.topicPrefix, undefined).filter((name) => there.has(name));
  }

  private async partitionsOf(topics: readonly string[]): Promise<Map<string, number>> {
    const counts = new Map<string, number>();
    for (const { topic } of await this.servers.ends.ask(topics)) counts.set(topic, (counts.get(topic) ?? 0) + 1);
    return counts;
  }

  private async work({ signal, fates, attempt, run, ...parts }: Work): Promise<{ ending: Ending; tried: number }> {
    const { options, topic, choice } = this;
    const throttle = new Throttle(options.rate);
    const ranges = new Map(this.ranges.map((range) => [range.partition, range]));
    const left = this.ranges.map(({ next: from, ...range }): Range => ({ ...range, from }));
    const { limit = Infinity, canary = 0, dryRun } = options;
    const before = this.resumes?.counts.tried ?? 0;
    const { toTry } = this;
    let [tried, died] = [before, 0];
    const most = (): number =>
      throttle.most(Math.min(this.config.batch.size, limit - tried, tried < canary ? canary - tried : Infinity));
    for await (const slice of topic.read({ signal, ranges: left })) {
      const records = inOrder(slice);
      for (let done = 0; done < records.length && tried < limit;) {
        const open: DeadLetter[] = [];
        const passed: Fate[] = [];
        for (const room = most(); done < records.length && open.length < room; done++) {
          const one = records[done];
          if (one === undefined) continue;
          if (!isLetter(one)) fates.counts.skipped++;
          else if (choice.of(one) === 'open') open.push(one);
          else passed.push(...passedOver(one, choice.of(one)));
        }
        await throttle.take(open.length, signal);
        if (signal.aborted) return { ending: 'interrupted', tried };
        const attempted = open.length > 0 ? await attempt(open) : [];
        for (const fate of [...passed, ...attempted]) {
          fates.add(fate);
          parts.each?.(fate);
        }
        tried += open.length;
        died += attempted.filter(({ outcome }) => outcome === 'deadAgain').length;
        const range = slice.at && ranges.get(slice.at.partition);
        const next = done < records.length ? (records[done]?.record.offset ?? 0) : slice.at?.next;
        if (run && range && next !== undefined) {
          ranges.set(range.partition, { ...range, next });
          await run.save([...ranges.values()], { ...fates.counts, tried });
        }
        parts.onAdvance?.({
          messages: tried - before,
          left: Math.max(0, toTry - (tried - before)),
          outcomes: { 'dead again': died },
        });
        if (tried === canary && died * 2 > canary && !dryRun) return { ending: 'canary', tried };
      }
      if (tried >= limit) return { ending: 'done', tried };
    }
    return { ending: signal.aborted ? 'interrupted' : 'done', tried };
  }
}

/** Who ends it, and who is told. */
interface Told {
  readonly signal: AbortSignal;
  readonly onAdvance?: (advance: Advance) => void;
  readonly each?: (fate: Fate) => void;
}

interface Done {
  readonly ending: Ending;
  readonly fates: Fates;
  readonly runId: number | undefined;
}

interface Work extends Told {
  readonly fates: Fates;
  readonly attempt: (letters: readonly DeadLetter[]) => Promise<Fate[]>;
  readonly run: Run | undefined;
}

function inOrder({ letters, unreadable, at }: LetterSlice): readonly (DeadLetter | Unreadable)[] {
  if (unreadable.length === 0 || !at) return [...letters, ...unreadable];
  return [...letters, ...unreadable].sort((a, b) => a.record.offset - b.record.offset);
}
