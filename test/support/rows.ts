import type { DataSource } from 'typeorm';
import { tables } from '../../src/handlers/index.js';
import { TABLES } from './model/tables.js';

/** Tables as the model has them: table → key joined by U+001F → row, guards and versions left out. */
export type Rows = Map<string, Map<string, Record<string, unknown>>>;

const TIME = `to_char(%c AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS %c`;
/** Columns that only decide what holds: the model has no need of them. */
const GUARDS = ['named_at'];

/** Every row that readers see, in the values of the model; without tables that the model does not know. */
export async function readRows(dataSource: DataSource): Promise<Rows> {
  const all: Rows = new Map();
  for (const table of tables) {
    if (!(table.name in TABLES)) continue;
    const columns = [...table.columns].filter(([name]) => !GUARDS.includes(name));
    const selected = columns.map(([name, { sql }]) => (sql === 'timestamptz' ? TIME.replaceAll('%c', name) : name));
    const rows: Record<string, unknown>[] = await dataSource.query(
      `SELECT ${selected.join(', ')} FROM public.${table.name}`,
    );
    all.set(table.name, new Map(rows.map((row) => [table.key.map((part) => String(row[part])).join('\u001f'), row])));
  }
  return all;
}
