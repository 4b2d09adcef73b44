import { Flags } from '@oclif/core';
import { DbwCommand } from '../command.js';
import { EXIT, UserError } from '../errors.js';
import type { Position } from '../reading/offsets.js';
import type { Advance } from '../progress.js';
import type { Outcome, Tally } from '../health/tally.js';

/** What `dbw consume --json` prints when it ends. */
export interface ConsumeSummary {
  readonly outcomes: Readonly<Record<Outcome, number>>;
  readonly deadLettersByReason: Readonly<Record<string, number>>;
  /** Events that wait for a row when it ends, also those of earlier runs. */
  readonly stillParked: number;
  /** Partitions that were not read because retention deleted events before they were. */
  readonly gaps: readonly { topic: string; partition: number; from: number; to: number; lost: number }[];
  /** Batches that cannot be read: the offset at which a partition waits, and why. */
  readonly unreadable: readonly { topic: string; partition: number; next: number; reason: string }[];
  /** From the start of the process to its end. */
  readonly seconds: number;
  /** While there was something to write: from when the first batch was taken to when the last was finished. */
  readonly eventsPerSecond: number;
}

const DEADLINE_MS = 10_000;

function advanceOf(left: number, { messages, byOutcome }: Tally): Advance {
  return { messages, left, outcomes: { 'dead letters': byOutcome.dead_letter } };
}

/** `topic:partition:offset`, as the report of a gap names it. */
function gapOf(text: string): Position {
  const [, topic, partition, next] = /^([A-Za-z0-9._-]+):(\d+):(\d+)$/.exec(text) ?? [];
  if (topic === undefined) {
    throw new UserError(`--accept-gap is "${text}", expected topic:partition:offset as the log names it.`, EXIT.usage);
  }
  return { topic, partition: Number(partition), next: Number(next) };
}

export default class Consume extends DbwCommand {
  static override summary = 'Read the topics and leave every event in PostgreSQL, until told to stop.';
  static override description = `SIGTERM or SIGINT: finishes what is in hand, commits, leaves the group, within 10 s; a second signal ends at once.
A new group starts at the earliest offset. Only committed records are read; an open transaction of a producer is not waited for by --until-caught-up. Configuration comes from the environment; see the README.`;
  static override examples = [
    '<%= config.bin %> consume',
    {
      description: 'Work off what is there, then end (for tests and cron)',
      command: '<%= config.bin %> consume --until-caught-up',
    },
    {
      description: 'Go on although events were lost; the log says how many, and what to type',
      command: '<%= config.bin %> consume --accept-gap user.created:0:1200',
    },
    { description: 'Only some event types', command: '<%= config.bin %> consume --topics user.created,user.updated' },
  ];
  static override flags = {
    topics: Flags.string({ summary: 'event types to read, separated by commas (default: all)' }),
    'until-caught-up': Flags.boolean({ summary: 'end when everything that is there at the start is done' }),
    'max-events': Flags.integer({ summary: 'end after this many messages', min: 1 }),
    'accept-gap': Flags.string({
      summary: 'go on behind events that retention deleted before they were read: topic:partition:offset',
      multiple: true,
    }),
  };

  async run(): Promise<ConsumeSummary> {
    const { flags } = await this.parse(Consume);
    const config = this.configuration();
    const log = await this.logger(config);
    const { consume } = await import('../consume/consume.js');
    const { showProgress } = await import('../progress.js');
    const types = flags.topics?.split(',').map((type) => type.trim());
    const acceptGaps = flags['accept-gap']?.map(gapOf) ?? [];

    const stop = new AbortController();
    const onSignal = (signal: NodeJS.Signals) => {
      if (stop.signal.aborted) process.exit(signal === 'SIGINT' ? 130 : 143);
      log.info({ signal }, 'finishing what is in hand; a second signal ends at once');
      stop.abort();
      setTimeout(() => {
        log.error(`not done within ${DEADLINE_MS / 1000} s: ending; what is not committed is read again`);
        process.exit(1);
      }, DEADLINE_MS).unref();
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
    const untilCaughtUp = flags['until-caught-up'];
    const progress = untilCaughtUp && !this.jsonEnabled() ? showProgress('Kafka → PostgreSQL') : undefined;
    try {
      const result = await consume(
        config,
        {
          types,
          untilCaughtUp,
          maxEvents: flags['max-events'],
          acceptGaps,
          version: this.config.version,
          ...(progress
            ? {
                onProgress: (left, tally) => {
                  progress.update(advanceOf(left, tally));
                },
              }
            : {}),
        },
        log,
        stop.signal,
      );
      await progress?.stop();
      const { tally, parked, seconds } = result;
      const gaps = result.gaps.map((gap) => ({ ...gap, lost: gap.to - gap.from }));
      const stillParked = parked.waiting + parked.dead;
      const eventsPerSecond = Math.round(tally.messages / Math.max(tally.workSeconds, 0.001));
      log.info({ ...tally.byOutcome, batches: tally.batches, stillParked, seconds }, 'ended');
      if (untilCaughtUp) {
        const { applied, duplicate, collision, dead_letter: deadLetters } = tally.byOutcome;
        this.log(
          `Caught up: ${applied} applied, ${duplicate + collision} already known, ${deadLetters} dead letters; ${stillParked} stay parked.`,
        );
      }
      for (const { reason } of untilCaughtUp ? result.unreadable : []) {
        this.logToStderr(`${reason} The others were read.`);
        process.exitCode = EXIT.partly;
      }
      if (untilCaughtUp && gaps.length > 0) {
        const lost = gaps.reduce((sum, gap) => sum + gap.lost, 0);
        this.logToStderr(`${lost} events in ${gaps.length} partitions were lost to retention; see --accept-gap.`);
        process.exitCode = EXIT.lost;
      }
      return {
        outcomes: tally.byOutcome,
        deadLettersByReason: Object.fromEntries(tally.deadLettersByReason),
        stillParked,
        gaps,
        unreadable: result.unreadable,
        seconds,
        eventsPerSecond,
      };
    } finally {
      await progress?.stop();
      process.off('SIGTERM', onSignal);
      process.off('SIGINT', onSignal);
    }
  }
}
