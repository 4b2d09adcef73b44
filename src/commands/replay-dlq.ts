import { Flags } from '@oclif/core';
import { DbwCommand } from '../command.js';
import { EXIT } from '../errors.js';
import { letterFlags } from '../letters/flags.js';
import { table } from '../output.js';
import { printable } from '../printable.js';
import type { Ending, Replay as Plan } from '../runs/replay.js';
import type { Fate, FateGroup, Fates, OutcomeCounts } from '../runs/fates.js';

/** What `dbw replay-dlq --json` prints. */
export interface ReplaySummary {
  readonly topic: string;
  readonly dryRun: boolean;
  /** Number of the recorded run; null where nothing was to be done, or nothing was changed. */
  readonly run: number | null;
  readonly ending: Ending;
  /** What became of the letters, or would. */
  readonly counts: OutcomeCounts;
  /** By cause and outcome, the most frequent first. */
  readonly groups: readonly FateGroup[];
  readonly seconds: number;
}

const WORDS: Readonly<Record<keyof OutcomeCounts, string>> = {
  applied: 'applied',
  alreadyApplied: 'already applied',
  parked: 'parked',
  deadAgain: 'dead again',
  skipped: 'skipped',
  republished: 'sent to their topics',
  unclear: 'unclear',
};

export default class ReplayDlq extends DbwCommand {
  static override summary = 'Put dead letters through the same write path again.';
  static override description = `Reads the topic up to the end that it has now. Of several letters of one message the newest counts; what was processed
since is left alone. What dies again goes back as a letter and is met in the next run only. Interrupted with Ctrl-C, the same
command goes on where it stopped. Ends with status 3 where letters died again.`;
  static override examples = [
    { description: 'What would become of every letter, and why', command: '<%= config.bin %> replay-dlq --dry-run' },
    {
      description: 'One cause that was mended: 20 letters first, and the others if most of these are well',
      command: '<%= config.bin %> replay-dlq --topic db-writer.dlq --fingerprint 9f3c1a77b210 --canary 20 --yes',
    },
    {
      description: 'Gently, only what died within the last two hours',
      command: '<%= config.bin %> replay-dlq --since 2h --rate 200 --yes',
    },
  ];
  static override flags = {
    topic: Flags.string({ summary: 'the dead-letter topic, also of Kafka Connect or Spring; default: DLQ_TOPIC' }),
    ...letterFlags,
    limit: Flags.integer({ summary: 'try so many letters at the most', min: 1 }),
    rate: Flags.integer({ summary: 'letters a second at the most', min: 1 }),
    canary: Flags.integer({ summary: 'try so many first; stop if more than half of them die again', min: 1 }),
    'max-replays': Flags.integer({ summary: 'leave out what was replayed in vain so often', default: 3, min: 1 }),
    'dry-run': Flags.boolean({ summary: 'say what would become of each letter and why; change nothing' }),
    list: Flags.boolean({ summary: 'one line for each letter, as it is done' }),
    republish: Flags.boolean({
      summary: 'send them to their original topics instead: everybody who reads these sees them again',
      exclusive: ['dry-run'],
    }),
    anew: Flags.boolean({ summary: 'begin at the first letter, also where the same command was interrupted before' }),
    yes: Flags.boolean({ char: 'y', summary: 'do not ask' }),
  };

  async run(): Promise<ReplaySummary> {
    const { flags } = await this.parse(ReplayDlq);
    const config = this.configuration();
    const log = await this.logger(config, 'warn');
    const { Replay } = await import('../runs/replay.js');
    const { showProgress } = await import('../progress.js');
    const { idOf } = await import('../runs/fates.js');
    const topic = flags.topic ?? config.deadLetters.topic;
    const dryRun = flags['dry-run'];
    const { limit, rate, canary, republish, anew, 'max-replays': maxReplays } = flags;
    const version = this.config.version;
    const started = Date.now();
    const { signal, end } = this.interruption();
    try {
      const reading = showProgress(`Reading ${topic}`);
      const plan = await Replay.plan(
        config,
        { topic, flags, limit, rate, canary, maxReplays, dryRun, republish, anew, version },
        log,
        { signal, onRead: reading.update },
      ).finally(reading.stop);
      try {
        this.tellPlan(plan, topic);
        if (plan.toTry === 0 || signal.aborted)
          return this.close(plan, undefined, { topic, dryRun, started, aborted: signal.aborted });
        if (!dryRun) await this.confirm(this.questionOf(plan.toTry, topic, republish), flags.yes);
        const progress = showProgress(dryRun ? 'Trying without changing anything' : 'Replaying');
        const each = ({ letter, outcome, why }: Fate) => {
          this.log(
            [idOf(letter), letter.fingerprint, letter.eventType ?? '-', WORDS[outcome], why ?? '']
              .map(printable)
              .join('  ')
              .trimEnd(),
          );
        };
        const done = await plan
          .run({ signal, onAdvance: progress.update, ...(flags.list ? { each } : {}) })
          .finally(progress.stop);
        return this.close(plan, done, { topic, dryRun, started, aborted: false });
      } finally {
        await plan.servers.close();
      }
    } finally {
      end();
    }
  }

  private questionOf(toTry: number, topic: string, republish: boolean): string {
    const count = toTry.toLocaleString('en-US');
    return republish ? `Send ${count} messages to their topics again?` : `Replay ${count} letters of ${topic}?`;
  }

  private tellPlan({ counts, toTry, resumes, unreadable }: Plan, topic: string): void {
    const { open, resolved, discarded, exhausted, foreign } = counts;
    const rows = [
      [toTry, 'to try'],
      [open - toTry, resumes ? 'tried before, or beyond --limit' : 'open, beyond --limit'],
      [resolved, 'resolved: their events were processed since'],
      [discarded, 'discarded'],
      [exhausted, 'replayed too often (--max-replays)'],
      [foreign, 'of topics that are not ours'],
      [unreadable.count, `no letters that can be read: ${unreadable.why ?? ''}`],
    ] as const;
    const shown = rows.filter(([count], i) => i === 0 || count > 0);
    if (resumes) this.tell(`Going on with run ${resumes.id}, which was interrupted.`);
    this.tell(`Letters in ${topic}:\n${table([], shown)}`);
  }

  private close(
    plan: Plan,
    done: { ending: Ending; fates: Fates; runId: number | undefined } | undefined,
    { topic, dryRun, started, aborted }: { topic: string; dryRun: boolean; started: number; aborted: boolean },
  ): ReplaySummary {
    const nothing: OutcomeCounts = {
      ...{ applied: 0, parked: 0, deadAgain: 0, republished: 0, unclear: 0 },
      alreadyApplied: plan.counts.resolved,
      skipped: plan.counts.discarded + plan.counts.exhausted + plan.counts.foreign + plan.unreadable.count,
    };
    const counts = done?.fates.counts ?? nothing;
    const groups = done?.fates.groups ?? [];
    const ending = done?.ending ?? (aborted ? 'interrupted' : 'done');
    const run = done?.runId ?? null;
    const shown = Object.entries(WORDS).flatMap(([outcome, words]) => {
      const count = Object.entries(counts).find(([name]) => name === outcome)?.[1] ?? 0;
      const isUsual = !['republished', 'unclear'].includes(outcome);
      return count > 0 || isUsual ? [[dryRun ? `would be ${words}` : words, count] as const] : [];
    });
    this.log(table([], shown));
    const bad = groups.filter(({ outcome }) => ['deadAgain', 'parked', 'skipped', 'unclear'].includes(outcome));
    if (bad.length > 0) {
      const rows = bad
        .slice(0, 20)
        .map((group) => [
          ...[
            group.count,
            WORDS[group.outcome],
            group.why ?? '',
            group.fingerprint,
            group.eventType ?? '-',
            group.example,
          ],
        ]);
      this.log(
        `\n${table(['', 'what', 'why', 'died of', 'event type', 'example'], rows, { cut: ['why', 'event type'] })}`,
      );
    }
    if (ending === 'interrupted')
      this.tell(
        run === null ? 'Interrupted. Nothing was changed.' : 'Interrupted. The same command goes on where it stopped.',
      );
    if (ending === 'canary') {
      this.tell('Stopped: more than half of the first letters died again. The others were not touched.');
    }
    if (ending === 'interrupted') process.exitCode = EXIT.interrupted;
    else if (!dryRun && (counts.deadAgain > 0 || ending === 'canary')) process.exitCode = EXIT.partly;
    return { topic, dryRun, run, ending, counts, groups, seconds: (Date.now() - started) / 1000 };
  }
}
