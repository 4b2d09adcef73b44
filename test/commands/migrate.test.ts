import { expect } from 'chai';
import type { DataSource } from 'typeorm';
import { EXIT } from '../../src/errors.js';
import { dbw } from '../support/cli.js';
import { bareDatabase } from '../support/database.js';
import { unique } from '../support/unique.js';

describe('dbw migrate', () => {
  const role = unique('newcomer');
  let dataSource: DataSource;
  let database: string;
  before(async () => {
    dataSource = await bareDatabase();
    database = String(dataSource.options.database);
    await dataSource.query(`CREATE ROLE ${role} LOGIN PASSWORD 'x'`);
  });
  after(async () => {
    await dataSource.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
    await dataSource.destroy();
  });

  const refused = async (env: Readonly<Record<string, string>> = {}): Promise<string> => {
    const { status, stderr } = await dbw(['migrate'], { DB_DATABASE: database, ...env });
    expect(status, stderr).to.equal(EXIT.refused);
    return stderr;
  };

  it('says what a role needs that may make no tables, wherever it fails', async () => {
    const as = { DB_USERNAME: role, DB_PASSWORD: 'x' };
    const remedy = `ALTER DATABASE "${database}" OWNER TO "${role}"`;
    expect(await refused(as))
      .to.contain('permission denied for database')
      .and.to.contain(remedy);
    await dataSource.query(
      `GRANT CREATE ON DATABASE ${database} TO ${role}; REVOKE CREATE ON SCHEMA public FROM PUBLIC`,
    );
    expect(await refused(as))
      .to.contain('permission denied for schema public')
      .and.to.contain('dbw migrate grants');
  });

  it('says what to do where a table of that name is there', async () => {
    await dataSource.query('CREATE TABLE public.users (in_the_way integer)');
    const stderr = await refused();
    expect(stderr).to.contain('relation "users" already exists').and.to.contain('DB_DATABASE');
    expect(stderr).not.to.contain('Run `dbw migrate`');
  });
});
