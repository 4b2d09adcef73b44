import { isDeepStrictEqual } from 'node:util';
import type { Event } from '../event/decode.js';
import type { Row, Table } from './table.js';
import { compareText, versionOf } from '../event/version.js';

/** What a batch makes of one table: every row at most once in each. Keys are `Table.keyOf`. */
export class TableChanges {
  /** Rows that events created: the earliest creation of each. */
  readonly inserts = new Map<string, Row>();
  /** Whole rows: the latest of each. */
  readonly puts = new Map<string, Row>();
  /** Changes of rows that exist: columns with their versions, extremes, and counters by how much they move. */
  readonly updates = new Map<string, Row>();

  constructor(readonly table: Table) {}

  /** The pending change of a row; made with the row's key where there is none. */
  update(key: string): Row {
    let row = this.updates.get(key);
    if (!row) {
      const parts = key.split('\0');
      row = Object.fromEntries(this.table.key.map((column, i) => [column, parts[i]]));
      this.updates.set(key, row);
    }
    return row;
  }
}

/** What a batch makes of all tables, and how many creations could not be told apart by their times. */
export class Changes {
  readonly byTable = new Map<Table, TableChanges>();
  ties = 0;

  of(table: Table): TableChanges {
    let changes = this.byTable.get(table);
    if (!changes) this.byTable.set(table, (changes = new TableChanges(table)));
    return changes;
  }
}

function widen(table: Table, target: Row, source: Row): void {
  for (const column of table.extremes) {
    const value = source[column];
    if (typeof value !== 'number') continue;
    const held = target[column];
    const choose = table.columns.get(column)?.rule === 'latest' ? Math.max : Math.min;
    target[column] = typeof held === 'number' ? choose(held, value) : value;
  }
}

/** Whether two creations say the same; absent, null and the default are one. */
function sameContent(table: Table, a: Row, b: Row): boolean {
  return [...table.columns].every(([name, { initial = null }]) =>
    isDeepStrictEqual(a[name] ?? initial, b[name] ?? initial),
  );
}

function create(changes: Changes, table: Table, row: Row): void {
  const own = changes.of(table);
  const key = table.keyOf(row);
  if (table.extremes.some((column) => row[column] !== undefined)) widen(table, own.update(key), row);
  const held = own.inserts.get(key);
  const at = Number(row[table.created ?? '']);
  const heldAt = Number(held?.[table.created ?? '']);
  if (held === undefined || at < heldAt) own.inserts.set(key, row);
  else if (at === heldAt && !sameContent(table, held, row)) changes.ties++;
}

function replace(changes: Changes, table: Table, row: Row, version: string): void {
  const own = changes.of(table);
  const key = table.keyOf(row);
  const held = own.puts.get(key)?.version;
  if (typeof held !== 'string' || compareText(held, version) < 0) own.puts.set(key, { ...row, version });
}

function change(changes: Changes, table: Table, row: Row, version: string): void {
  const own = changes.of(table);
  const key = table.keyOf(row);
  for (const [by, columns] of table.versions) {
    const named = columns.filter((column) => row[column] !== undefined);
    if (named.length === 0) continue;
    const target = own.update(key);
    const held = target[by];
    if (typeof held === 'string' && compareText(held, version) >= 0) continue;
    target[by] = version;
    for (const column of named) target[column] = row[column];
  }
  if (table.extremes.some((column) => row[column] !== undefined)) widen(table, own.update(key), row);
}

/**
 * Folds the events of a batch into one state per row, so that each is written once: the earliest creation, per column
 * the latest change, the latest whole row. The result does not depend on the order of the events, ties of creations
 * apart (EVENTS: the one case in which arrival decides).
 */
export function fold(events: readonly Event[]): Changes {
  const changes = new Changes();
  for (const event of events) {
    let version: string | undefined; // creations have none
    for (const { verb, table, row } of event.changes) {
      if (verb === 'insert') {
        create(changes, table, row);
        continue;
      }
      version ??= versionOf(event.time, event.id);
      if (verb === 'put') replace(changes, table, row, version);
      else change(changes, table, row, version);
    }
  }
  return changes;
}
