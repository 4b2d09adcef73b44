import { DbwCommand } from '../../command.js';
import { EXIT, UserError } from '../../errors.js';
import { table } from '../../output.js';
import { choiceOf, rangeFlags, showPlan } from '../../runs/backfill-flags.js';
import type { PlannedRange } from '../../runs/backfill-plan.js';
import type { Lost } from '../../runs/ranges.js';
import type { Verified } from '../../runs/verify.js';

/** What `dbw backfill verify --json` prints. */
export interface VerifySummary extends Verified {
  readonly ending: 'done' | 'interrupted';
  readonly plan: readonly PlannedRange[];
  /** What retention had deleted of it before. */
  readonly lost: readonly Lost[];
  readonly seconds: number;
}

const MOST_LINES = 50;

export default class BackfillVerify extends DbwCommand {
  static override summary = 'List the events of a part of history whose effect is missing in the tables.';
  static override description = `Reads the range and the database and writes nothing. What later events replaced is not missing. Events that wait for a
row and events that cannot become rows are told apart. Counters of the rows that the range touches are compared with what they count. Ends with status 3
where something is missing.`;
  static override examples = [
    '<%= config.bin %> backfill verify --topic payment.completed --from-time 2h',
    {
      description: 'One partition, for scripts',
      command:
        '<%= config.bin %> backfill verify --topic user.created --partition 0 --from-offset 100 --to-offset 200 --json',
    },
  ];
  static override flags = rangeFlags;

  async run(): Promise<VerifySummary> {
    const { flags } = await this.parse(BackfillVerify);
    if (flags.topic === undefined) {
      throw new UserError('Which topic? Add --topic, as often as needed. Type: dbw events, to see all.', EXIT.usage);
    }
    const config = this.configuration();
    const log = await this.logger(config, 'warn');
    const { Verify } = await import('../../runs/verify.js');
    const { showProgress } = await import('../../progress.js');
    const { signal, end } = this.interruption();
    try {
      const options = { choice: choiceOf(flags), version: this.config.version };
      const verify = await Verify.look(config, options, log, signal);
      try {
        this.logToStderr(showPlan(verify, undefined));
        const progress = showProgress('Comparing');
        const started = Date.now();
        const found = await verify.run(signal, progress.update).finally(progress.stop);
        this.show(found);
        const ending = signal.aborted ? ('interrupted' as const) : ('done' as const);
        if (ending === 'interrupted') process.exitCode = EXIT.interrupted;
        else if (found.counts.missing > 0 || found.counters.length > 0) process.exitCode = EXIT.partly;
        else if (found.counts.lost > 0) process.exitCode = EXIT.lost;
        const { plan, lost } = verify;
        return { ...found, ending, plan, lost, seconds: (Date.now() - started) / 1000 };
      } finally {
        await verify.close();
      }
    } finally {
      end();
    }
  }

  private show({ counts, missing, refused, counters }: Verified): void {
    const rows = [
      ['read', counts.read],
      ['present', counts.present],
      ['missing', counts.missing],
      ['parked: they wait for a row', counts.parked],
      ['refused: they cannot become rows', counts.refused],
      ['under a known id with other content', counts.collisions],
      ['without a value', counts.tombstones],
      ['lost to retention', counts.lost],
    ] as const;
    this.log(
      table(
        [],
        rows.filter(([, count], i) => i < 5 || count > 0),
      ),
    );
    if (missing.length > 0) {
      const lines = missing.slice(0, MOST_LINES).map(({ topic, partition, offset, what, table: of, column }) => [`${topic}:${partition}:${offset}`, what, [of, column].filter((part) => part !== null).join('.')]); // prettier-ignore
      this.log(`\n${table(['missing', 'what', 'where'], lines)}${more(counts.missing, lines.length)}`);
    }
    if (refused.length > 0) {
      const lines = refused.slice(0, MOST_LINES).map(({ topic, partition, offset, reason, code, path }) => [`${topic}:${partition}:${offset}`, reason, code, path]); // prettier-ignore
      this.log(`\n${table(['refused', 'reason', 'code', 'path'], lines)}${more(counts.refused, lines.length)}`);
    }
    for (const { table: of, column, rows: count } of counters) {
      this.log(`\n${of}.${column} is wrong in ${count.toLocaleString('en-US')} rows.`);
    }
    if (counts.missing > 0 || counters.length > 0) {
      this.logToStderr('To write what is missing: dbw backfill with the same range, --reapply and --reason.');
    }
  }
}

function more(all: number, shown: number): string {
  return all > shown ? `\n… and ${(all - shown).toLocaleString('en-US')} more` : '';
}
