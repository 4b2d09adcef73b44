import { Kafka, logLevel, type KafkaConfig, type SASLOptions } from 'kafkajs';
import type { Logger } from 'pino';
import type { Config } from '../config.js';
import { AwayError, EXIT, reasonOf, UserError } from '../errors.js';
import { failureOf } from '../failures/failure.js';
import { remedyFor } from '../failures/tls.js';
import { tlsOptions } from '../tls.js';

function saslOf(sasl: Config['kafka']['sasl']): SASLOptions | undefined {
  if (!sasl) return undefined;
  const { mechanism, username, password } = sasl;
  if (mechanism === 'plain') return { mechanism, username, password };
  if (mechanism === 'scram-sha-256') return { mechanism, username, password };
  return { mechanism, username, password };
}

/** A client of the cluster. kafkajs is used in this folder only, so that it can be replaced. */
export function createKafka(config: Config['kafka'], log?: Logger): Kafka {
  const sasl = saslOf(config.sasl);
  const options: KafkaConfig = {
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
  return new Kafka(options);
}

/** Whether something answered and then hung up: it may speak another protocol than we do. */
function isCut(error: unknown): boolean {
  const text = reasonOf(error);
  return text.includes('ECONNRESET') || /Closed connection|Connection closed|socket disconnected/.test(text);
}

/**
 * What to tell of a cluster that we could not connect to.
 *
 * @returns AwayError where none answers, UserError where it refuses us
 */
export function refusalOf(error: unknown, brokers: readonly string[]): UserError {
  const place = brokers.join(',');
  const failure = failureOf(error);
  if (failure.class !== 'systemic') {
    const cut = isCut(error) ? ' Where it asks for TLS, set KAFKA_SSL=true; where this port speaks none, false.' : '';
    return new AwayError('Kafka', place, error, `Start it, or correct KAFKA_BROKERS.${cut}`);
  }
  const remedy = remedyFor(failure, 'KAFKA_SSL') ?? 'Correct KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD.';
  return new UserError(`Kafka at ${place} refuses us: ${reasonOf(error)}. ${remedy}`, EXIT.refused);
}

/**
 * Runs `work` with an admin client.
 *
 * @throws AwayError where no broker answers, UserError where it refuses us
 */
export async function withAdmin<T>(
  kafka: Kafka,
  brokers: readonly string[],
  work: (admin: ReturnType<Kafka['admin']>) => Promise<T>,
): Promise<T> {
  const admin = kafka.admin();
  try {
    await admin.connect();
  } catch (error) {
    throw refusalOf(error, brokers);
  }
  try {
    return await work(admin);
  } finally {
    await admin.disconnect();
  }
}
