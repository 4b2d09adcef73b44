// Databases of one measurement each.
import { connect } from '../../src/postgres/data-source.js';
import { migrate } from '../../src/postgres/migrate.js';
import { databaseConfig, emptyDatabase } from '../../test/support/database.js';

/** A new database with the schema; returns its name. */
export async function freshDatabase(): Promise<string> {
  const name = await emptyDatabase();
  const dataSource = await connect(databaseConfig(name));
  await migrate(dataSource);
  await dataSource.destroy();
  return name;
}

/** Drops a database, whoever is connected. */
export async function dropDatabase(name: string): Promise<void> {
  const admin = await connect(databaseConfig(process.env.DB_DATABASE ?? 'dbw'));
  await admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
  await admin.destroy();
}
