import { connect } from 'node:net';
import { once } from 'node:events';
import { Kafka, logLevel } from 'kafkajs';
import pg from 'pg';

/** Where a server listens. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Who asks PostgreSQL, and for which database. */
export interface Login {
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

/** True when the broker is a member of its cluster: from then on it creates topics and takes events. */
export async function kafkaAnswers({ host, port }: Address): Promise<boolean> {
  // kafkajs spends a second on a port that refuses; a bare connection tells within a millisecond.
  (await open({ host, port })).destroy();
  const kafka = new Kafka({
    brokers: [`${host}:${String(port)}`],
    clientId: 'dbw-services',
    logLevel: logLevel.NOTHING,
    retry: { retries: 0 },
    connectionTimeout: 2000,
    requestTimeout: 5000,
  });
  const admin = kafka.admin();
  try {
    await admin.connect();
    const { brokers, controller } = await admin.describeCluster();
    return brokers.length > 0 && controller !== null && controller >= 0;
  } finally {
    await admin.disconnect();
  }
}

/** True when the database takes a statement; throws what PostgreSQL says otherwise. */
export async function postgresAnswers(address: Address, login: Login): Promise<boolean> {
  await query(address, login, 'SELECT 1');
  return true;
}

/** One statement over a connection of its own. */
export async function query(address: Address, login: Login, sql: string): Promise<pg.QueryResult> {
  const client = new pg.Client({ ...address, ...login, connectionTimeoutMillis: 2000 });
  // A server that ends while we ask says so on the connection as well; the query's own error is enough.
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await client.query(sql);
  } finally {
    await client.end();
  }
}

/** True when PING is answered; a server that wants a password first answers, too. */
export async function redisAnswers(address: Address): Promise<boolean> {
  const socket = await open(address);
  try {
    socket.write('PING\r\n');
    const reply: unknown[] = await once(socket, 'data', { signal: AbortSignal.timeout(2000) });
    return /^(\+PONG|-NOAUTH)/.test(String(reply[0]));
  } finally {
    socket.destroy();
  }
}

async function open({ host, port }: Address) {
  const socket = connect({ host, port });
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(2000) });
  } catch (error) {
    socket.destroy();
    throw error;
  }
  socket.on('error', () => undefined);
  return socket;
}
