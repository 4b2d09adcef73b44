import { Flags } from '@oclif/core';
import { DbwCommand } from '../../command.js';
import type { EventSummary } from '../../event/describe.js';

export default class Events extends DbwCommand {
  static override summary = 'List the event types that dbw knows, with their keys and tables.';
  static override examples = [
    '<%= config.bin %> events',
    { description: 'Every schema, as one JSON document', command: '<%= config.bin %> events --json-schema' },
  ];
  static override flags = {
    'json-schema': Flags.boolean({ summary: 'print the JSON Schema of every event type instead' }),
  };

  async run(): Promise<readonly EventSummary[] | Readonly<Record<string, unknown>>> {
    const { flags } = await this.parse(Events);
    const { summaries, schemas } = await import('../../event/describe.js');
    if (flags['json-schema']) {
      const all = schemas();
      this.log(JSON.stringify(all, null, 2));
      return all;
    }
    const rows = summaries();
    const { table } = await import('../../output.js');
    this.log(
      table(
        ['event type (topic)', 'key', 'writes', 'about'],
        rows.map(({ type, key, writes, about }) => [type, key, writes.join(', '), about]),
      ),
    );
    return rows;
  }
}
