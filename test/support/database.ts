import { DataSource } from 'typeorm';
import { readConfig, type Config } from '../../src/config.js';
import { connect } from '../../src/postgres/data-source.js';
import { migrate } from '../../src/postgres/migrate.js';
import { freshDistributed } from './citus.js';
import { unique } from './unique.js';

/** The settings of a process that works on this database. */
export function databaseConfig(database: string): Config['database'] {
  return { ...readConfig(process.env).database, database };
}

/** An empty database of its own, not migrated. */
export async function emptyDatabase(): Promise<string> {
  const name = unique('db');
  const admin = await connect(databaseConfig(process.env.DB_DATABASE ?? 'dbw'));
  try {
    await admin.query(`CREATE DATABASE ${name} TEMPLATE template0`);
  } finally {
    await admin.destroy();
  }
  return name;
}

/** A database of its own with nothing in it, connected; `destroy` it afterwards. */
export async function bareDatabase(): Promise<DataSource> {
  return connect(databaseConfig(await emptyDatabase()));
}

/**
 * A migrated database of its own, connected; `destroy` it afterwards. With TEST_LAYOUT=distributed its tables are distributed
 * (`npm run test:distributed`).
 */
export async function freshDatabase(): Promise<DataSource> {
  if (process.env.TEST_LAYOUT === 'distributed') return freshDistributed();
  const dataSource = await bareDatabase();
  await migrate(dataSource);
  return dataSource;
}

/** Takes every row out of every table, so that a property can begin anew without a new database. */
export async function emptyTables(dataSource: DataSource, tables: readonly string[]): Promise<void> {
  const own = ['dbw.processed_events', 'dbw.parked_events', 'dbw.positions'];
  await dataSource.query(`TRUNCATE ${[...tables.map((name) => `public.${name}`), ...own].join(', ')} CASCADE`);
}
