import { setTimeout as delay } from 'node:timers/promises';
import type { DataSource, QueryRunner } from 'typeorm';
import { codeOf, EXIT, UserError } from '../errors.js';
import { unhurried } from './data-source.js';
import { distribute, refuseWithoutCitus } from './distribute.js';
import { learnLayout, refuseMixedLayout } from './layouts.js';
import { migrations } from './migrations.js';
import { handOver } from './roles.js';

/** "dbw" in ASCII: the key of the advisory lock that lets one migration run at a time in a database. */
const LOCK_KEY = 0x64_62_77;
const LOCK_TIMEOUT_MS = 2_000; // see migrations.ts
const TRIES = 30;
const POLL_MS = 100;

export interface MigrationState {
  readonly name: string;
  readonly applied: boolean;
}

/**
 * Runs `work` while no other process migrates this database. Polls: a session that waits inside `pg_advisory_lock` holds a
 * snapshot, over which `CREATE INDEX CONCURRENTLY` deadlocks.
 */
async function alone<T>(dataSource: DataSource, work: () => Promise<T>): Promise<T> {
  const runner: QueryRunner = dataSource.createQueryRunner();
  try {
    for (;;) {
      const rows = (await runner.query('SELECT pg_try_advisory_lock($1) AS locked', [LOCK_KEY])) as {
        locked: boolean;
      }[];
      if (rows[0]?.locked) break;
      await delay(POLL_MS);
    }
    try {
      return await work();
    } finally {
      await runner.query('SELECT pg_advisory_unlock($1)', [LOCK_KEY]);
    }
  } finally {
    await runner.release();
  }
}

/** Tries again while somebody else's lock is in the way; a migration that waits for a lock makes all others wait too. */
async function patiently<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (codeOf(error) !== '55P03') throw error;
      if (attempt === TRIES) {
        const why = `A table was locked by somebody else, ${TRIES} times for ${LOCK_TIMEOUT_MS / 1000} s`;
        throw new UserError(
          `${why}. End the long transactions (pg_stat_activity), then run the command again.`,
          EXIT.refused,
        );
      }
      await delay(POLL_MS * 2 ** Math.min(attempt, 5));
    }
  }
}

/** The names of the migrations that were applied, oldest first; reads only. */
async function appliedNames(dataSource: DataSource): Promise<string[]> {
  const [{ present }]: [{ present: boolean }] = await dataSource.query(
    `SELECT to_regclass('dbw.migrations') IS NOT NULL AS present`,
  );
  if (!present) return [];
  const rows: { name: string }[] = await dataSource.query('SELECT name FROM dbw.migrations ORDER BY timestamp');
  return rows.map(({ name }) => name);
}

/**
 * Applies the migrations that are pending, each in its own transaction.
 *
 * @returns the names of those that this call applied
 * @throws UserError where a lock cannot be had
 */
export async function migrate(dataSource: DataSource): Promise<string[]> {
  return unhurried(dataSource, (patient) =>
    alone(patient, async () => {
      // Even where it exists, IF NOT EXISTS would ask for the right to make schemas.
      const [{ there }]: [{ there: boolean }] = await patient.query(
        `SELECT to_regnamespace('dbw') IS NOT NULL AS there`,
      );
      if (!there) await patient.query('CREATE SCHEMA IF NOT EXISTS dbw');
      const applied = await patiently(() => patient.runMigrations({ transaction: 'each' }));
      await patiently(() => handOver(patient));
      return applied.map(({ name }) => name);
    }),
  );
}

/**
 * Applies the migrations that are pending and distributes the tables over the nodes of a Citus cluster.
 *
 * @returns the names of the migrations that this call applied, and whether it has distributed the tables
 * @throws UserError where the server has no Citus, before anything is changed; where a lock cannot be had, or Citus refuses
 */
export async function migrateDistributed(
  dataSource: DataSource,
): Promise<{ readonly applied: readonly string[]; readonly distributed: boolean }> {
  await refuseWithoutCitus(dataSource);
  const applied = await migrate(dataSource);
  const distributed = await unhurried(dataSource, (patient) =>
    alone(patient, () => patiently(() => distribute(patient))),
  );
  await learnLayout(dataSource);
  return { applied, distributed };
}

/**
 * Takes the last migration back.
 *
 * @returns its name, or undefined where none is applied
 * @throws UserError where a lock cannot be had
 */
export async function revert(dataSource: DataSource): Promise<string | undefined> {
  return unhurried(dataSource, (patient) =>
    alone(patient, async () => {
      const last = (await appliedNames(patient)).at(-1);
      if (last !== undefined) await patiently(() => patient.undoLastMigration({ transaction: 'each' }));
      return last;
    }),
  );
}

/** Every migration of this code and of the database, and whether it is applied. Writes nothing. */
export async function migrationStates(dataSource: DataSource): Promise<MigrationState[]> {
  const applied = await appliedNames(dataSource);
  const ours = migrations.map((migration) => new migration().name ?? '');
  const foreign = applied.filter((name) => !ours.includes(name));
  return [...ours, ...foreign].map((name) => ({ name, applied: applied.includes(name) }));
}

function isOlder(version: string, than: string): boolean {
  const [a, b] = [version, than].map((text) => text.split(/[.-]/).slice(0, 3).map(Number));
  for (let i = 0; i < 3; i++) {
    const difference = (a?.[i] ?? 0) - (b?.[i] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

/**
 * Makes sure that this code can write this schema.
 *
 * @param version of this code
 * @throws UserError where migrations are missing, where tables have other keys than they should, or where the schema
 *   wants newer code
 */
export async function requireSchema(dataSource: DataSource, version: string): Promise<void> {
  const pending = (await migrationStates(dataSource)).filter(({ applied }) => !applied);
  if (pending.length > 0) {
    const names = pending.map(({ name }) => name).join(', ');
    throw new UserError(`The database lacks ${pending.length} migrations (${names}). Run: dbw migrate`, EXIT.refused);
  }
  await refuseMixedLayout(dataSource);
  const rows: { migration: string; oldest_code: string }[] = await dataSource.query(
    'SELECT migration, oldest_code FROM dbw.schema_requirements',
  );
  const newer = rows.find(({ oldest_code }) => isOlder(version, oldest_code));
  if (!newer) return;
  const why = `The database needs dbw ${newer.oldest_code} or newer (since ${newer.migration}); this is ${version}`;
  throw new UserError(
    `${why}. Deploy the newer version, or take the migration back with it: dbw migrate revert`,
    EXIT.refused,
  );
}
