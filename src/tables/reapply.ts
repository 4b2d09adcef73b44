import { countersOf, lockRows, recount } from '../postgres/recount.js';
import type { Session } from '../postgres/session.js';
import { makeRows, recreate, updateOf, type Applied, type Course } from './apply.js';
import type { Changes } from './fold.js';
import { Keys } from './resolve.js';
import type { Table } from './table.js';

/**
 * `applyChanges` for events that may have been applied before: what they last said is written over rows that say they hold it and
 * do not, and the counters of all touched rows are counted anew.
 */
export async function reapplyChanges(session: Session, tables: readonly Table[], changes: Changes): Promise<Applied> {
  const recounted = new Keys();
  const course: Course = { created: new Keys(), ties: changes.ties, repaired: 0, recounted, earlier: new Map() };
  touched(tables, changes, recounted);
  const held = await makeRows(session, tables, changes, course, { first: [] });
  await repairRows(session, tables, changes, course, recounted);
  await session.together(held);
  return course;
}

/** Changes rows table by table, children first, and counts the counters of touched rows anew. */
async function repairRows(
  session: Session,
  tables: readonly Table[],
  changes: Changes,
  course: Course,
  recounted: Keys,
): Promise<void> {
  for (const table of [...tables].reverse()) {
    const keys = [...(recounted.byTable.get(table) ?? [])].sort();
    const counters = keys.length > 0 ? countersOf(table, tables) : [];
    const [counter] = counters;
    // All rows of the table at once, those that are updated below among them.
    if (counter) await lockRows(session, table, counter, keys);
    await recreate(session, table, changes, course);
    for (const update of updateOf(table, changes, true)) course.repaired += (await session.run(update)).count;
    if (counter) course.repaired += await recount(session, table, counters, keys);
  }
}

/** Rows with counters that a batch touches itself. */
function touched(tables: readonly Table[], changes: Changes, recounted: Keys): void {
  for (const table of tables) {
    const own = changes.byTable.get(table);
    if (!own || countersOf(table, tables).length === 0) continue;
    for (const key of [...own.inserts.keys(), ...own.puts.keys(), ...own.updates.keys()]) recounted.add(table, key);
  }
}
