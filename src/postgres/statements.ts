import type { Column } from '../tables/column.js';
import { primaryKey, type Layout } from '../tables/layout.js';
import { Keys } from '../tables/resolve.js';
import type { Row, Table } from '../tables/table.js';
import { arrayTypeOf, castOf, encodeArray, encodeRows, type ArrayType } from './arrays.js';

/** A statement with its parameters. Statements of one text share a name, so that a connection prepares each once. */
export interface Statement {
  readonly name: string;
  readonly text: string;
  readonly values: unknown[];
  /** What a COPY gets; only for statements that are sent together. */
  readonly copied?: Buffer;
}

const names = new Map<string, string>();

/** A statement under a short name that stands for its text. */
export function statement(text: string, values: unknown[]): Statement {
  let name = names.get(text);
  if (name === undefined) names.set(text, (name = `dbw_${names.size}`));
  return { name, text, values };
}

interface Parameter {
  readonly column: string;
  readonly type: ArrayType;
  readonly bytes: Buffer;
}

function typeOf(table: Table, column: string): ArrayType {
  return table.columns.get(column)?.sql ?? 'text'; // a version column
}

/**
 * Statements for fewer rows name every column: a handful of texts are prepared once on each connection, where small batches
 * would make a text for each set of columns that happens to be named. For more rows the columns cost more than that.
 */
const FEW = 100;

/** So many rows of one table are copied instead of inserted: that has no plan to run, which pays for what it takes to begin. */
const MANY = 200;

/** One array a column; of many rows, columns that are null in every one are left out unless `keep` names them. */
function parameters(
  table: Table,
  columns: readonly string[],
  rows: readonly Row[],
  keep: readonly string[],
): Parameter[] {
  const found: Parameter[] = [];
  for (const column of columns) {
    const type = typeOf(table, column);
    const initial = table.columns.get(column)?.initial;
    const encoded = encodeArray(type, rows.length, (i) => rows[i]?.[column] ?? initial);
    if (!encoded.empty || rows.length < FEW || keep.includes(column))
      found.push({ column, type, bytes: encoded.bytes });
  }
  return found;
}

function unnest(given: readonly Parameter[]): string {
  const arrays = given.map(({ type }, i) => `$${i + 1}::${arrayTypeOf(type)}`);
  return `unnest(${arrays.join(', ')}) AS x (${given.map(({ column }) => column).join(', ')})`;
}

function selected({ column, type }: Parameter): string {
  return `x.${column}${castOf(type)}`;
}

function insertInto(table: Table, given: readonly Parameter[]): string {
  const columns = given.map(({ column }) => column).join(', ');
  return `INSERT INTO public.${table.name} AS t (${columns}) SELECT ${given.map(selected).join(', ')} FROM ${unnest(given)}`;
}

/** Inserts rows whose keys are not there yet; returns the keys that were new. */
export function insertRows(table: Table, rows: readonly Row[], layout: Layout = 'whole'): Statement {
  const given = parameters(table, table.insertable, rows, table.key);
  const key = primaryKey(table, layout).join(', ');
  const returned = table.key.map((column) => `t.${column}`).join(', ');
  return statement(
    `${insertInto(table, given)} ON CONFLICT (${key}) DO NOTHING RETURNING ${returned}`,
    given.map(({ bytes }) => bytes),
  );
}

/** Which of these rows are there and were not created before these: of others it is settled which creation holds. */
export function notCreatedBefore(table: Table, rows: readonly Row[]): Statement {
  const created = table.created ?? '';
  const columns = [...table.key, created];
  const given = parameters(table, columns, rows, columns);
  const matches = table.key.map((column) => `t.${column} = x.${column}`).join(' AND ');
  const keys = table.key.map((column) => `t.${column}`).join(', ');
  return statement(
    `SELECT ${keys} FROM ${unnest(given)} JOIN public.${table.name} t ON ${matches} WHERE t.${created} >= x.${created}`,
    given.map(({ bytes }) => bytes),
  );
}

/**
 * Inserts rows of which none is there yet, counters included.
 *
 * @param mayCopy whether many may be copied
 * @throws 23505, when it is run, where one is there
 */
export function insertNewRows(table: Table, rows: readonly Row[], mayCopy: boolean): Statement {
  const counters = [...table.columns].flatMap(([name, { rule }]) =>
    rule === 'counter' && (rows.length < FEW || rows.some((row) => row[name] !== undefined)) ? [name] : [],
  );
  const columns = [...table.insertable, ...counters];
  if (mayCopy && rows.length >= MANY) return copyRows(table, columns, rows);
  const given = parameters(table, columns, rows, table.key);
  return statement(
    insertInto(table, given),
    given.map(({ bytes }) => bytes),
  );
}

function copyRows(table: Table, columns: readonly string[], rows: readonly Row[]): Statement {
  const given = columns
    .map((column) => ({ column, type: typeOf(table, column), initial: table.columns.get(column)?.initial ?? null }))
    .filter(({ column, initial }) => initial !== null || rows.some((row) => (row[column] ?? null) !== null));
  const types = given.map(({ type }) => type);
  const copied = encodeRows(
    types,
    rows.length,
    (row, at) => rows[row]?.[given[at]?.column ?? ''] ?? given[at]?.initial,
  );
  const names = given.map(({ column }) => column).join(', ');
  return { ...statement(`COPY public.${table.name} (${names}) FROM STDIN (FORMAT binary)`, []), copied };
}

/**
 * Makes rows hold these values where they are later than what the row holds.
 *
 * @param reapply also where the row says that it holds just these, and does not
 */
export function putRows(table: Table, rows: readonly Row[], reapply = false): Statement {
  const given = parameters(table, table.insertable, rows, table.insertable);
  const values = given.filter(({ column }) => !table.key.includes(column));
  const set = values.map(({ column }) => `${column} = excluded.${column}`).join(', ');
  const differs = values.map(({ column }) => `t.${column} IS DISTINCT FROM excluded.${column}`).join(' OR ');
  const later = `t.version < excluded.version${reapply ? ` OR t.version = excluded.version AND (${differs})` : ''}`;
  return statement(
    `${insertInto(table, given)} ON CONFLICT (${table.key.join(', ')}) DO UPDATE SET ${set} WHERE ${later}`,
    given.map(({ bytes }) => bytes),
  );
}

/** How one column of an update is set, and when that changes anything. */
function assignment(
  table: Table,
  { column, type }: Parameter,
  reapply: boolean,
): { set: string; when: string } | undefined {
  const rule = table.columns.get(column)?.rule;
  const value = `x.${column}${castOf(type)}`;
  if (rule === 'counter') return { set: `${column} = t.${column} + ${value}`, when: `${value} <> 0` };
  if (rule === 'latest' || rule === 'earliest') {
    const [choose, compare] = rule === 'latest' ? ['greatest', '>'] : ['least', '<'];
    const when = `(${value} ${compare} t.${column} OR t.${column} IS NULL AND ${value} IS NOT NULL)`;
    return { set: `${column} = ${choose}(t.${column}, ${value})`, when };
  }
  // The collation of a function's result and that of the column differ: both sides must say which.
  const by = rule === 'versioned' ? table.versionOf(column) : column;
  if (by === undefined) return undefined;
  const later = `x.${by} COLLATE "C" > coalesce(t.${by}, '') COLLATE "C"`;
  if (!reapply || rule !== 'versioned') {
    return { set: `${column} = CASE WHEN ${later} THEN ${value} ELSE t.${column} END`, when: later };
  }
  const damaged = `x.${by} = t.${by} AND t.${column} IS DISTINCT FROM ${value}`;
  const when = `(${later} OR ${damaged})`;
  return { set: `${column} = CASE WHEN ${when} THEN ${value} ELSE t.${column} END`, when };
}

/**
 * Changes rows that exist: per versioned column where the change is later, the greatest and the least of times, and
 * counters by how much they move. Every row at most once: two passes over rows in key order could deadlock.
 *
 * @param reapply also where the row says that it holds just this change, and does not
 */
export function updateRows(table: Table, rows: readonly Row[], reapply = false): Statement {
  const changeable = [...table.columns].filter(([name, { rule }]) => rule !== 'creation' && !table.key.includes(name));
  const columns = [...changeable.map(([name]) => name), ...table.versions.keys()];
  const kept = keptWithVersion(table, columns, rows);
  const given = parameters(table, [...table.key, ...columns], rows, [...table.key, ...kept]).filter(
    ({ column }) => rows.length < FEW || !isVersioned(table.columns.get(column)) || kept.includes(column),
  );
  const set: string[] = [];
  const when = new Set<string>();
  for (const parameter of given) {
    if (table.key.includes(parameter.column)) continue;
    const assigned = assignment(table, parameter, reapply);
    if (!assigned) continue;
    set.push(assigned.set);
    when.add(assigned.when);
  }
  const matches = table.key.map((column) => `t.${column} = x.${column}`).join(' AND ');
  return statement(
    `UPDATE public.${table.name} AS t SET ${set.join(', ')} FROM ${unnest(given)} WHERE ${matches} AND (${[...when].join(' OR ')})`,
    given.map(({ bytes }) => bytes),
  );
}

function isVersioned(column: Column<unknown> | undefined): boolean {
  return column?.rule === 'versioned';
}

/** Versioned columns that some row sets, also where it sets them to null: their version says so. */
function keptWithVersion(table: Table, columns: readonly string[], rows: readonly Row[]): string[] {
  return columns.filter((column) => {
    const by = isVersioned(table.columns.get(column)) ? table.versionOf(column) : undefined;
    return by !== undefined && rows.some((row) => row[by] !== undefined && row[column] !== undefined);
  });
}

/** Which of these keys of a table with a single key column exist. */
export function existing(table: Table, keys: readonly string[]): Statement {
  const key = table.key[0] ?? '';
  const { bytes } = encodeArray('text', keys.length, (i) => keys[i]);
  return statement(`SELECT ${key} FROM public.${table.name} WHERE ${key} = ANY($1::text[])`, [bytes]);
}

/** What such questions, one a table, were answered: the rows that exist. */
export function foundIn(
  asked: readonly Table[],
  answers: readonly { readonly rows: readonly (readonly unknown[])[] }[],
): Keys {
  const found = new Keys();
  for (const [i, table] of asked.entries()) for (const [key] of answers[i]?.rows ?? []) found.add(table, String(key));
  return found;
}

/** One column of those of these keys that exist, each with its key. */
export function existingValues(table: Table, column: string, keys: readonly string[]): Statement {
  const key = table.key[0] ?? '';
  const { bytes } = encodeArray('text', keys.length, (i) => keys[i]);
  return statement(`SELECT ${key}, ${column} FROM public.${table.name} WHERE ${key} = ANY($1::text[])`, [bytes]);
}
