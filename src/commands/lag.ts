import { Flags } from '@oclif/core';
import { DbwCommand } from '../command.js';
import type { LagReport } from '../reading/group-lag.js';

/** What `dbw lag --json` prints; with `--watch`, one in each line, with the pace since the one before. */
export type LagResult = LagReport;

export default class Lag extends DbwCommand {
  static override summary = 'Show how far the group is behind, in events and in seconds.';
  static override description = `Per topic or partition: what is committed, where the log ends, how much lies between and for how long the oldest of it has waited.
Tells events that retention deleted unread, what open transactions of producers keep from being read (no lag: nobody can read it yet), and where PostgreSQL's position is not Kafka's offset. Joins no group and moves nothing.
--watch goes on until Ctrl-C, with the pace and the time until it is caught up; status 0.`;
  static override examples = [
    '<%= config.bin %> lag',
    {
      description: 'Which partition is hot',
      command: '<%= config.bin %> lag --by partition --topics payment.completed',
    },
    { description: 'Until Ctrl-C, every 2 s', command: '<%= config.bin %> lag --watch' },
  ];
  static override flags = {
    topics: Flags.string({ summary: 'event types, separated by commas (default: all)' }),
    by: Flags.option({
      options: ['topic', 'partition'] as const,
      summary: 'what a row stands for',
      default: 'topic',
    })(),
    watch: Flags.boolean({ char: 'w', summary: 'show it again every 2 s' }),
  };

  async run(): Promise<LagResult | undefined> {
    const { flags } = await this.parse(Lag);
    const config = this.configuration();
    const { GroupLag } = await import('../reading/group-lag.js');
    const interruption = this.interruption();
    const { signal } = interruption;
    const lag = await GroupLag.open(
      config,
      flags.topics?.split(',').map((type) => type.trim()),
    );
    try {
      if (flags.watch) {
        this.endWhenUnread();
        const { watchLag } = await import('../reading/lag-watch.js');
        await watchLag(lag, { by: flags.by, json: this.jsonEnabled(), signal });
        return undefined;
      }
      const report = await lag.ask(signal);
      const { lagTable } = await import('../reading/lag-table.js');
      this.log(lagTable(report, flags.by));
      return report;
    } finally {
      interruption.end();
      await lag.close();
    }
  }
}
