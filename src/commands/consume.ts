import { Flags } from '@oclif/core';
import { DbwCommand } from '../command.js';
import type { Outcome } from '../tally.js';

/** What `dbw consume --json` prints when it ends. */
export interface ConsumeSummary {
  readonly outcomes: Readonly<Record<Outcome, number>>;
  readonly deadLettersByReason: Readonly<Record<string, number>>;
  /** Events that wait for a row when it ends, also those of earlier runs. */
  readonly stillParked: number;
  readonly seconds: number;
  readonly eventsPerSecond: number;
}

const DEADLINE_MS = 10_000;

export default class Consume extends DbwCommand {
  static override summary = 'Read the topics and leave every event in PostgreSQL, until told to stop.';
  static override description = `SIGTERM or SIGINT: finishes what is in hand, commits, leaves the group, within 10 s; a second signal ends at once.
A new group starts at the earliest offset. Configuration comes from the environment; see the README.`;
  static override examples = [
    '<%= config.bin %> consume',
    {
      description: 'Work off what is there, then end (for tests and cron)',
      command: '<%= config.bin %> consume --until-caught-up',
    },
    { description: 'Only some event types', command: '<%= config.bin %> consume --topics user.created,user.updated' },
  ];
  static override flags = {
    topics: Flags.string({ summary: 'event types to read, separated by commas (default: all)' }),
    'until-caught-up': Flags.boolean({ summary: 'end when everything that is there at the start is done' }),
    'max-events': Flags.integer({ summary: 'end after this many messages', min: 1 }),
  };

  async run(): Promise<ConsumeSummary> {
    const { flags } = await this.parse(Consume);
    const config = this.configuration();
    const log = await this.logger(config);
    const { consume } = await import('../consume.js');
    const { consumeProgress } = await import('../progress.js');
    const types = flags.topics?.split(',').map((type) => type.trim());

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
    const progress = untilCaughtUp && !this.jsonEnabled() ? consumeProgress() : undefined;
    try {
      const result = await consume(
        config,
        {
          types,
          untilCaughtUp,
          maxEvents: flags['max-events'],
          version: this.config.version,
          ...(progress ? { onProgress: progress.update } : {}),
        },
        log,
        stop.signal,
      );
      progress?.done();
      const { tally, parked, seconds } = result;
      const stillParked = parked.waiting + parked.dead;
      const eventsPerSecond = Math.round(tally.messages / Math.max(seconds, 0.001));
      log.info({ ...tally.byOutcome, batches: tally.batches, stillParked, seconds }, 'ended');
      if (untilCaughtUp) {
        const { applied, duplicate, collision, dead_letter: deadLetters } = tally.byOutcome;
        this.log(
          `Caught up: ${applied} applied, ${duplicate + collision} already known, ${deadLetters} dead letters; ${stillParked} stay parked.`,
        );
      }
      return {
        outcomes: tally.byOutcome,
        deadLettersByReason: Object.fromEntries(tally.deadLettersByReason),
        stillParked,
        seconds,
        eventsPerSecond,
      };
    } finally {
      progress?.stop();
      process.off('SIGTERM', onSignal);
      process.off('SIGINT', onSignal);
    }
  }
}
