// Databases of one measurement each.
import { connect } from '../../src/postgres/data-source.js';
import { databaseConfig, freshDatabase } from '../../test/support/database.js';

/** A new database with the schema, to which nobody is connected; returns its name. */
export async function newDatabase(): Promise<string> {
  const dataSource = await freshDatabase();
  await dataSource.destroy();
  return String(dataSource.options.database);
}

/** Drops a database, whoever is connected. */
export async function dropDatabase(name: string): Promise<void> {
  const admin = await connect(databaseConfig(process.env.DB_DATABASE ?? 'dbw'));
  await admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
  await admin.destroy();
}
