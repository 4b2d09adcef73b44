import { expect } from 'chai';
import type { DataSource } from 'typeorm';
import { AwayError, EXIT, UserError } from '../../src/errors.js';
import { connect } from '../../src/postgres/data-source.js';
import { refuseUnfit } from '../../src/postgres/fitness.js';
import { migrate } from '../../src/postgres/migrate.js';
import { ProcessedEvents } from '../../src/postgres/processed.js';
import { databaseConfig, emptyDatabase } from '../support/database.js';
import { recording, silent } from '../support/log.js';
import { unique } from '../support/unique.js';

async function errorOf(work: Promise<unknown>): Promise<UserError> {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).to.be.instanceOf(UserError);
  return error as UserError;
}

describe('a PostgreSQL that is fit', () => {
  let database: string;
  let owner: DataSource;
  beforeEach(async () => {
    database = await emptyDatabase();
    owner = await connect(databaseConfig(database));
    await migrate(owner);
  });
  afterEach(() => owner.destroy());

  /** Connects anew, as this role where one is given, and asks. */
  async function ask(role?: string): Promise<void> {
    const login = role === undefined ? {} : { username: role, password: 'x' };
    const dataSource = await connect({ ...databaseConfig(database), ...login });
    try {
      await refuseUnfit(dataSource, silent);
    } finally {
      await dataSource.destroy();
    }
  }

  async function newRole(): Promise<string> {
    const role = unique('Role');
    await owner.query(`CREATE ROLE "${role}" LOGIN PASSWORD 'x'`);
    return role;
  }

  async function drop(role: string): Promise<void> {
    await owner.query(`REASSIGN OWNED BY "${role}" TO CURRENT_USER`);
    await owner.query(`DROP OWNED BY "${role}"`);
    await owner.query(`DROP ROLE "${role}"`);
  }

  it('is not one that may lose commits', async () => {
    await ask();
    await owner.query(`ALTER DATABASE ${database} SET synchronous_commit = off`);
    const error = await errorOf(ask());
    expect(error.status).to.equal(EXIT.refused);
    expect(error.message).to.contain('synchronous_commit=off').and.to.contain('Turn it on');
  });

  it('takes writes; one that does not is away for a while, not refused', async () => {
    await owner.query(`ALTER DATABASE ${database} SET default_transaction_read_only = on`);
    const error = await errorOf(ask());
    expect(error).to.be.instanceOf(AwayError).and.to.have.property('status', EXIT.away);
    expect(error.message).to.contain('read-only').and.to.contain('default_transaction_read_only=off');
  });

  it('gives the role every right, or is told which are missing; the statements of the message mend it', async () => {
    const role = await newRole();
    try {
      const error = await errorOf(ask(role));
      expect(error.status).to.equal(EXIT.refused);
      const [missing = '', ...remedies] = error.message.split('\n');
      expect(missing)
        .to.contain(`"${role}"`)
        .and.to.contain('USAGE, CREATE on schema dbw')
        .and.to.contain('SELECT, INSERT, UPDATE on public.posts;')
        .and.to.contain('SELECT, INSERT, UPDATE, DELETE on dbw.parked_events;')
        .and.to.contain('SELECT on dbw.migrations;')
        .and.to.contain('ownership of dbw.processed_events');
      for (const statement of remedies) await owner.query(statement);
      await ask(role);

      // And these rights are enough for what needs the most.
      const asRole = await connect({ ...databaseConfig(database), username: role, password: 'x' });
      try {
        await new ProcessedEvents().maintain(asRole, 3);
      } finally {
        await asRole.destroy();
      }
    } finally {
      await drop(role);
    }
  });

  it('names the one table on which one right is missing, and no other', async () => {
    const role = await newRole();
    try {
      const [, ...remedies] = (await errorOf(ask(role))).message.split('\n');
      for (const statement of remedies) await owner.query(statement);
      await owner.query(`REVOKE UPDATE ON public.wallets FROM "${role}"`);
      const error = await errorOf(ask(role));
      expect(error.message).to.contain('UPDATE on public.wallets. Run this');
      expect(error.message.split('\n').slice(1)).to.deep.equal([`GRANT UPDATE ON TABLE public.wallets TO "${role}";`]);
    } finally {
      await drop(role);
    }
  });

  describe('has a clock like this machine', () => {
    const { now } = Date;
    afterEach(() => {
      Date.now = now;
    });
    const shifted = async (ms: number): Promise<string[]> => {
      const { log, lines } = recording();
      Date.now = () => now() + ms;
      await refuseUnfit(owner, log);
      return lines;
    };

    it('within seconds nothing is said', async () => {
      expect(await shifted(0)).to.deep.equal([]);
      expect(await shifted(-3_000)).to.deep.equal([]);
    });

    it('within the hour it is told', async () => {
      expect((await shifted(-60_000)).join()).to.match(/^warn The clock of this machine is 60 s behind PostgreSQL's/);
      expect((await shifted(600_000)).join()).to.match(/is 10 minutes ahead of PostgreSQL's/);
    });

    it('beyond it is refused, with what would come of it', async () => {
      const behind = await errorOf(shifted(-2 * 86_400_000));
      expect(behind.status).to.equal(EXIT.refused);
      expect(behind.message).to.contain('2 days behind').and.to.contain('refused as events of the future');
      const ahead = await errorOf(shifted(3 * 3_600_000));
      expect(ahead.message).to.contain('3 hours ahead of').and.to.contain('Set the wrong one right');
    });
  });
});
