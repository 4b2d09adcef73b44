import { isDeepStrictEqual } from 'node:util';
import type { Row, Table } from '../tables/table.js';
import { encodeArray } from './arrays.js';
import type { Session, Tuple } from './session.js';
import { statement } from './statements.js';

/** Columns that a creation decides, its own time among them; keys and extremes are not. */
export function decided(table: Table): string[] {
  return [...table.columns]
    .filter(([name, { rule }]) => (rule === 'creation' || rule === 'versioned') && !table.key.includes(name))
    .map(([name]) => name);
}

/** A column as the text or number that a row in memory has for it. */
function comparable(table: Table, column: string): string {
  const type = table.columns.get(column)?.sql;
  // Exact: `extract` gives a numeric.
  return type === 'timestamptz' ? `(extract(epoch FROM ${column}) * 1000000)::bigint::text AS ${column}` : column;
}

/** Whether a stored value is the one that an event gave; nothing given is the column's default. */
export function sameValue(table: Table, column: string, stored: unknown, given: unknown): boolean {
  const initial = table.columns.get(column)?.initial;
  const value = given ?? initial ?? null;
  if (typeof stored === 'string' && value !== null) {
    const type = table.columns.get(column)?.sql;
    return type === 'timestamptz' || type === 'numeric' ? Number(stored) === Number(value) : stored === value;
  }
  return isDeepStrictEqual(stored, value);
}

/**
 * The stored rows of these keys, in the form of rows in memory: times are microseconds. A composite key is asked for part by
 * part and matched here.
 *
 * @param rows any rows by their keys, of which the key columns count
 * @param more columns beside those that a creation decides and the versions
 */
export async function storedRows(
  session: Session,
  table: Table,
  rows: ReadonlyMap<string, Row>,
  more: readonly string[] = [],
): Promise<Map<string, Row>> {
  const columns = [...table.key, ...decided(table), ...table.versions.keys(), ...more];
  const keys = table.key.map((part, i) => `${part} = ANY($${i + 1}::text[])`).join(' AND ');
  const list = [...rows.values()];
  const values = table.key.map((part) => encodeArray('text', list.length, (i) => list[i]?.[part]).bytes);
  const selected = columns.map((column) => comparable(table, column)).join(', ');
  const found = await session.run(statement(`SELECT ${selected} FROM public.${table.name} WHERE ${keys}`, values));
  const toRow = (tuple: Tuple): Row => Object.fromEntries(columns.map((column, i) => [column, tuple[i]]));
  const byKey = found.rows.map(toRow).map((row): [string, Row] => [table.keyOf(row), row]);
  return new Map(byKey.filter(([key]) => rows.has(key)));
}

/** A column in which a row is not what this creation says, where no change has set it since; undefined where it is. */
export function differsFrom(table: Table, held: Row, row: Row): string | undefined {
  return decided(table).find((column) => {
    const by = table.versionOf(column);
    return (by === undefined || held[by] === null) && !sameValue(table, column, held[column], row[column]);
  });
}
