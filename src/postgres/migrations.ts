import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { MigrationInterface, QueryRunner } from 'typeorm';

const folder = fileURLToPath(new URL('../../migrations/', import.meta.url));

/** Whoever waits for a table's lock makes everybody behind it wait: better to give up soon and try again. */
const IMPATIENT = "SET LOCAL lock_timeout = '2s'";

/** `1763856000000-reader-tables` as TypeORM wants a migration's name: `ReaderTables1763856000000`. */
function nameOf(file: string): string {
  const [time = '', ...words] = file.split('-');
  return words.map((word) => word.slice(0, 1).toUpperCase() + word.slice(1)).join('') + time;
}

/** A migration made of two files of plain SQL, `<time>-<name>.up.sql` and `.down.sql`. */
function migrationOf(file: string): new () => MigrationInterface {
  return class implements MigrationInterface {
    readonly name = nameOf(file);

    async up(runner: QueryRunner): Promise<void> {
      await runner.query(IMPATIENT);
      await runner.query(readFileSync(`${folder}${file}.up.sql`, 'utf8'));
    }

    async down(runner: QueryRunner): Promise<void> {
      await runner.query(IMPATIENT);
      await runner.query(readFileSync(`${folder}${file}.down.sql`, 'utf8'));
    }
  };
}

/** Every migration of the package, oldest first. */
export const migrations: (new () => MigrationInterface)[] = readdirSync(folder)
  .filter((file) => file.endsWith('.up.sql'))
  .map((file) => file.slice(0, -'.up.sql'.length))
  .sort()
  .map(migrationOf);
