import pg from 'pg';
import { DataSource, type Logger } from 'typeorm';
import type { Config } from '../config.js';
import { AwayError, codeOf, EXIT, UserError } from '../errors.js';
import { failureOf, faultOf } from '../failures/failure.js';
import { refusalText } from '../failures/tls.js';
import { tlsOptions } from '../tls.js';
import { MortalClient } from './client.js';
import { entitiesOf } from './entities.js';
import { learnLayout } from './layouts.js';
import { migrations } from './migrations.js';

/**
 * What hangs is cut, in milliseconds: first a wait for a lock, then a statement, by the server; then, where the server is not
 * heard of, by us. Longer than any statement of a batch takes.
 */
const LOCK_TIMEOUT = 10_000;
const STATEMENT_TIMEOUT = 15_000;
const ANSWER_TIMEOUT = 20_000;

/** A silent peer is asked after 10 s whether it is there, and given up at the latest 20 s later: then its locks are free. */
const KEEPALIVE_DELAY = 10_000;
const SERVER_KEEPALIVE = [
  'tcp_keepalives_idle=10',
  'tcp_keepalives_interval=5',
  'tcp_keepalives_count=3',
  'tcp_user_timeout=20000',
];

/**
 * A statement of ours is planned once, for any number of rows, and finds each of them by an index. Left alone, PostgreSQL
 * plans the first five runs of each anew, which for a small batch takes longer than to run it; and a plan that was made while
 * a table was small would read all of it, again and again, long after it has grown.
 */
const PLANS = ['plan_cache_mode=force_generic_plan', 'enable_seqscan=off'];

/** TypeORM's own log would print parameters, which hold values of events: nothing of it is wanted. */
const silent: Logger = {
  logQuery: () => undefined,
  logQueryError: () => undefined,
  logQuerySlow: () => undefined,
  logSchemaBuild: () => undefined,
  logMigration: () => undefined,
  log: () => undefined,
};

/** The one data source that every command shares: pool, transactions, migrations. Not yet connected. */
export function createDataSource(config: Config['database'], clientId = 'dbw'): DataSource {
  return new DataSource({
    type: 'postgres',
    driver: pg, // the one that MortalClient is made of; TypeORM would look for it below the current directory too
    host: config.host,
    port: config.port,
    username: config.username,
    ...(config.password === undefined ? {} : { password: config.password }),
    database: config.database,
    schema: 'dbw', // where TypeORM keeps its table of migrations; the entities name their own
    ssl: config.ssl && tlsOptions(config.ssl),
    poolSize: config.poolSize,
    connectTimeoutMS: config.connectionTimeout,
    applicationName: clientId,
    installExtensions: false,
    entities: entitiesOf('whole'), // only tests compare them with the database
    migrations,
    migrationsTransactionMode: 'each',
    logger: silent,
    // Errors of idle connections: the pool drops them and makes new ones.
    poolErrorHandler: () => undefined,
    extra: {
      Client: MortalClient,
      keepAlive: true,
      keepAliveInitialDelayMillis: KEEPALIVE_DELAY,
      options: [...SERVER_KEEPALIVE, ...PLANS].map((setting) => `-c ${setting}`).join(' '),
      statement_timeout: STATEMENT_TIMEOUT,
      lock_timeout: LOCK_TIMEOUT,
      idle_in_transaction_session_timeout: STATEMENT_TIMEOUT,
      query_timeout: ANSWER_TIMEOUT,
    },
  });
}

/**
 * Runs `work` with a data source of its own, to the same database, whose statements may take as long as they need: for
 * migrations and housekeeping. Waits for locks stay bounded, and so does silence of the network.
 */
export async function unhurried<T>(dataSource: DataSource, work: (patient: DataSource) => Promise<T>): Promise<T> {
  const { options } = dataSource;
  if (options.type !== 'postgres') throw new TypeError('not a data source of PostgreSQL');
  const extra: unknown = options.extra;
  const patient = new DataSource({
    ...options,
    poolSize: 2,
    extra: { ...(typeof extra === 'object' ? extra : {}), statement_timeout: 0, query_timeout: 0 },
  });
  await patient.initialize();
  try {
    return await work(patient);
  } finally {
    await patient.destroy();
  }
}

/** What to do about a refusal of the server, by SQLSTATE. */
const REMEDIES: Readonly<Record<string, (config: Config['database'], error: unknown) => string>> = {
  '28P01': (c) => `PostgreSQL refuses the password of user "${c.username}". Correct DB_USERNAME or DB_PASSWORD.`,
  '28000': (c, error) => {
    const what = `PostgreSQL at ${c.host}:${c.port} does not let user "${c.username}" in`;
    const said = error instanceof Error ? error.message : '';
    if (said.includes('client certificate') || said.startsWith('certificate authentication failed')) {
      return `${what} without a certificate of this user. Set DB_SSL_CERT_FILE and DB_SSL_KEY_FILE to one that its authority signed.`;
    }
    const inClear = said.endsWith('no encryption') ? ', set DB_SSL=true where the server wants TLS,' : '';
    return `${what}. Correct DB_USERNAME${inClear} or the server's pg_hba.conf.`;
  },
  '3D000': (c) => `There is no database "${c.database}" on ${c.host}:${c.port}. Create it, or correct DB_DATABASE.`,
};

/** What to tell of a server that we could not connect to. */
function refusalOf(error: unknown, config: Config['database']): UserError {
  const place = `${config.host}:${config.port}`;
  const refusal = REMEDIES[codeOf(error) ?? ''];
  if (refusal) return new UserError(refusal(config, error), EXIT.refused);
  const failure = failureOf(error);
  // What PostgreSQL itself reports may pass, such as a full disk; what its certificate says, or a missing password, not.
  if (failure.class === 'systemic' && faultOf(error) === undefined) {
    return new UserError(refusalText(`PostgreSQL at ${place}`, error, failure, 'DB_SSL'), EXIT.refused);
  }
  return new AwayError('PostgreSQL', place, error, 'Start it, or correct DB_HOST and DB_PORT.');
}

/**
 * Connects.
 *
 * @throws AwayError where nothing answers, UserError where the server refuses us, or we it
 */
export async function connect(config: Config['database'], clientId?: string): Promise<DataSource> {
  const dataSource = createDataSource(config, clientId);
  try {
    await dataSource.initialize();
    await learnLayout(dataSource);
    return dataSource;
  } catch (error) {
    throw refusalOf(error, config);
  }
}

/** How many connections of the pool are in use; TypeORM keeps the pool to itself, so we look. */
export function connectionsInUse(dataSource: DataSource): number {
  const pool: unknown = Object.getOwnPropertyDescriptor(dataSource.driver, 'master')?.value;
  if (typeof pool !== 'object' || pool === null || !('totalCount' in pool) || !('idleCount' in pool)) return 0;
  return Number(pool.totalCount) - Number(pool.idleCount);
}
