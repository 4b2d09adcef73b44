import type { Changes, TableChanges } from './fold.js';
import { countersOf, eachParent, lockRows, recount } from '../postgres/recount.js';
import { recreateRows } from '../postgres/recreate.js';
import type { Session } from '../postgres/session.js';
import { insertNewRows, insertRows, putRows, updateRows, type Statement } from '../postgres/statements.js';
import { Keys, type RowKeys } from './resolve.js';
import type { Row, Table } from './table.js';

export interface Applied {
  /** Rows that were not there before. */
  readonly created: Keys;
  readonly ties: number;
  /** Rows that did not hold what the events last said, where events are applied again; counters are rows of their own. */
  readonly repaired: number;
}

/** Rows in the order of their keys: every writer touches them so, and none waits for one that waits for it. */
function inKeyOrder(rows: ReadonlyMap<string, Row>): [string, Row][] {
  // Without a comparison of ours: V8's own, by code units, is the same and takes half the time.
  const keys = [...rows.keys()].sort();
  return keys.map((key) => [key, rows.get(key) ?? {}]);
}

function count(changes: Changes, table: Table, row: Row, by: number): void {
  for (const { by: column, in: parent, as } of table.counts) {
    const key = row[column];
    if (typeof key !== 'string') continue;
    const target = changes.of(parent).update(key);
    target[as] = Number(target[as] ?? 0) + by;
  }
}

/** What a write has come to. */
interface Course {
  readonly created: Keys;
  ties: number;
  repaired: number;
  /** Rows whose counters are counted anew; undefined where counters move by what is new. */
  readonly recounted: Keys | undefined;
}

/** Inserts a table's new rows, with the changes that the same batch has for them; settles the others. */
async function insert(session: Session, changes: Changes, own: TableChanges, course: Course): Promise<void> {
  const { table } = own;
  const { created, recounted } = course;
  if (own.inserts.size === 0) return;
  const rows = inKeyOrder(own.inserts);
  const merged = rows.map(([key, row]) => {
    const update = own.updates.get(key);
    return update ? { ...row, ...update } : row;
  });
  const result = await session.run(insertRows(table, merged));
  const fresh = result.count === rows.length ? own.inserts.keys() : keysOf(table, result.rows);
  const known = new Map(own.inserts);
  for (const key of fresh) {
    const row = known.get(key);
    known.delete(key);
    created.add(table, key);
    own.updates.delete(key); // it went in with the row
    if (row && !recounted) count(changes, table, row, 1);
  }
  if (recounted) {
    course.repaired += result.count;
    for (const row of own.inserts.values()) {
      eachParent(table, row, (parent, key) => {
        recounted.add(parent, key);
      });
    }
  }
  if (known.size === 0) return;
  const { moved, ties } = await recreateRows(session, table, known, recounted !== undefined);
  course.ties += ties;
  if (recounted) {
    course.repaired += moved.length;
    for (const { before } of moved) {
      eachParent(table, before, (parent, key) => {
        recounted.add(parent, key);
      });
    }
    return;
  }
  for (const { before, after } of moved) {
    count(changes, table, before, -1);
    count(changes, table, after, 1);
  }
}

function keysOf(table: Table, tuples: readonly (readonly unknown[])[]): string[] {
  return tuples.map((tuple) => tuple.map(String).join('\0'));
}

/** A change that moves nothing: a counter that went up and down again, or a row that only its key names. */
function isEmpty(table: Table, row: Row): boolean {
  return Object.entries(row).every(
    ([column, value]) =>
      table.key.includes(column) ||
      value === undefined ||
      (value === 0 && table.columns.get(column)?.rule === 'counter'),
  );
}

/**
 * Writes what a batch makes of all tables, within the caller's transaction: first all inserts and whole rows, parents
 * first; then one update per table, children first. No row is updated twice, which with the order of keys keeps writers
 * from deadlocking. Counters move by the rows that were new or changed their parent, never by the number of events.
 *
 * @param tables every table, parents first
 * @param reapply whether the events may have been applied before: what they last said is written over rows that say they
 *   hold it and do not, and the counters of all touched rows are counted anew
 */
export async function applyChanges(
  session: Session,
  tables: readonly Table[],
  changes: Changes,
  reapply = false,
): Promise<Applied> {
  const recounted = reapply ? new Keys() : undefined;
  const course: Course = { created: new Keys(), ties: changes.ties, repaired: 0, recounted };
  if (recounted) touched(tables, changes, recounted);
  for (const table of tables) {
    const own = changes.byTable.get(table);
    if (!own) continue;
    await insert(session, changes, own, course);
    if (own.puts.size > 0) {
      const rows = inKeyOrder(own.puts).map(([, row]) => row);
      course.repaired += (await session.run(putRows(table, rows, reapply))).count;
    }
  }
  for (const table of [...tables].reverse()) {
    const own = changes.byTable.get(table);
    const rows = own ? inKeyOrder(own.updates).map(([, row]) => row) : [];
    const moving = rows.filter((row) => !isEmpty(table, row));
    const keys = [...(recounted?.byTable.get(table) ?? [])].sort();
    const counters = keys.length > 0 ? countersOf(table, tables) : [];
    const [counter] = counters;
    // All rows of the table at once, those that are updated below among them.
    if (counter) await lockRows(session, table, counter, keys);
    if (moving.length > 0) course.repaired += (await session.run(updateRows(table, moving, reapply))).count;
    if (counter) course.repaired += await recount(session, table, counters, keys);
  }
  return course;
}

/**
 * The statements that write what a batch makes of all tables where none of the rows that it creates is there yet: the same
 * rows in the same order as `applyChanges`, but nothing needs to be asked on the way. One of them fails where a row is there.
 *
 * @param changes used up by this
 */
export function statementsOfNew(
  tables: readonly Table[],
  changes: Changes,
): { readonly statements: readonly Statement[]; readonly created: RowKeys } {
  const created = new Map<Table, ReadonlyMap<string, Row>>();
  for (const table of tables) {
    const inserts = changes.byTable.get(table)?.inserts;
    if (!inserts || inserts.size === 0) continue;
    created.set(table, inserts);
    if (table.counts.length > 0) for (const row of inserts.values()) count(changes, table, row, 1);
  }
  const statements: Statement[] = [];
  for (const table of tables) {
    const own = changes.byTable.get(table);
    if (!own) continue;
    if (own.inserts.size > 0) statements.push(insertNewRows(table, newRows(own)));
    if (own.puts.size > 0) {
      statements.push(
        putRows(
          table,
          inKeyOrder(own.puts).map(([, row]) => row),
        ),
      );
    }
  }
  for (const table of [...tables].reverse()) {
    const own = changes.byTable.get(table);
    if (!own || own.updates.size === 0) continue;
    const moving = inKeyOrder(own.updates).flatMap(([, row]) => (isEmpty(table, row) ? [] : [row]));
    if (moving.length > 0) statements.push(updateRows(table, moving));
  }
  return { statements, created: { byTable: created } };
}

/** The rows that a batch creates, each with the changes that the same batch has for it, which need no update then. */
function newRows({ inserts, updates }: TableChanges): Row[] {
  return inKeyOrder(inserts).map(([key, row]) => {
    const update = updates.get(key);
    if (!update) return row;
    updates.delete(key);
    return { ...row, ...update };
  });
}

/** Rows with counters that a batch touches itself. */
function touched(tables: readonly Table[], changes: Changes, recounted: Keys): void {
  for (const table of tables) {
    const own = changes.byTable.get(table);
    if (!own || countersOf(table, tables).length === 0) continue;
    for (const key of [...own.inserts.keys(), ...own.puts.keys(), ...own.updates.keys()]) recounted.add(table, key);
  }
}
