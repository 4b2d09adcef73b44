import { expect } from 'chai';
import pg from 'pg';
import { QueryFailedError, type DataSource } from 'typeorm';
import { classOf, failureOf, faultOf } from '../../src/failures/failure.js';
import { FAULTS } from '../../src/failures/faults.js';
import { tables } from '../../src/handlers/index.js';
import { AwayError } from '../../src/errors.js';
import { connect } from '../../src/postgres/data-source.js';
import { Session } from '../../src/postgres/session.js';
import { databaseConfig } from '../support/database.js';

/** What the error table of the design says, SQLSTATE by SQLSTATE. */
const CLASSES: Record<string, string[]> = {
  transient: [
    ...['08000', '08003', '08006', '08001', '08004', '08007', '08P01'],
    ...['57P01', '57P02', '57P03', '57P04', '57P05'],
    ...['40001', '40P01', '40003', '55P03', '53300', '57014', '54001', '25006', '25P03', '25P04'],
  ],
  dependency: ['23503'],
  data: ['22000', '22001', '22003', '22007', '22008', '22021', '22023', '22P02', '22P05', '54000'],
  bug: ['21000'],
  systemic: ['42000', '42P10', '42883', '3F000', '58P02', '42P01', '42703', '42501', '42601', '28000', '28P01', '3D000', '53100', '53200', '58000', '58030', '58P01', 'XX000', 'XX001', 'XX002'], // prettier-ignore
  unknown: ['P0001', '0A000', '2D000', '55000', '25P02', '26000', '40000', '40002', '53000', '53400', '23000', '23001', '23502', '23505', '23514', '99999', 'ABCDE'], // prettier-ignore
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

  for (const state of ['23502', '23505', '23514']) {
    it(`${state} is data only where a table of events is named`, async () => {
      const classes = async (where: string) => (await raised(state, where)).map(classOf);
      for (const { name } of tables) {
        expect(await classes(`, SCHEMA = 'public', TABLE = '${name}'`), name).to.deep.equal(['data', 'data']);
      }
      expect(await classes(", SCHEMA = 'public', TABLE = 'others'")).to.deep.equal(['unknown', 'unknown']);
      expect(await classes(", SCHEMA = 'elsewhere', TABLE = 'users'")).to.deep.equal(['unknown', 'unknown']);
      expect(await classes(", TABLE = 'users'")).to.deep.equal(['unknown', 'unknown']);
    });
  }

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
    for (const state of ['23514', '23505', '23502', '23503', '21000', '22003', '54000', '0A000', 'P0001']) {
      for (const error of await raised(state, ", SCHEMA = 'dbw', TABLE = 'processed_events'")) {
        expect(classOf(error), state).to.equal('systemic');
        expect(failureOf(error).remedy, state).to.contain('schema dbw');
      }
    }
  });

  it('of the whole database keep their own remedy in the tables of the writer', async () => {
    for (const error of await raised('53100', ", SCHEMA = 'dbw', TABLE = 'processed_events'")) {
      expect(failureOf(error).remedy).to.contain('Free space');
    }
  });

  it('of the moment stay so in the tables of the writer', async () => {
    for (const state of ['40001', '40P01', '55P03', '57014', '54001', '25006', '57P01', '53300', '08006']) {
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

  it('are halved where fewer events may do, and nowhere else', async () => {
    const halved = [];
    for (const state of Object.values(CLASSES).flat()) {
      for (const error of await raised(state)) if (failureOf(error).halve) halved.push(state);
    }
    expect(halved.sort()).to.deep.equal(['54001', '54001', '57014', '57014']);
  });

  it('throw the connection away where it is of no use', async () => {
    const dropped = new Set<string>();
    for (const state of Object.values(CLASSES).flat()) {
      for (const error of await raised(state)) if (failureOf(error).reconnect) dropped.add(state);
    }
    const expected = CLASSES.transient!.filter((state) => /^(08|57P0|25|40003)/.test(state));
    expect([...dropped].sort()).to.deep.equal(expected.sort());
    expect(failureOf(systemError('ECONNRESET')).reconnect).to.equal(true);
    expect(failureOf(new Error('Query read timeout')).reconnect).to.equal(true);
  });

  it('are seen through whatever wraps them', () => {
    const deadlock = serverError('40P01');
    const full = serverError('53100');
    const wrapped = [
      new QueryFailedError('SELECT 1', [], full),
      new Error('it failed', { cause: full }),
      new Error('it failed', { cause: new Error('because', { cause: new QueryFailedError('SELECT 1', [], full) }) }),
      Object.assign(new Error('it failed'), { driverError: full }),
      new AggregateError([new Error('another'), full]),
      new AggregateError([new AggregateError([full])], 'all failed'),
      // What the server says counts more than what a library makes of it.
      new Error('Connection terminated unexpectedly', { cause: full }),
    ];
    for (const error of wrapped) {
      expect(classOf(error)).to.equal('systemic');
      expect(faultOf(error)?.sqlState).to.equal('53100');
    }
    expect(faultOf(new AggregateError([deadlock, full]))?.sqlState).to.equal('40P01');
    const place = { schema: 'public', table: 'posts', constraint: 'posts_pkey' };
    const inside = new Error('it failed', { cause: serverError('23505', place) });
    expect(faultOf(inside)).to.deep.equal({ sqlState: '23505', ...place });
    expect(classOf(inside)).to.equal('data');
  });

  it('that wrap themselves end', () => {
    const error = new Error('round and round');
    error.cause = new Error('and round', { cause: error });
    expect(classOf(error)).to.equal('unknown');
    expect(faultOf(error)).to.equal(undefined);
  });

  it('of JavaScript are not taken for those of a server by what they say', () => {
    for (const Mistake of [TypeError, RangeError, ReferenceError, SyntaxError]) {
      expect(classOf(new Mistake('Connection terminated unexpectedly')), Mistake.name).to.equal('unknown');
      expect(classOf(new Mistake('it failed', { cause: systemError('ECONNRESET') }))).to.equal('transient');
    }
    expect(classOf(new Error('the event speaks of a Query read timeout'))).to.equal('unknown');
  });

  it('of connecting, as commands tell them, are transient', () => {
    expect(classOf(new AwayError('PostgreSQL', '127.0.0.1:1', new Error(), 'Start it.'))).to.equal('transient');
  });

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

  it('of which each systemic one has a remedy, and each a reason without a full stop', () => {
    for (const { class: kind, match, reason, remedy } of FAULTS) {
      expect(reason, match.join()).to.match(/^[^.]+$/);
      if (kind === 'systemic') expect(remedy, match.join()).to.match(/^[A-Z].*\.$/);
    }
  });

  it('are told apart: nothing stands in two rows', () => {
    const all = FAULTS.flatMap(({ of, match }) => match.map((one) => `${of} ${one}`));
    expect(all).to.have.lengthOf(new Set(all).size);
  });
});
