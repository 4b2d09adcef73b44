import { Flags } from '@oclif/core';
import { DbwCommand } from '../../command.js';
import type { Config } from '../../config.js';
import { codeOf, EXIT, reasonOf, UserError } from '../../errors.js';

/** What `dbw migrate --json` prints. */
export interface MigrateResult {
  /** Migrations that this run applied; empty where the schema was current. */
  readonly applied: readonly string[];
  /** Whether this run distributed the tables over the nodes of a Citus cluster. */
  readonly distributed: boolean;
}

/** A name as SQL has it. */
function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** What PostgreSQL refuses a migration for, by SQLSTATE; what helps where events are refused does not help here. */
const REMEDIES: Readonly<Record<string, (config: Config['database']) => string>> = {
  '42501': ({ database, username }) =>
    `Let a superuser type: ALTER DATABASE ${quoted(database)} OWNER TO ${quoted(username)}; or what dbw migrate grants prints, and migrate as its owner.`,
  '42P07': () => 'Set DB_DATABASE to a database of its own, or take what is there out of the way.',
};

function refusalOf(error: unknown, config: Config['database']): unknown {
  const remedy = REMEDIES[codeOf(error) ?? ''];
  if (!remedy) return error;
  const what = `A migration was refused, and has changed nothing: ${reasonOf(error)}`;
  return new UserError(`${what}. ${remedy(config)}`, EXIT.refused);
}

export default class Migrate extends DbwCommand {
  static override summary = 'Bring the database schema up to date.';
  static override description =
    'Applies what is pending, each migration in its own transaction, while no other process migrates. Safe to run from many places at once.';
  static override examples = [
    '<%= config.bin %> migrate',
    '<%= config.bin %> migrate --json',
    '<%= config.bin %> migrate --distributed',
  ];
  static override flags = {
    distributed: Flags.boolean({
      summary: 'then distribute the tables over the nodes of a Citus cluster',
      description: 'DB_HOST is its coordinator, on which the extension citus must be there. Stop dbw consume first.',
    }),
  };

  async run(): Promise<MigrateResult> {
    const { flags } = await this.parse(Migrate);
    const config = this.configuration();
    const [{ connect }, { migrate, migrateDistributed }] = await Promise.all([
      import('../../postgres/data-source.js'),
      import('../../postgres/migrate.js'),
    ]);
    const dataSource = await connect(config.database);
    try {
      const { applied, distributed } = flags.distributed
        ? await migrateDistributed(dataSource)
        : { applied: await migrate(dataSource), distributed: false };
      for (const name of applied) this.log(`applied ${name}`);
      if (distributed) this.log('distributed the tables');
      if (applied.length === 0 && !distributed) this.log('The schema is up to date.');
      return { applied, distributed };
    } catch (error) {
      throw refusalOf(error, config.database);
    } finally {
      await dataSource.destroy();
    }
  }
}
