import { Args } from '@oclif/core';
import { DbwCommand } from '../../command.js';
import type { EventDescription } from '../../event/describe.js';

export default class EventsShow extends DbwCommand {
  static override summary = 'Show one event type: its schema, and an example that can be sent as it is.';
  static override examples = ['<%= config.bin %> events show user.created'];
  static override args = { type: Args.string({ description: 'event type, which is also its topic', required: true }) };

  async run(): Promise<EventDescription> {
    const { args } = await this.parse(EventsShow);
    const { describe } = await import('../../event/describe.js');
    const description = describe(args.type);
    const { type, about, key, writes, schema, example } = description;
    this.log(`${type}\n${about}\n\nkey      ${key}\nwrites   ${writes.join(', ')}\n`);
    this.log(`schema of data\n${JSON.stringify(schema, null, 2)}\n\nexample\n${JSON.stringify(example, null, 2)}`);
    return description;
  }
}
