import { expect } from 'chai';
import { AwayError, EXIT, UserError } from '../../src/errors.js';
import { connect } from '../../src/postgres/data-source.js';
import { Session } from '../../src/postgres/session.js';
import { databaseConfig } from '../support/database.js';

async function errorOf(work: Promise<unknown>): Promise<Error> {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).to.be.instanceOf(Error);
  return error as Error;
}

describe('connecting to PostgreSQL', () => {
  const config = databaseConfig(process.env.DB_DATABASE ?? 'dbw');

  it('says so where nothing answers', async () => {
    const error = await errorOf(connect({ ...config, host: '127.0.0.1', port: 1 }));
    expect(error).to.be.instanceOf(AwayError);
    expect(error).to.have.property('status', EXIT.away);
    expect(error.message).to.contain('127.0.0.1:1').and.to.contain('ECONNREFUSED').and.to.contain('DB_HOST');
  });

  it('names a database that is not there, and what to do', async () => {
    const error = await errorOf(connect({ ...config, database: 'no_such_database' }));
    expect(error).to.be.instanceOf(UserError).and.to.have.property('status', EXIT.refused);
    expect(error.message).to.contain('no_such_database').and.to.contain('DB_DATABASE');
  });

  it('takes connections from one pool, and gives back those whose work failed', async () => {
    const dataSource = await connect({ ...config, poolSize: 2 });
    try {
      for (let i = 0; i < 10; i++) {
        const failed = Session.with(dataSource, (session) => session.transaction(() => session.query('SELECT 1 / 0')));
        expect(await errorOf(failed)).to.have.property('code', '22012');
      }
      const { rows } = await Session.with(dataSource, (session) =>
        session.query('SELECT 1 + 1, null, $1::text', ['x']),
      );
      expect(rows).to.deep.equal([[2, null, 'x']]);
    } finally {
      await dataSource.destroy();
    }
  });
});
