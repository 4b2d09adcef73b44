import { DbwCommand } from '../../command.js';

/** What `dbw migrate --json` prints. */
export interface MigrateResult {
  /** Migrations that this run applied; empty where the schema was current. */
  readonly applied: readonly string[];
}

export default class Migrate extends DbwCommand {
  static override summary = 'Bring the database schema up to date.';
  static override description =
    'Applies what is pending, each migration in its own transaction, while no other process migrates. Safe to run from many places at once.';
  static override examples = ['<%= config.bin %> migrate', '<%= config.bin %> migrate --json'];

  async run(): Promise<MigrateResult> {
    await this.parse(Migrate);
    const config = this.configuration();
    const [{ connect }, { migrate }] = await Promise.all([
      import('../../postgres/data-source.js'),
      import('../../postgres/migrate.js'),
    ]);
    const dataSource = await connect(config.database);
    try {
      const applied = await migrate(dataSource);
      for (const name of applied) this.log(`applied ${name}`);
      if (applied.length === 0) this.log('The schema is up to date.');
      return { applied };
    } finally {
      await dataSource.destroy();
    }
  }
}
