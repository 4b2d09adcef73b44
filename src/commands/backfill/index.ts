import { Args, Flags } from '@oclif/core';
import { DbwCommand } from '../../command.js';
import { EXIT, UserError } from '../../errors.js';
import { table } from '../../output.js';
import type { BackfillCounts, RefusedMessage } from '../../runs/backfill.js';
import type { PlannedRange } from '../../runs/backfill-plan.js';
import type { BackfillEnd, BackfillRun } from '../../runs/backfill-run.js';
import { choiceOf, rangeFlags, showPlan } from '../../runs/backfill-flags.js';
import type { Lost } from '../../runs/ranges.js';

/** What `dbw backfill --json` prints. */
export interface BackfillSummary {
  /** Number of the recorded run; null where nothing was to be changed. */
  readonly run: number | null;
  readonly dryRun: boolean;
  readonly reapply: boolean;
  readonly ending: 'done' | 'interrupted';
  /** The command that goes on with it, where it was interrupted. */
  readonly goOn: string | null;
  /** What was to be read when it began. */
  readonly plan: readonly PlannedRange[];
  /** What retention had deleted of it before. */
  readonly lost: readonly Lost[];
  /** What became of the messages, or would; of a run that was gone on with, since it began. */
  readonly counts: BackfillCounts;
  /** The first 500 that were refused, or would be. */
  readonly refused: readonly RefusedMessage[];
  readonly seconds: number;
  readonly eventsPerSecond: number;
}

export default class Backfill extends DbwCommand {
  static override summary = 'Read a part of history again, beside the live group and without moving its offsets.';
  static override description = `What was processed is left alone; with --reapply it is written again over rows that were damaged, and newer values are
kept. What cannot be written is listed; no dead letters are written. Times are those of the records in Kafka. Ctrl-C finishes the batch in hand and says how
to go on. Ends with status 3 where events were refused, 6 where retention had deleted some.`;
  static override examples = [
    {
      description: 'What would become of the last two hours',
      command: '<%= config.bin %> backfill --topic user.created --from-time 2h --dry-run',
    },
    {
      description: 'Repair rows that were damaged between ten and noon',
      command:
        '<%= config.bin %> backfill --topic payment.completed --topic payment.refunded --from-time 2024-05-01T10:00Z --to-time 2024-05-01T12:00Z --reapply --reason INC-502 --yes',
    },
    {
      description: 'Some offsets of one partition, gently',
      command:
        '<%= config.bin %> backfill --topic message.created --partition 1 --from-offset 1200 --to-offset 1300 --rate 100 --yes',
    },
    { description: 'Go on with a run that was interrupted', command: '<%= config.bin %> backfill --resume 12 --yes' },
  ];
  static override args = { run: Args.integer({ description: 'number of the run to go on with, with --resume' }) };
  static override flags = {
    ...rangeFlags,
    reapply: Flags.boolean({ summary: 'write again what the events last said, although they were processed' }),
    reason: Flags.string({ summary: 'why, for the record; --reapply needs one' }),
    rate: Flags.integer({ summary: 'events a second at the most', min: 1 }),
    'dry-run': Flags.boolean({ summary: 'say what would become of the events; change nothing' }),
    resume: Flags.boolean({ summary: 'go on with the run of this number, or with the last one of just these flags' }),
    yes: Flags.boolean({ char: 'y', summary: 'do not ask' }),
  };

  async run(): Promise<BackfillSummary> {
    const { args, flags } = await this.parse(Backfill);
    const { reapply, reason, rate, resume, 'dry-run': dryRun } = flags;
    if (args.run !== undefined && !resume) {
      throw new UserError(`To go on with run ${args.run}, type: dbw backfill --resume ${args.run}`, EXIT.usage);
    }
    if (flags.topic === undefined && args.run === undefined) {
      throw new UserError('Which topic? Add --topic, as often as needed. Type: dbw events, to see all.', EXIT.usage);
    }
    if (reapply && !reason?.trim()) {
      throw new UserError('--reapply needs --reason: it writes over what tables hold, and is recorded.', EXIT.usage);
    }
    const config = this.configuration();
    const log = await this.logger(config, 'warn');
    const { BackfillRun } = await import('../../runs/backfill-run.js');
    const { showProgress } = await import('../../progress.js');
    const { signal, end } = this.interruption();
    const options = {
      ...{ choice: choiceOf(flags), reapply, reason, rate, dryRun, version: this.config.version },
      resume: resume ? (args.run ?? ('same' as const)) : undefined,
    };
    try {
      const run = await BackfillRun.look(config, options, log, signal);
      try {
        this.logToStderr(showPlan(run, rate));
        const count = run.events.toLocaleString('en-US');
        const question = run.reapply
          ? `Write ${count} events again over what the tables hold?`
          : `Read ${count} events again?`;
        if (!dryRun) await this.confirm(question, flags.yes);
        const progress = showProgress(dryRun ? 'Trying without changing anything' : 'Backfilling');
        const started = Date.now();
        const done = await run.run(signal, progress.update).finally(progress.stop);
        return this.show(run, done, dryRun, (Date.now() - started) / 1000);
      } finally {
        await run.close();
      }
    } finally {
      end();
    }
  }

  private show(run: BackfillRun, { ending, reached, refused, runId }: BackfillEnd, dryRun: boolean, seconds: number): BackfillSummary {
    const { counts } = reached;
    const would = (words: string) => (dryRun ? `would be ${words}` : words);
    const rows: readonly (readonly [string, number, boolean])[] = [
      ['read', counts.read, true],
      [would('applied'), counts.applied, true],
      ['already known', counts.known, !run.reapply],
      [would('parked'), counts.parked, true],
      ['parked ones applied since', counts.unparked, false],
      [would('refused'), counts.refused, true],
      ['under a known id with other content', counts.collisions, false],
      ['without a value', counts.tombstones, false],
      ['unclear, for locks of others', counts.unclear, false],
      [dryRun ? 'rows that would be repaired, at most' : 'rows repaired', counts.repaired, run.reapply],
      ['lost to retention', counts.lost, true],
    ];
    this.log(table([], rows.flatMap(([words, count, always]) => (always || count > 0 ? [[words, count]] : [])))); // prettier-ignore
    if (refused.length > 0) {
      const lines = refused.map(({ topic, partition, offset, reason, code, path }) => [`${topic}:${partition}:${offset}`, reason, code, path]); // prettier-ignore
      const more = counts.refused > refused.length ? `\n… and ${counts.refused - refused.length} more` : '';
      this.log(`\n${table(['refused', 'reason', 'code', 'path'], lines)}${more}`);
    }
    const goOn = ending === 'interrupted' && runId !== undefined ? `dbw backfill --resume ${runId}` : null;
    if (goOn !== null) this.logToStderr(`Interrupted. To go on: ${goOn}`);
    if (ending === 'interrupted') process.exitCode = EXIT.interrupted;
    else if (counts.lost > 0) process.exitCode = EXIT.lost;
    else if (counts.refused > 0 && !dryRun) process.exitCode = EXIT.partly;
    const { plan, lost, reapply } = run;
    const eventsPerSecond = Math.round((counts.read - (run.resumes?.counts.read ?? 0)) / Math.max(seconds, 0.001));
    return { run: runId ?? null, dryRun, reapply, ending, goOn, plan, lost, counts, refused, seconds, eventsPerSecond };
  }
} // prettier-ignore
