import { Flags } from '@oclif/core';
import { DbwCommand } from '../../command.js';
import { EXIT, UserError } from '../../errors.js';
import type { ParkedReport } from '../../letters/parked-report.js';

/** What `dbw parked ls --json` prints. */
export type ParkedLsResult = ParkedReport;

export default class ParkedLs extends DbwCommand {
  static override summary = 'List the events that wait for a row: which, for what, and since when.';
  static override description = `An event whose parent or target is missing waits in PostgreSQL, and is applied by itself as soon as that row is there.
After PARK_TIMEOUT_MS it becomes a dead letter too, and goes on waiting. Keys are values of events and shown as a hash only, unless --reveal.`;
  static override examples = [
    '<%= config.bin %> parked ls',
    {
      description: 'What waits for users, with their ids',
      command: '<%= config.bin %> parked ls --table users --reveal',
    },
    '<%= config.bin %> parked ls --event-type payment.completed --limit 100 --json',
  ];
  static override flags = {
    table: Flags.string({ summary: 'only what waits for rows of this table' }),
    'event-type': Flags.string({ summary: 'only events of this type' }),
    limit: Flags.integer({ summary: 'how many events are listed one by one', default: 20, min: 0, max: 100_000 }),
    reveal: Flags.boolean({ summary: 'show the keys that are waited for' }),
  };

  async run(): Promise<ParkedLsResult> {
    const { flags } = await this.parse(ParkedLs);
    const config = this.configuration();
    const [{ tables }, { sourceTopics }, { connect }, { requireSchema }, { listParked }] = await Promise.all([
      import('../../handlers/index.js'),
      import('../../servers.js'),
      import('../../postgres/data-source.js'),
      import('../../postgres/migrate.js'),
      import('../../letters/parked-report.js'),
    ]);
    if (flags['event-type'] !== undefined) sourceTopics('', [flags['event-type']]);
    const names = tables.map(({ name }) => name);
    if (flags.table !== undefined && !names.includes(flags.table)) {
      throw new UserError(`There is no table "${flags.table}". There are: ${names.sort().join(', ')}.`, EXIT.usage);
    }
    const dataSource = await connect({ ...config.database, poolSize: 1 }, config.kafka.clientId);
    try {
      await requireSchema(dataSource, this.config.version);
      const filter = { table: flags.table, eventType: flags['event-type'] };
      const result = await listParked(dataSource, filter, { limit: flags.limit, reveal: flags.reveal });
      const { parkedTable } = await import('../../letters/parked-table.js');
      this.log(parkedTable(result));
      return result;
    } finally {
      await dataSource.destroy();
    }
  }
}
