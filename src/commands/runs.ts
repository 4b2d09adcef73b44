import { Args, Flags } from '@oclif/core';
import { DbwCommand } from '../command.js';
import { EXIT, UserError } from '../errors.js';
import { table } from '../output.js';
import { printable, quoted } from '../printable.js';
import type { RunRecord } from '../postgres/runs.js';

/** What `dbw runs --json` prints: a run as it was recorded, and how to go on where it was interrupted. */
export interface RecordedRun extends RunRecord {
  readonly goOn: string | null;
}

/** The flags of a selection, as they were typed. */
function flagsOf({ selection }: RunRecord): string {
  return Object.entries(selection)
    .flatMap(([name, value]) => {
      if (typeof value === 'boolean') return value ? [`--${name}`] : [];
      const values = typeof value === 'object' ? value : [String(value)];
      return values.map((one) => `--${name} ${quoted(one)}`);
    })
    .join(' ');
}

function goOn(run: RunRecord): string | null {
  if (run.state !== 'interrupted') return null;
  // A replay of the same letters finds by itself where it stopped.
  return run.kind === 'backfill' ? `dbw backfill --resume ${run.id}` : `dbw ${run.kind} ${flagsOf(run)}`.trimEnd();
}

function percent({ ranges }: RunRecord): string {
  const sum = (valueOf: (range: RunRecord['ranges'][number]) => number) =>
    ranges.reduce((total, range) => total + valueOf(range), 0);
  const size = sum(({ from, to }) => to - from);
  return size === 0 ? '100%' : `${Math.floor((sum(({ from, next }) => next - from) / size) * 100)}%`;
}

function shortTime(time: string | null): string {
  return time === null ? '-' : time.replace(/\.\d+Z$/, 'Z');
}

export default class Runs extends DbwCommand {
  static override summary = 'List replays and backfills: who, when, what, how far, and how they ended.';
  static override description =
    'One whose process died shows as interrupted, with the command that goes on with it. With a number: that one, whole.';
  static override examples = [
    '<%= config.bin %> runs',
    { description: 'One run with its ranges', command: '<%= config.bin %> runs 12' },
  ];
  static override args = { run: Args.integer({ description: 'number of a run' }) };
  static override flags = { limit: Flags.integer({ summary: 'the newest so many', default: 20, min: 1 }) };

  async run(): Promise<readonly RecordedRun[]> {
    const { args, flags } = await this.parse(Runs);
    const config = this.configuration();
    const { connect } = await import('../postgres/data-source.js');
    const { requireSchema } = await import('../postgres/migrate.js');
    const { findRun, listRuns } = await import('../postgres/runs.js');
    const dataSource = await connect(config.database, config.kafka.clientId);
    try {
      await requireSchema(dataSource, this.config.version);
      if (args.run === undefined) {
        const runs = await listRuns(dataSource, flags.limit);
        this.list(runs);
        return runs.map((run) => ({ ...run, goOn: goOn(run) }));
      }
      const run = await findRun(dataSource, args.run);
      if (!run) throw new UserError(`There is no run ${args.run}. Type: dbw runs, to see all.`, EXIT.refused);
      this.show(run);
      return [{ ...run, goOn: goOn(run) }];
    } finally {
      await dataSource.destroy();
    }
  }

  private list(runs: readonly RunRecord[]): void {
    if (runs.length === 0) {
      this.log('No replay or backfill was recorded yet.');
      return;
    }
    const rows = runs.map((run) => [run.id, run.kind, `${run.user}@${run.host}`, shortTime(run.startedAt), run.state, percent(run), run.outcome ?? '', flagsOf(run)]); // prettier-ignore
    this.log(
      table(['id', 'kind', 'who', 'started', 'state', 'read', 'outcome', 'what'], rows, {
        cut: ['what', 'outcome', 'who'],
        drop: ['read', 'who'],
      }),
    );
    const open = runs.flatMap((run) => goOn(run) ?? []);
    if (open.length > 0) this.log(`\nTo go on:\n${open.map((command) => `  ${printable(command)}`).join('\n')}`);
  }

  private show(run: RunRecord): void {
    const facts = [
      ['what', `${run.kind} ${flagsOf(run)}`.trimEnd()],
      ['who', `${run.user} on ${run.host}`],
      ['why', run.reason ?? '-'],
      ['started', shortTime(run.startedAt)],
      ['last word', shortTime(run.updatedAt)],
      ['ended', shortTime(run.endedAt)],
      ['state', run.outcome ?? run.state],
      ...Object.entries(run.counts).flatMap(([what, count]) => (count > 0 ? [[what, count]] : [])),
    ];
    this.log(table([], facts));
    const ranges = run.ranges.map(({ topic, partition, from, next, to }) => [topic, partition, from, next, to]);
    this.log(`\n${table(['topic', 'partition', 'from', 'next', 'to'], ranges)}`);
    const command = goOn(run);
    if (command !== null) this.log(`\nTo go on: ${printable(command)}`);
  }
}
