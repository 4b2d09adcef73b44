import { setTimeout as delay } from 'node:timers/promises';
import { Kafka, logLevel, type Admin, type KafkaConfig, type SASLOptions } from 'kafkajs';
import type { Logger } from 'pino';
import type { Config } from '../config.js';
import { AwayError, EXIT, reasonOf, UserError } from '../errors.js';
import { failureOf } from '../failures/failure.js';
import { refusalText } from '../failures/tls.js';
import { tlsOptions } from '../tls.js';
import { connectedWhenGreeted } from './greeted.js';
import { takePartitionsWithoutLeader } from './leaders.js';
import { lookOnlyForWhatWaits } from './request-queue.js';

lookOnlyForWhatWaits();
connectedWhenGreeted();
takePartitionsWithoutLeader();

/** A broker that is there answers sooner. */
const KNOCK_AFTER_MS = 500;

function saslOf(sasl: Config['kafka']['sasl']): SASLOptions | undefined {
  if (!sasl) return undefined;
  const { mechanism, username, password } = sasl;
  if (mechanism === 'plain') return { mechanism, username, password };
  if (mechanism === 'scram-sha-256') return { mechanism, username, password };
  return { mechanism, username, password };
}

/** A client of the cluster. kafkajs is used in this folder only, so that it can be replaced. */
export function createKafka(config: Config['kafka'], log?: Logger): Kafka {
  return new Kafka(optionsOf(config, log));
}

function optionsOf(config: Config['kafka'], log?: Logger): KafkaConfig {
  const sasl = saslOf(config.sasl);
  return {
    clientId: config.clientId,
    brokers: [...config.brokers],
    ssl: config.ssl && tlsOptions(config.ssl),
    ...(sasl ? { sasl } : {}),
    connectionTimeout: 5_000,
    requestTimeout: 10_000, // joining a group has a longer one of its own
    enforceRequestTimeout: true,
    // Per request; what lies above tries again for ever. Short, so that an outage is noticed and told.
    retry: { initialRetryTime: 200, maxRetryTime: 5_000, retries: 5 },
    logLevel: log ? logLevel.WARN : logLevel.NOTHING,
    logCreator:
      () =>
      ({ level, namespace, log: entry }) => {
        // What kafkajs calls an error is mostly one try of many.
        if (level <= logLevel.WARN) log?.debug({ kafkajs: namespace }, entry.message);
      },
  };
}

/** What to do where something answered and then hung up: it may speak another protocol than we do. */
function hungUp(error: unknown): string | undefined {
  const reason = reasonOf(error);
  if (reason.includes('before secure TLS connection')) {
    return 'What listens there speaks no TLS, or is no Kafka: name the port in KAFKA_BROKERS on which it does.';
  }
  if (!/Closed connection|closed by the server/.test(reason)) return undefined;
  return 'It hangs up: where it asks for TLS, set KAFKA_SSL=true; where it asks for a login, KAFKA_SASL_MECHANISM.';
}

/**
 * What to tell of a cluster that we could not connect to.
 *
 * @returns AwayError where none answers, UserError where it refuses us
 */
export function refusalOf(error: unknown, brokers: readonly string[]): UserError {
  const place = brokers.join(',');
  const failure = failureOf(error);
  if (failure.class === 'systemic') {
    return new UserError(refusalText(`Kafka at ${place}`, error, failure, 'KAFKA_SSL'), EXIT.refused);
  }
  return new AwayError('Kafka', place, error, hungUp(error) ?? 'Start it, or correct KAFKA_BROKERS.');
}

/**
 * Whether brokers refuse us, or we them, is told by a first look at each; kafkajs would knock again and again, for as long
 * as at a broker that is only away.
 *
 * @throws the error where none of them will do; other failures are none
 */
async function knock(config: Config['kafka'], signal: AbortSignal): Promise<void> {
  await delay(KNOCK_AFTER_MS, undefined, { signal });
  const retry = { retries: config.brokers.length - 1, initialRetryTime: 50 };
  const admin = new Kafka({ ...optionsOf(config), retry }).admin();
  try {
    await admin.connect();
    await admin.describeCluster();
  } catch (error) {
    if (failureOf(error).class === 'systemic') throw error;
  } finally {
    await admin.disconnect().catch(() => undefined);
  }
}

/**
 * Connects, and asks for the cluster: a broker that wants a login, and gets none, hangs up only then.
 *
 * @throws AwayError where no broker answers, UserError where it refuses us
 */
export async function connectAdmin(kafka: Kafka, config: Config['kafka']): Promise<Admin> {
  const admin = kafka.admin();
  const connecting = admin.connect().then(() => admin.describeCluster());
  const over = new AbortController();
  const refused = new Promise<never>((_, reject) => {
    knock(config, over.signal).catch((error: unknown) => {
      if (!over.signal.aborted) reject(error instanceof Error ? error : new Error(reasonOf(error)));
    });
  });
  try {
    await Promise.race([connecting, refused]);
    return admin;
  } catch (error) {
    // What is under way ends by itself; a server that does not answer is not waited for.
    connecting.catch(() => undefined);
    admin.disconnect().catch(() => undefined);
    throw refusalOf(error, config.brokers);
  } finally {
    over.abort();
  }
}

/**
 * Runs `work` with an admin client.
 *
 * @throws AwayError where no broker answers, UserError where it refuses us
 */
export async function withAdmin<T>(config: Config['kafka'], work: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = await connectAdmin(createKafka(config), config);
  try {
    return await work(admin);
  } finally {
    await admin.disconnect();
  }
}
