import { isDeepStrictEqual } from 'node:util';
import { expectedTables, type Envelope } from '../../test/support/model.js';
import { readRows } from '../../test/support/rows.js';
import { must, type Stage } from './stage.js';

/** Fails where the tables are not what these events must leave. */
export async function mustHold({ dataSource }: Stage, events: readonly Envelope[]): Promise<void> {
  const rows = await readRows(dataSource);
  const { tables } = expectedTables(events);
  for (const [name, expected] of tables) {
    must(isDeepStrictEqual(rows.get(name), expected), `the table ${name} does not hold what the events say`);
  }
}
