import type { DataSource } from 'typeorm';

const QUERIES: Readonly<Record<string, string>> = {
  columns: `SELECT table_schema || '.' || table_name || '.' || column_name AS name, concat_ws(' ', data_type, udt_name,
      numeric_precision, numeric_scale, character_maximum_length, collation_name, is_nullable, column_default,
      rank() OVER (PARTITION BY table_schema, table_name ORDER BY ordinal_position)) AS what
    FROM information_schema.columns WHERE table_schema IN ('public', 'dbw')`,
  constraints: `SELECT conrelid::regclass || '.' || conname AS name, pg_get_constraintdef(oid) AS what
    FROM pg_constraint WHERE connamespace IN ('public'::regnamespace, 'dbw'::regnamespace)`,
  indexes: `SELECT schemaname || '.' || indexname AS name, indexdef AS what FROM pg_indexes WHERE schemaname IN ('public', 'dbw')`,
  functions: `SELECT oid::regprocedure::text AS name, pg_get_functiondef(oid) AS what
    FROM pg_proc WHERE pronamespace IN ('public'::regnamespace, 'dbw'::regnamespace)`,
  partitions: `SELECT c.oid::regclass::text AS name, pg_get_expr(c.relpartbound, c.oid) AS what
    FROM pg_class c WHERE c.relispartition`,
  triggers: `SELECT tgrelid::regclass || '.' || tgname AS name, pg_get_triggerdef(oid) AS what FROM pg_trigger WHERE NOT tgisinternal`,
  sequences: `SELECT oid::regclass::text AS name, relpersistence::text AS what FROM pg_class WHERE relkind = 'S'
    AND relnamespace IN ('public'::regnamespace, 'dbw'::regnamespace)`,
};

/** Everything that a schema is made of, as text: two databases with one catalog were made alike. Needs the schema `dbw`. */
export async function catalogOf(dataSource: DataSource): Promise<Record<string, Record<string, string>>> {
  const catalog: Record<string, Record<string, string>> = {};
  for (const [kind, query] of Object.entries(QUERIES)) {
    const rows: { name: string; what: string }[] = await dataSource.query(`${query} ORDER BY 1`);
    catalog[kind] = Object.fromEntries(rows.map(({ name, what }) => [name, what]));
  }
  return catalog;
}
