import type { DataSource } from 'typeorm';
import { EXIT, UserError } from '../errors.js';
import { tables } from '../handlers/index.js';
import { layoutOf } from './layouts.js';

/** Tables of the schema `dbw` that only `dbw migrate` writes. */
export const READ_ONLY = ['migrations', 'schema_requirements'];

/**
 * What a command does with the database: it only looks, it writes, or it writes and keeps house in schema dbw, whose tables
 * it makes and drops.
 */
export type Duty = 'look' | 'write' | 'keep house';

/** What the role lacks on a schema or a table. */
interface Lack {
  readonly name: string;
  readonly missing: string[];
}

/** By way of the catalog, which every role may read: looking a table up by name fails without a right on its schema. */
const SCHEMAS = `
  SELECT quote_ident(n.nspname) AS name, array_agg(w.privilege ORDER BY w.privilege DESC) AS missing
  FROM (VALUES ('public', 'USAGE'), ('dbw', 'USAGE'), ('dbw', 'CREATE')) AS w (schema, privilege)
  JOIN pg_namespace n ON n.nspname = w.schema
  WHERE ($1 = 'keep house' OR w.privilege = 'USAGE') AND NOT has_schema_privilege(n.oid, w.privilege) GROUP BY 1 ORDER BY 1`;

const TABLES = `
  SELECT format('%I.%I', n.nspname, c.relname) AS name, array_agg(w.privilege ORDER BY w.at) AS missing
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  CROSS JOIN (VALUES (1, 'SELECT'), (2, 'INSERT'), (3, 'UPDATE'), (4, 'DELETE')) AS w (at, privilege)
  WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND ($3 <> 'look' OR w.at = 1)
    AND CASE n.nspname WHEN 'public' THEN c.relname = ANY($1) AND (w.at <= 3 OR c.relname = ANY($4))
      WHEN 'dbw' THEN w.at = 1 OR c.relname <> ALL($2) ELSE false END
    AND NOT has_table_privilege(c.oid, w.privilege)
  GROUP BY 1 ORDER BY 1`;

/** The table of ids gets a partition a day, and loses one: only its owner may. */
const OWNED = `
  SELECT count(*) > 0 AS foreign FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = 'dbw' AND c.relkind IN ('r', 'p') AND c.relname ~ '^processed_events(_|$)'
    AND NOT pg_has_role(c.relowner, 'USAGE')`;

function grants(lacks: readonly Lack[], what: string, role: string): string[] {
  const byPrivileges = new Map<string, string[]>();
  for (const { name, missing } of lacks) {
    const privileges = missing.join(', ');
    byPrivileges.set(privileges, [...(byPrivileges.get(privileges) ?? []), name]);
  }
  return [...byPrivileges].map(
    ([privileges, names]) => `GRANT ${privileges} ON ${what} ${names.join(', ')} TO ${role};`,
  );
}

/** `ALTER TABLE` of a partitioned table leaves its partitions to whom they belong. */
function takeOver(role: string): string {
  const alter = `EXECUTE format('ALTER TABLE %s OWNER TO %s', t, ${literal(role)})`;
  return `DO $$ DECLARE t regclass; BEGIN FOR t IN SELECT relid FROM pg_partition_tree('dbw.processed_events') LOOP ${alter}; END LOOP; END $$;`;
}

/** Text as SQL says it between quotes. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** The most that this role may do: whether it keeps house, writes, or only looks. */
export async function dutyOf(dataSource: DataSource): Promise<Duty> {
  const [owned]: { foreign: boolean }[] = await dataSource.query(OWNED);
  if (owned?.foreign !== true) return 'keep house';
  const [row]: { writes: boolean | null }[] = await dataSource.query(
    `SELECT bool_or(has_table_privilege(c.oid, 'INSERT, UPDATE')) AS writes FROM pg_class c
     JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public' AND c.relname = ANY($1)`,
    [tables.map(({ name }) => name)],
  );
  return row?.writes === true ? 'write' : 'look';
}

/**
 * Makes sure that the role may do all that its duty asks for. Tables that do not exist are not its business.
 *
 * @throws UserError that lists everything that is missing, with the statements that mend it
 */
export async function refuseMissingRights(dataSource: DataSource, duty: Duty): Promise<void> {
  const [who]: { role: string; database: string }[] = await dataSource.query(
    'SELECT quote_ident(current_user) AS role, current_database() AS database',
  );
  const role = who?.role ?? '';
  const schemas: Lack[] = await dataSource.query(SCHEMAS, [duty]);
  // A row moves from one node to another by being deleted here and inserted there.
  const moving = layoutOf(dataSource) === 'distributed' ? tables.filter(({ owner }) => owner !== undefined) : [];
  const [all, movable] = [tables, moving].map((some) => some.map(({ name }) => name));
  const lacks: Lack[] = await dataSource.query(TABLES, [all, READ_ONLY, duty, movable]);
  const [owned]: { foreign: boolean }[] = await dataSource.query(OWNED);
  const isForeign = duty === 'keep house' && owned?.foreign === true;

  const missing = [
    ...schemas.map(({ name, missing: rights }) => `${rights.join(', ')} on schema ${name}`),
    ...lacks.map(({ name, missing: rights }) => `${rights.join(', ')} on ${name}`),
    ...(isForeign ? ['ownership of dbw.processed_events and its partitions'] : []),
  ];
  if (missing.length === 0) return;
  const remedies = [
    ...grants(schemas, 'SCHEMA', role),
    ...grants(lacks, 'TABLE', role),
    ...(isForeign ? [takeOver(role)] : []),
  ];
  const what = `The role ${role} lacks rights in the database "${who?.database ?? ''}"`;
  throw new UserError(
    [`${what}: ${missing.join('; ')}. Run this as a superuser, then start again:`, ...remedies].join('\n'),
    EXIT.refused,
  );
}
