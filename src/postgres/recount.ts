import type { Row, Table } from '../tables/table.js';
import { encodeArray } from './arrays.js';
import type { Session } from './session.js';
import { statement } from './statements.js';

/** A counter of a table, and the rows that it counts. */
export interface Counter {
  readonly column: string;
  readonly children: Table;
  /** The children's column that names the parent. */
  readonly by: string;
}

/** The counters of a table. */
export function countersOf(table: Table, tables: readonly Table[]): Counter[] {
  return tables.flatMap((children) =>
    children.counts.filter((count) => count.in === table).map(({ by, as }) => ({ column: as, children, by })),
  );
}

function keyColumn(table: Table): string {
  const [key = ''] = table.key;
  return key;
}

/**
 * Locks rows against whoever moves their counters, by an update that changes nothing: SELECT … FOR UPDATE is refused where the
 * tables are distributed.
 *
 * @param keys in key order, as every writer touches rows
 */
export async function lockRows(session: Session, table: Table, { column }: Counter, keys: readonly string[]): Promise<void> {
  const key = keyColumn(table);
  const { bytes } = encodeArray('text', keys.length, (i) => keys[i]);
  const text = `UPDATE public.${table.name} AS t SET ${column} = t.${column} FROM unnest($1::text[]) AS x (key) WHERE t.${key} = x.key`;
  await session.run(statement(text, [bytes]));
} // prettier-ignore

/** How many rows there are for each of these keys; keys without one are left out. */
export async function countChildren(
  session: Session,
  { children, by }: Counter,
  keys: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const { bytes } = encodeArray('text', keys.length, (i) => keys[i]);
  const text = `SELECT ${by}, count(*)::integer FROM public.${children.name} WHERE ${by} = ANY($1::text[]) GROUP BY ${by}`;
  const { rows } = await session.run(statement(text, [bytes]));
  return new Map(rows.map(([key, count]) => [String(key), Number(count)]));
}

/**
 * Counts the children of rows anew, and corrects their counters where they are wrong.
 *
 * The rows must have been locked by an earlier statement of the same transaction (`lockRows`). Whoever makes a child beside us
 * moves the counter in the same transaction, after the child and under the lock of the row. So when we have the lock, either
 * that transaction has ended: then our count, whose snapshot is younger than the lock, sees the child, and the counter has
 * moved. Or it has not moved the counter yet: then our count does not see the child, and the counter moves from our number
 * when we have committed. In one statement with the lock the count's snapshot would be older than the lock.
 *
 * @param keys in key order
 * @returns how many rows were wrong
 */
export async function recount(
  session: Session,
  table: Table,
  counters: readonly Counter[],
  keys: readonly string[],
): Promise<number> {
  const counts = [];
  for (const counter of counters) counts.push(await countChildren(session, counter, keys));
  const values = [
    encodeArray('text', keys.length, (i) => keys[i]).bytes,
    ...counts.map((byKey) => encodeArray('integer', keys.length, (i) => byKey.get(keys[i] ?? '') ?? 0).bytes),
  ];
  const columns = counters.map(({ column }) => column);
  const arrays = columns.map((_, i) => `$${i + 2}::integer[]`).join(', ');
  const text = `UPDATE public.${table.name} AS t SET ${columns.map((column) => `${column} = x.${column}`).join(', ')}
    FROM unnest($1::text[], ${arrays}) AS x (key, ${columns.join(', ')})
    WHERE t.${keyColumn(table)} = x.key AND (${columns.map((column) => `t.${column} <> x.${column}`).join(' OR ')})`;
  const { count } = await session.run(statement(text, values));
  return count;
}

/** The keys of rows whose counters a row of this table moves, by the table that has the counter. */
export function eachParent(table: Table, row: Row, visit: (parent: Table, key: string) => void): void {
  for (const { by, in: parent } of table.counts) {
    const key = row[by];
    if (typeof key === 'string') visit(parent, key);
  }
}
