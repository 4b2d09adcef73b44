import { makersOf } from '../../src/event/makers.js';
import { registry } from '../../src/handlers/index.js';
import type { Table } from '../../src/tables/table.js';
import { envelope, eventOf } from './envelopes.js';
import type { Envelope } from './model.js';

interface Need {
  readonly table: Table;
  readonly key: string;
}

function nameOf({ table, key }: Need): string {
  return `${table.name} ${key}`;
}

/** The rows that an event makes, and those that must be there before: parents, and the rows that it changes. */
function rowsOf(event: Envelope): { made: string[]; needed: Need[] } {
  const { changes } = eventOf(event);
  const made = changes.flatMap(({ verb, table, row }) =>
    verb === 'set' ? [] : [nameOf({ table, key: table.keyOf(row) })],
  );
  const needed = changes.flatMap(({ verb, table, row }): Need[] => {
    const parents = table.references.flatMap(({ column, parent }) => {
      const key = row[column];
      return typeof key === 'string' ? [{ table: parent, key }] : [];
    });
    return verb === 'set' ? [{ table, key: table.keyOf(row) }, ...parents] : parents;
  });
  return { made, needed: needed.filter((need) => !made.includes(nameOf(need))) };
}

/** The example that makes a row of a table, with this key in the place of its own. */
function makerOf({ table, key }: Need): [type: string, data: Record<string, unknown>] {
  for (const type of makersOf(table.name)) {
    const data = { ...registry.get(type)?.example };
    const change = eventOf(envelope(type, data)).changes.find((one) => one.table === table);
    const field = Object.keys(data).find((name) => change && data[name] === table.keyOf(change.row));
    if (field !== undefined) return [type, { ...data, [field]: key }];
  }
  throw new Error(`no event has an example that makes a row of ${table.name}`);
}

/**
 * The example of an event type, behind the examples that make every row that it needs, in an order in which none of them
 * has to wait. The same each time: ids, times and all.
 */
export function examplesFor(type: string): Envelope[] {
  const example = registry.get(type)?.example;
  if (!example) throw new Error(`There is no event type "${type}". Type: bin/dev.js events`);
  const events: Envelope[] = [];
  const there = new Set<string>();
  const add = (type: string, data: Record<string, unknown>, eventId: string): void => {
    const { made, needed } = rowsOf(envelope(type, data, { eventId }));
    for (const need of needed) {
      if (there.has(nameOf(need))) continue;
      there.add(nameOf(need));
      add(...makerOf(need), `example-${nameOf(need)}`);
    }
    for (const name of made) there.add(name);
    events.push(envelope(type, data, { eventId, second: events.length }));
  };
  add(type, { ...example }, `example-${type}`);
  return events;
}
