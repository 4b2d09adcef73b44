import { expect } from 'chai';
import pg from 'pg';
import { QueryFailedError, type DataSource } from 'typeorm';
import { classOf, faultOf } from '../src/failure.js';
import { connect } from '../src/postgres/data-source.js';
import { Session } from '../src/postgres/session.js';
import { databaseConfig } from './support/database.js';

/** What the error table of the design says, SQLSTATE by SQLSTATE. */
const CLASSES: Record<string, string[]> = {
  transient: [
    ...['08000', '08003', '08006', '08001', '08004', '08007', '08P01'],
    ...['57P01', '57P02', '57P03', '57P04', '57P05'],
    ...['40001', '40P01', '55P03', '53300', '57014', '54001', '25006'],
  ],
  dependency: ['23503'],
  data: [
    '22000',
    '22001',
    '22003',
    '22007',
    '22008',
    '22021',
    '22023',
    '22P02',
    '22P05',
    '54000',
    '23502',
    '23514',
    '23505',
  ],
  systemic: ['42P01', '42703', '42501', '42601', '28000', '28P01', '3D000', '53100', '53200', '58000', '58030', '58P01', 'XX000', 'XX001', 'XX002'], // prettier-ignore
  unknown: ['P0001', '0A000', '2D000', '55000', '25P02', '99999'],
};

/** An error of the server, as the driver makes it. */
function serverError(
  code: string,
  where: { schema?: string; table?: string; constraint?: string } = {},
): pg.DatabaseError {
  const error = new pg.DatabaseError('no value of a row', 17, 'error');
  return Object.assign(error, { code, severity: 'ERROR', ...where });
}

function systemError(code: string, message = `connect ${code} 127.0.0.1:5432`): Error {
  return Object.assign(new Error(message), { code });
}

describe('failures', () => {
  let dataSource: DataSource;
  before(async () => {
    dataSource = await connect(databaseConfig(process.env.DB_DATABASE ?? 'dbw'));
  });
  after(() => dataSource.destroy());

  /** The error that a real server raises, by the driver itself and as TypeORM passes it on. */
  async function raised(code: string, where = ''): Promise<unknown[]> {
    const text = `DO $$ BEGIN RAISE EXCEPTION 'made' USING ERRCODE = '${code}'${where}; END $$`;
    const caught = (error: unknown): unknown => error;
    const direct = await Session.with(dataSource, (session) => session.query(text)).catch(caught);
    const passedOn: unknown = await dataSource.query(text).catch(caught);
    return [direct, passedOn];
  }

  for (const [kind, states] of Object.entries(CLASSES)) {
    for (const state of states) {
      it(`${state} is ${kind}`, async () => {
        for (const error of await raised(state)) {
          expect(error).to.be.instanceOf(Error);
          expect(faultOf(error)?.sqlState).to.equal(state);
          expect(classOf(error)).to.equal(kind);
        }
      });
    }
  }

  it('21000, a row that one statement touches twice, is a bug that one event brings about', async () => {
    // Whatever the class is called, such an event is dead-lettered and neither retried nor taken for an ill database.
    for (const error of await raised('21000')) expect(['bug', 'data']).to.include(classOf(error));
  });

  it('tell table and constraint, and nothing of the row', async () => {
    const where = ", SCHEMA = 'public', TABLE = 'posts', CONSTRAINT = 'posts_price_check', DETAIL = 'Failing row contains (secret).'"; // prettier-ignore
    for (const error of await raised('23514', where)) {
      expect(faultOf(error)).to.deep.equal({
        sqlState: '23514',
        schema: 'public',
        table: 'posts',
        constraint: 'posts_price_check',
      });
      expect(classOf(error)).to.equal('data');
    }
  });

  it('in the tables of the writer say nothing about the event', async () => {
    for (const state of ['23514', '23505', '23502', '23503', '22003', '54000', 'P0001']) {
      for (const error of await raised(state, ", SCHEMA = 'dbw', TABLE = 'processed_events'")) {
        expect(classOf(error), state).to.equal('systemic');
      }
    }
  });

  it('of the moment stay so in the tables of the writer', async () => {
    for (const state of ['40001', '40P01', '55P03', '57014', '57P01', '53300', '08006']) {
      for (const error of await raised(state, ", SCHEMA = 'dbw', TABLE = 'processed_events'")) {
        expect(classOf(error), state).to.equal('transient');
      }
    }
  });

  const network = ['ECONNREFUSED', 'ECONNRESET', 'ECONNABORTED', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND', 'EAI_AGAIN']; // prettier-ignore
  for (const code of network) {
    it(`${code} is transient, whoever reports it`, () => {
      const error = systemError(code);
      expect(classOf(error)).to.equal('transient');
      expect(classOf(new QueryFailedError('SELECT 1', [], error))).to.equal('transient');
      expect(classOf(new AggregateError([error, error]))).to.equal('transient');
      expect(classOf(new Error('it failed', { cause: error }))).to.equal('transient');
      expect(faultOf(error)).to.equal(undefined);
    });
  }

  const texts = [
    'Connection terminated unexpectedly',
    'Connection terminated due to connection timeout',
    'timeout exceeded when trying to connect',
    'Query read timeout',
    'Client has encountered a connection error and is not queryable',
    'server closed the connection unexpectedly',
  ];
  for (const text of texts) {
    it(`"${text}" is transient`, () => {
      expect(classOf(new Error(text))).to.equal('transient');
      expect(classOf(new QueryFailedError('SELECT 1', [], new Error(text)))).to.equal('transient');
    });
  }

  it('that are no failures of a server are unknown', () => {
    for (const error of [
      new TypeError('x is not a function'),
      new Error(''),
      'text',
      undefined,
      null,
      42,
      {},
      { code: 23503 },
    ]) {
      expect(classOf(error)).to.equal('unknown');
      expect(faultOf(error)).to.equal(undefined);
    }
  });

  it('of other libraries with codes of five letters are none of the server', () => {
    expect(faultOf(systemError('EPIPE'))).to.equal(undefined);
    expect(faultOf(systemError('EPERM'))).to.equal(undefined);
    expect(faultOf(serverError('23505', { table: 'posts' }))).to.deep.include({ sqlState: '23505', table: 'posts' });
  });
});
