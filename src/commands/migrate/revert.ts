import { Flags } from '@oclif/core';
import { DbwCommand } from '../../command.js';
import { EXIT, UserError } from '../../errors.js';

/** What `dbw migrate revert --json` prints. */
export interface MigrateRevertResult {
  /** The migration that was taken back; null where none was applied. */
  readonly reverted: string | null;
}

export default class MigrateRevert extends DbwCommand {
  static override summary = 'Take the last migration back.';
  static override description = 'Drops what the migration made, with the data in it. Needs --yes, on a terminal too.';
  static override examples = ['<%= config.bin %> migrate revert --yes'];
  static override flags = {
    yes: Flags.boolean({ char: 'y', summary: 'really take it back, with the data in what it made' }),
  };

  async run(): Promise<MigrateRevertResult> {
    const { flags } = await this.parse(MigrateRevert);
    const config = this.configuration();
    if (!flags.yes) {
      const what = `takes the last migration of database "${config.database.database}" back, with the data in what it made`;
      throw new UserError(`This ${what}. To do so: dbw migrate revert --yes`, EXIT.usage);
    }
    const [{ connect }, { revert }] = await Promise.all([
      import('../../postgres/data-source.js'),
      import('../../postgres/migrate.js'),
    ]);
    const dataSource = await connect(config.database);
    try {
      const reverted = await revert(dataSource);
      this.log(reverted === undefined ? 'No migration is applied.' : `reverted ${reverted}`);
      return { reverted: reverted ?? null };
    } finally {
      await dataSource.destroy();
    }
  }
}
