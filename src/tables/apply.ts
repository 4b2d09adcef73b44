import type { Changes, TableChanges } from './fold.js';
import { recreateRows } from '../postgres/recreate.js';
import type { Session } from '../postgres/session.js';
import { insertRows, putRows, updateRows } from '../postgres/statements.js';
import { Keys } from './resolve.js';
import type { Row, Table } from './table.js';

export interface Applied {
  /** Rows that were not there before. */
  readonly created: Keys;
  readonly ties: number;
}

/** Rows in the order of their keys: every writer touches them so, and none waits for one that waits for it. */
function inKeyOrder(rows: ReadonlyMap<string, Row>): [string, Row][] {
  return [...rows].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}

function count(changes: Changes, table: Table, row: Row, by: number): void {
  for (const { by: column, in: parent, as } of table.counts) {
    const key = row[column];
    if (typeof key !== 'string') continue;
    const target = changes.of(parent).update(key);
    target[as] = Number(target[as] ?? 0) + by;
  }
}

/** Inserts a table's new rows, with the changes that the same batch has for them; returns which were new. */
async function insert(session: Session, changes: Changes, own: TableChanges, created: Keys): Promise<number> {
  const { table } = own;
  if (own.inserts.size === 0) return 0;
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
    if (row) count(changes, table, row, 1);
  }
  if (known.size === 0) return 0;
  const { moved, ties } = await recreateRows(session, table, known);
  for (const { before, after } of moved) {
    count(changes, table, before, -1);
    count(changes, table, after, 1);
  }
  return ties;
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
 */
export async function applyChanges(session: Session, tables: readonly Table[], changes: Changes): Promise<Applied> {
  const created = new Keys();
  let ties = changes.ties;
  for (const table of tables) {
    const own = changes.byTable.get(table);
    if (!own) continue;
    ties += await insert(session, changes, own, created);
    if (own.puts.size > 0)
      await session.run(
        putRows(
          table,
          inKeyOrder(own.puts).map(([, row]) => row),
        ),
      );
  }
  for (const table of [...tables].reverse()) {
    const own = changes.byTable.get(table);
    const rows = own ? inKeyOrder(own.updates).map(([, row]) => row) : [];
    const moving = rows.filter((row) => !isEmpty(table, row));
    if (moving.length > 0) await session.run(updateRows(table, moving));
  }
  return { created, ties };
}
