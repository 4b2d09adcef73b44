import type { Row, Table } from '../tables/table.js';
import { castOf, arrayTypeOf, encodeArray } from './arrays.js';
import type { Session } from './session.js';
import { insertRows, statement } from './statements.js';
import { decided, differsFrom, storedRows } from './stored.js';

/** Creations that are earlier than those that hold, and the rows as they are, both by key. */
export interface Earlier {
  readonly rows: ReadonlyMap<string, Row>;
  readonly before: ReadonlyMap<string, Row>;
  /** Creations at the very time of the one that holds, with other content: arrival has decided. */
  readonly ties: number;
}

/** Which rows were written anew, and how they moved from one parent to another: for each, the row before and after. */
export interface Recreated {
  readonly moved: readonly { readonly before: Row; readonly after: Row }[];
  /** Ties that were seen only when rows that had changed meanwhile were looked at again. */
  readonly ties: number;
}

/** The column that says where a row lies, where the earlier creation may say that it is elsewhere. */
function ownerOf(session: Session, table: Table): string | undefined {
  return session.layout === 'distributed' ? table.owner : undefined;
}

/**
 * Finds out which creations of rows that exist already are earlier than those that hold.
 *
 * @param rows creations by key, all of rows that exist
 * @param reapply whether a creation of the very time of the one that holds is taken for that one, and repairs its values
 */
export async function lookForEarlier(
  session: Session,
  table: Table,
  rows: ReadonlyMap<string, Row>,
  reapply: boolean,
): Promise<Earlier> {
  const created = table.created ?? '';
  const isOwned = ownerOf(session, table) !== undefined;
  const before = await storedRows(session, table, rows, isOwned ? table.extremes : []);
  const earlier = new Map<string, Row>();
  let ties = 0;
  for (const [key, row] of rows) {
    const held = before.get(key);
    if (!held) continue;
    const difference = Number(row[created]) - Number(held[created]);
    if (difference < 0) earlier.set(key, row);
    if (difference !== 0 || differsFrom(table, held, row) === undefined) continue;
    if (reapply) earlier.set(key, row);
    else ties++;
  }
  return { rows: earlier, before, ties };
}

/**
 * Writes earlier creations over the rows that there are: their values hold, but for columns that a change has set since. A
 * row whose parents changed between our look and our update is looked at again, so that its counters move exactly as it does.
 * Where tables are distributed and the earlier creation names another owner, the row moves to where that one's rows are.
 */
export async function recreateRows(
  session: Session,
  table: Table,
  found: Earlier,
  reapply: boolean,
): Promise<Recreated> {
  const owner = ownerOf(session, table);
  const moved: { before: Row; after: Row }[] = [];
  let ties = 0;
  for (let { rows, before } = found; rows.size > 0;) {
    const open = new Map(rows);
    const homeless =
      owner === undefined ? [] : [...open].filter(([key, row]) => row[owner] !== before.get(key)?.[owner]);
    for (const [key, row] of await move(session, table, new Map(homeless), before)) {
      moved.push({ before: before.get(key) ?? {}, after: row });
      open.delete(key);
    }
    const changed = open.size === 0 ? [] : await update(session, table, open, before, reapply);
    for (const key of changed) {
      const [old, row] = [before.get(key), open.get(key)];
      if (old && row) moved.push({ before: old, after: row });
      open.delete(key);
    }
    if (open.size === 0) break;
    const again = await lookForEarlier(session, table, open, reapply);
    ({ rows, before } = again);
    ties += again.ties;
  }
  return { moved, ties };
}

/** Writes the earlier creations over rows that still have the parents that we saw; returns the keys of those written. */
async function update(
  session: Session,
  table: Table,
  rows: ReadonlyMap<string, Row>,
  before: ReadonlyMap<string, Row>,
  reapply: boolean,
): Promise<string[]> {
  const created = table.created ?? '';
  const list = [...rows].sort(([a], [b]) => (a < b ? -1 : 1));
  // Citus refuses a statement that sets the column by which rows are distributed, and lets some through that lose the row.
  const changed = decided(table).filter((column) => session.layout === 'whole' || column !== table.owner);
  const columns = [...table.key, ...changed];
  const parents = table.counts.map(({ by }) => by);
  const typeOf = (column: string) => table.columns.get(column)?.sql ?? 'text';
  const initialOf = (column: string) => table.columns.get(column)?.initial;
  const values = [
    ...columns.map((column) =>
      encodeArray(typeOf(column), list.length, (i) => list[i]?.[1][column] ?? initialOf(column)),
    ),
    ...parents.map((by) => encodeArray('text', list.length, (i) => before.get(list[i]?.[0] ?? '')?.[by])),
  ].map(({ bytes }) => bytes);
  const arrays = [...columns.map((column) => arrayTypeOf(typeOf(column))), ...parents.map(() => 'text[]')];
  const names = [...columns, ...parents.map((by) => `seen_${by}`)];
  const set = changed.map((column) => {
    const by = table.versionOf(column);
    const value = `x.${column}${castOf(typeOf(column))}`;
    return by === undefined
      ? `${column} = ${value}`
      : `${column} = CASE WHEN t.${by} IS NULL THEN ${value} ELSE t.${column} END`;
  });
  const where = [
    ...table.key.map((part) => `t.${part} = x.${part}`),
    `x.${created} ${reapply ? '<=' : '<'} t.${created}`,
    ...parents.map((by) => `t.${by} = x.seen_${by}`),
  ];
  const text = `UPDATE public.${table.name} AS t SET ${set.join(', ')}
    FROM unnest(${arrays.map((type, i) => `$${i + 1}::${type}`).join(', ')}) AS x (${names.join(', ')})
    WHERE ${where.join(' AND ')} RETURNING ${table.key.map((part) => `t.${part}`).join(', ')}`;
  const { rows: written } = await session.run(statement(text, values));
  return written.map((tuple) => table.keyOf(Object.fromEntries(table.key.map((part, i) => [part, tuple[i]]))));
}

/**
 * Moves rows to the owners that earlier creations name: deletes them where they are, and inserts them where they belong. The
 * caller holds them (see `HeldRows`): nobody else changes them meanwhile.
 *
 * @returns the creations that now hold, by key
 */
async function move(
  session: Session,
  table: Table,
  rows: ReadonlyMap<string, Row>,
  before: ReadonlyMap<string, Row>,
): Promise<ReadonlyMap<string, Row>> {
  if (rows.size === 0) return rows;
  const keys = [...rows.keys()].sort();
  const { bytes } = encodeArray('text', keys.length, (i) => keys[i]);
  const [key = ''] = table.key;
  const inserted = keys.map((one) => settled(table, before.get(one) ?? {}, rows.get(one) ?? {}));
  await session.together([
    statement(`DELETE FROM public.${table.name} WHERE ${key} = ANY($1::text[])`, [bytes]),
    insertRows(table, inserted, session.layout),
  ]);
  return rows;
}

/** A row as it is after an earlier creation: what a change has set stays. */
function settled(table: Table, held: Row, row: Row): Row {
  const kept = Object.entries(held).filter(([column]) => {
    const { rule } = table.columns.get(column) ?? {};
    const by = table.versionOf(column);
    return rule !== 'creation' && (by === undefined || held[by] !== null);
  });
  return { ...row, ...Object.fromEntries(kept.map(([column, value]) => [column, inMemory(table, column, value)])) };
}

/** A value as rows in memory have it, of one as `storedRows` returns it. */
function inMemory(table: Table, column: string, value: unknown): unknown {
  // Not as a number: the year 9999 has more microseconds than a number can tell apart.
  return table.columns.get(column)?.sql === 'timestamptz' && typeof value === 'string' ? BigInt(value) : value;
}
