import type { Changes, TableChanges } from './fold.js';
import { HeldRows } from '../postgres/held-rows.js';
import { eachParent } from '../postgres/recount.js';
import { lookForEarlier, recreateRows, type Earlier } from '../postgres/recreate.js';
import type { Result, Session } from '../postgres/session.js';
import {
  insertNewRows,
  insertRows,
  notCreatedBefore,
  putRows,
  updateRows,
  type Statement,
} from '../postgres/statements.js';
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

/** What is sent with the changes of a batch. */
interface Around {
  readonly first: readonly Statement[];
  readonly last: readonly Statement[];
  readonly come?: () => Promise<void>;
  /** Whether some rows of a table are likely to be there: it is worth the while to ask at once what is to be settled of them. */
  readonly areThere?: (table: Table) => boolean;
}

/** What a write has come to. */
export interface Course {
  readonly created: Keys;
  ties: number;
  repaired: number;
  /** Rows whose counters are counted anew; undefined where counters move by what is new. */
  readonly recounted: Keys | undefined;
  /** Creations that are to be written over rows that there are. */
  readonly earlier: Map<Table, Earlier>;
}

/** Rows that a batch creates, each with the changes that the same batch has for it. */
function merged({ updates }: TableChanges, rows: ReadonlyMap<string, Row>): Row[] {
  return inKeyOrder(rows).map(([key, row]) => {
    const update = updates.get(key);
    return update ? { ...row, ...update } : row;
  });
}

/** Takes in which rows of a table were new, of those that were sent; returns the creations of the others. */
function takeIn(
  changes: Changes,
  own: TableChanges,
  sent: ReadonlyMap<string, Row>,
  result: Result,
  { created, recounted }: Course,
): ReadonlyMap<string, Row> {
  const { table } = own;
  const fresh = result.count === sent.size ? sent.keys() : keysOf(table, result.rows);
  const known = new Map(own.inserts);
  for (const key of fresh) {
    const row = known.get(key);
    known.delete(key);
    created.add(table, key);
    own.updates.delete(key); // it went in with the row
    if (row && !recounted) count(changes, table, row, 1);
  }
  if (recounted) for (const row of own.inserts.values()) addParents(recounted, table, row);
  return known;
}

function addParents(keys: Keys, table: Table, row: Row): void {
  eachParent(table, row, (parent, key) => {
    keys.add(parent, key);
  });
}

/** Writes earlier creations over rows of a table, where there are any. */
export async function recreate(session: Session, table: Table, changes: Changes, course: Course): Promise<void> {
  const earlier = course.earlier.get(table);
  if (!earlier) return;
  const { recounted } = course;
  const { moved, ties } = await recreateRows(session, table, earlier, recounted !== undefined);
  course.ties += ties;
  if (recounted) course.repaired += moved.length;
  for (const { before, after } of moved) {
    if (recounted) {
      addParents(recounted, table, before);
      continue;
    }
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
 * first; then, children first, table by table what changes rows that there are: earlier creations, and one update. With the
 * order of keys that keeps writers from deadlocking. Counters move by the rows that were new or changed their parent, never by the number of events.
 *
 * @param tables every table, parents first
 * @param around statements to send before all others and after them, without waiting for them; what to wait for when all is
 *   ready to be sent; and in which tables rows are likely to be there
 */
export async function applyChanges(
  session: Session,
  tables: readonly Table[],
  changes: Changes,
  around: Around = { first: [], last: [] },
): Promise<Applied> {
  const course: Course = {
    created: new Keys(),
    ties: changes.ties,
    repaired: 0,
    recounted: undefined,
    earlier: new Map(),
  };
  const held = await makeRows(session, tables, changes, course, around);
  let ready: Statement[] = [];
  for (const table of [...tables].reverse()) {
    if (course.earlier.has(table)) {
      await session.together(ready);
      ready = [];
      await recreate(session, table, changes, course);
    }
    ready.push(...updateOf(table, changes));
  }
  await session.together([...ready, ...held, ...around.last]);
  return course;
}

/**
 * All inserts and whole rows in one round trip; then a look for what is to be settled of rows that were there already, where that was
 * not asked at once. Where the tables are distributed it is another round trip before to learn which are.
 *
 * @returns what is to be sent when everything is written
 */
export async function makeRows(
  session: Session,
  tables: readonly Table[],
  changes: Changes,
  course: Course,
  { first, come, areThere }: Omit<Around, 'last'>,
): Promise<readonly Statement[]> {
  if (session.layout === 'distributed') await come?.();
  const held = session.layout === 'distributed' ? HeldRows.of(changes) : undefined;
  const before = held ? await session.together([...first, ...held.first]) : [];
  const looked = held?.found(before.slice(first.length));
  const sent: Statement[] = [];
  const known = new Map<Table, ReadonlyMap<string, Row>>();
  /** Of tables that were asked: the rows of which alone something may be to be settled. */
  const unsettled = new Map<Table, ReadonlySet<string>>();
  const answered: ((result: Result) => void)[] = [];
  for (const table of tables) {
    const own = changes.byTable.get(table);
    if (!own) continue;
    if (own.inserts.size > 0) {
      const rows = without(own.inserts, looked?.byTable.get(table));
      sent.push(insertRows(table, merged(own, rows), session.layout));
      answered.push((result) => {
        if (course.recounted) course.repaired += result.count;
        known.set(table, takeIn(changes, own, rows, result, course));
      });
      if (areThere?.(table)) {
        sent.push(notCreatedBefore(table, [...rows.values()]));
        answered.push((result) => unsettled.set(table, new Set(keysOf(table, result.rows))));
      }
    }
    if (own.puts.size > 0) {
      sent.push(putting(own, course.recounted !== undefined));
      answered.push(({ count: written }) => {
        course.repaired += written;
      });
    }
  }
  await come?.();
  const leading = held ? [] : first;
  const results = await session.together([...leading, ...sent]);
  for (const [i, result] of results.slice(leading.length).entries()) answered[i]?.(result);
  for (const [table, there] of known) {
    const open = unsettled.get(table);
    const rows = open ? new Map([...there].filter(([key]) => open.has(key))) : there;
    if (rows.size === 0) continue;
    const earlier = await lookForEarlier(session, table, rows, course.recounted !== undefined);
    course.ties += earlier.ties;
    if (earlier.rows.size > 0) course.earlier.set(table, earlier);
  }
  return held?.last ?? [];
}

/** Those rows that are not known to be there. */
function without(rows: ReadonlyMap<string, Row>, there: Pick<ReadonlySet<string>, 'has'> | undefined) {
  return there ? new Map([...rows].filter(([key]) => !there.has(key))) : rows;
}

function putting({ table, puts }: TableChanges, reapply: boolean): Statement {
  return putRows(
    table,
    inKeyOrder(puts).map(([, row]) => row),
    reapply,
  );
}

/** The update of a table's rows, if there is any. */
export function updateOf(table: Table, changes: Changes, reapply = false): readonly Statement[] {
  const own = changes.byTable.get(table);
  const rows = own ? inKeyOrder(own.updates).map(([, row]) => row) : [];
  const moving = rows.filter((row) => !isEmpty(table, row));
  return moving.length > 0 ? [updateRows(table, moving, reapply)] : [];
}

/**
 * The statements that write what a batch makes of all tables where none of the rows that it creates is there yet: the same
 * rows in the same order as `applyChanges`, but nothing needs to be asked on the way. One of them fails where a row is there.
 *
 * @param changes used up by this
 * @param mayCopy whether many rows may be copied
 */
export function statementsOfNew(
  tables: readonly Table[],
  changes: Changes,
  mayCopy: boolean,
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
    if (own.inserts.size > 0) statements.push(insertNewRows(table, merged(own, own.inserts), mayCopy));
    for (const key of own.inserts.keys()) own.updates.delete(key); // it goes in with the row
    if (own.puts.size > 0) statements.push(putting(own, false));
  }
  for (const table of [...tables].reverse()) statements.push(...updateOf(table, changes));
  return { statements, created: { byTable: created } };
}
