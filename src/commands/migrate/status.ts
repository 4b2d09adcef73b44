import { DbwCommand } from '../../command.js';
import type { MigrationState } from '../../postgres/migrate.js';
import type { Layout } from '../../tables/layout.js';

/** What `dbw migrate status --json` prints. */
export interface MigrateStatusResult {
  readonly migrations: readonly MigrationState[];
  readonly pending: number;
  /** Whether the tables are whole in one PostgreSQL or distributed over several. */
  readonly layout: Layout;
}

export default class MigrateStatus extends DbwCommand {
  static override summary = 'Show which migrations are applied and which are pending. Changes nothing.';
  static override examples = ['<%= config.bin %> migrate status'];

  async run(): Promise<MigrateStatusResult> {
    await this.parse(MigrateStatus);
    const config = this.configuration();
    const [{ connect }, { migrationStates }, { layoutOf }] = await Promise.all([
      import('../../postgres/data-source.js'),
      import('../../postgres/migrate.js'),
      import('../../postgres/layouts.js'),
    ]);
    const dataSource = await connect(config.database);
    try {
      const migrations = await migrationStates(dataSource);
      for (const { name, applied } of migrations) this.log(`${applied ? 'applied' : 'pending'}  ${name}`);
      const pending = migrations.filter(({ applied }) => !applied).length;
      this.log(pending > 0 ? `\n${pending} pending. To apply: dbw migrate` : '\nThe schema is up to date.');
      const layout = layoutOf(dataSource);
      if (layout === 'distributed') this.log('The tables are distributed.');
      return { migrations, pending, layout };
    } finally {
      await dataSource.destroy();
    }
  }
}
