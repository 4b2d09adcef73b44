import type { DataSource, EntityManager } from 'typeorm';
import { codeOf, EXIT, reasonOf, UserError } from '../errors.js';
import { tables } from '../handlers/index.js';
import { foreignKeys, idIndex, liesWith, primaryKey } from '../tables/layout.js';
import type { Table } from '../tables/table.js';
import { learnLayout } from './layouts.js';

/** Citus makes shards over several connections at once, which cannot see foreign keys that the same transaction has made. */
const ONE_BY_ONE = "SET LOCAL citus.multi_shard_modify_mode TO 'sequential'";
const IMPATIENT = "SET LOCAL lock_timeout = '2s'";

/** Rows that a writer has hold of: see `HeldRows`. They end with a transaction, so that a crash may empty the table. */
const HELD_ROWS = 'CREATE UNLOGGED TABLE IF NOT EXISTS dbw.held_rows (name text COLLATE "C" PRIMARY KEY)';

/** Writers and runs that live: each holds an advisory lock for as long. */
const LIVING = `
  SELECT count(*)::integer AS living FROM (SELECT DISTINCT instance FROM dbw.in_hand) AS x
  WHERE NOT pg_try_advisory_xact_lock(hashtextextended('dbw.in_hand:' || instance::text, 0))`;

function dropForeignKeys({ name, references }: Table): string[] {
  return references.map(({ column }) => `ALTER TABLE public.${name} DROP CONSTRAINT ${name}_${column}_fkey`);
}

function addForeignKeys(table: Table): string[] {
  return foreignKeys(table, 'distributed').map(({ column, parent }) => {
    const parentKey = `public.${parent.name} (${parent.key.join(', ')})`;
    return `ALTER TABLE public.${table.name} ADD CONSTRAINT ${table.name}_${column}_fkey FOREIGN KEY (${column}) REFERENCES ${parentKey}`;
  });
}

function changeKey(table: Table): string[] {
  const { name } = table;
  const index = idIndex(table, 'distributed');
  if (index === undefined) return [];
  const key = primaryKey(table, 'distributed').join(', ');
  return [
    `ALTER TABLE public.${name} DROP CONSTRAINT ${name}_pkey, ADD CONSTRAINT ${name}_pkey PRIMARY KEY (${key})`,
    `CREATE INDEX ${index} ON public.${name} (${table.key.join(', ')})`,
  ];
}

function place(table: Table, all: readonly Table[]): string {
  const name = `'public.${table.name}'`;
  if (table.distributeBy === undefined) return `SELECT create_reference_table(${name})`;
  const other = liesWith(table, all);
  const where = other ? `public.${other.name}` : 'none';
  return `SELECT create_distributed_table(${name}, '${table.distributeBy}', colocate_with => '${where}')`;
}

/**
 * The statements that distribute tables, for one transaction: foreign keys away, the column that says where a row lies into
 * every primary key, the tables copied to every node or distributed, and the foreign keys again that the nodes can watch over.
 *
 * @param all every table, parents first
 */
export function distribution(all: readonly Table[]): string[] {
  const copied = all.filter(({ distributeBy }) => distributeBy === undefined);
  const spread = all.filter(({ distributeBy }) => distributeBy !== undefined);
  return [
    ONE_BY_ONE,
    ...[...all].reverse().flatMap(dropForeignKeys),
    ...all.flatMap(changeKey),
    ...[...copied, ...spread].map((table) => place(table, all)),
    ...all.flatMap(addForeignKeys),
    HELD_ROWS,
  ];
}

/**
 * Makes sure that the server can distribute tables.
 *
 * @throws UserError where the extension is not there
 */
export async function refuseWithoutCitus(dataSource: DataSource): Promise<void> {
  const found: unknown[] = await dataSource.query(`SELECT FROM pg_extension WHERE extname = 'citus'`);
  if (found.length > 0) return;
  const database = dataSource.options.type === 'postgres' ? (dataSource.options.database ?? '') : '';
  const what = `The tables cannot be distributed: the database "${database}" has no extension citus. Nothing was changed`;
  const remedy =
    'Connect to the coordinator of a Citus cluster and run CREATE EXTENSION citus there, or run dbw migrate without --distributed';
  throw new UserError(`${what}. ${remedy}.`, EXIT.refused);
}

async function refuseWriters(manager: EntityManager): Promise<void> {
  const [{ living } = { living: 0 }]: { living: number }[] = await manager.query(LIVING);
  if (living === 0) return;
  const who = `${living} dbw consume ${living === 1 ? 'is' : 'are'} writing to this database, for tables that are not distributed`;
  throw new UserError(`${who}. Stop them, run the command again, then start them.`, EXIT.refused);
}

/**
 * Distributes the tables, in one transaction; data in them moves to the nodes. Where they are distributed it does nothing.
 *
 * @returns whether this call did it
 * @throws UserError where writers are running, or where Citus refuses; nothing is changed then
 */
export async function distribute(dataSource: DataSource): Promise<boolean> {
  if ((await learnLayout(dataSource)) === 'distributed') return false;
  try {
    await dataSource.transaction(async (manager) => {
      await refuseWriters(manager);
      await manager.query(IMPATIENT);
      for (const statement of distribution(tables)) await manager.query(statement);
    });
  } catch (error) {
    if (error instanceof UserError || codeOf(error) === '55P03') throw error;
    const what = `The tables could not be distributed: ${reasonOf(error)}. They are as they were`;
    throw new UserError(`${what}: whole, on the coordinator. Mend it, then run the command again.`, EXIT.refused);
  }
  await learnLayout(dataSource);
  return true;
}
