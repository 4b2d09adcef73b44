import { registry } from '../handlers/index.js';
import { decode } from './decode.js';
import { exampleOf } from './describe.js';

/** The event types that bring rows of this table into being, by name. */
export function makersOf(table: string): string[] {
  return [...registry.values()]
    .filter((type) => {
      const value = Buffer.from(JSON.stringify(exampleOf(type)));
      const message = { topic: type.type, partition: 0, offset: 0, key: null, value, headers: [], timestamp: 0 };
      const decoded = decode(message, registry);
      const changes = decoded.kind === 'event' ? decoded.event.changes : [];
      return changes.some((change) => change.verb !== 'set' && change.table.name === table);
    })
    .map(({ type }) => type)
    .sort();
}
