import { Flags } from '@oclif/core';
import { DbwCommand } from '../../command.js';
import { EXIT, UserError } from '../../errors.js';
import type { Roles } from '../../postgres/roles.js';

/** What `dbw migrate grants --json` prints. */
export interface MigrateGrantsResult {
  readonly roles: Roles;
  readonly sql: string;
}

export default class MigrateGrants extends DbwCommand {
  static override summary = 'Print the SQL that gives each kind of command a role of its own. Changes nothing.';
  static override description = `One role each for migrate; for consume; for replay-dlq, backfill and dlq discard; for the commands that only look; and for
the services that read the tables. Each gets what it needs and no more. A superuser runs the statements in the database of dbw, before the
first migration or at any time after, and again as often as they like; then sets the passwords.`;
  static override examples = [
    '<%= config.bin %> migrate grants',
    {
      description: 'Into the database, and the writer under another name',
      command: '<%= config.bin %> migrate grants --writer db_writer | psql -v ON_ERROR_STOP=1 -d suggar_daddy',
    },
  ];
  static override flags = {
    owner: Flags.string({ summary: 'for migrate: owns the tables', default: 'dbw_owner', helpValue: '<role>' }),
    writer: Flags.string({ summary: 'for consume: owns schema dbw', default: 'dbw_writer', helpValue: '<role>' }),
    operator: Flags.string({
      summary: 'for replay-dlq, backfill and dlq discard',
      default: 'dbw_operator',
      helpValue: '<role>',
    }),
    viewer: Flags.string({
      summary: 'for health, lag, runs, dlq ls and all else that only looks',
      default: 'dbw_viewer',
      helpValue: '<role>',
    }),
    reader: Flags.string({
      summary: 'for services that read the tables',
      default: 'dbw_reader',
      helpValue: '<role>',
    }),
  };

  async run(): Promise<MigrateGrantsResult> {
    const { flags } = await this.parse(MigrateGrants);
    const { owner, writer, operator, viewer, reader } = flags;
    const roles = { owner, writer, operator, viewer, reader };
    refuseUnusable(roles);
    const { grantsFor } = await import('../../postgres/roles.js');
    const sql = grantsFor(roles);
    this.log(sql.trimEnd());
    return { roles, sql };
  }
}

/** @throws UserError for a name that PostgreSQL would cut or refuse, or that stands for two roles */
function refuseUnusable(roles: Roles): void {
  const byName = new Map<string, string>();
  for (const [flag, name] of Object.entries(roles) as [string, string][]) {
    const isUnusable = name === '' || Buffer.byteLength(name) > 63 || name.startsWith('pg_') || name.includes('$$');
    if (isUnusable || name === 'public' || name === 'none') {
      const what = `--${flag} is "${name}", which is no name for a role`;
      throw new UserError(`${what}: expected 1 to 63 bytes, not "public", "none" or pg_…`, EXIT.usage);
    }
    const before = byName.get(name);
    if (before !== undefined) {
      throw new UserError(`--${before} and --${flag} are both "${name}"; each needs a role of its own.`, EXIT.usage);
    }
    byName.set(name, flag);
  }
}
