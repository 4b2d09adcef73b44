import { readFileSync } from 'node:fs';
import { codeOf, ConfigError } from './errors.js';
import { readTls, type Tls } from './tls.js';
import { TRACING_SETTINGS, tracingOf, type TracingSettings } from './tracing/settings.js';

export interface Config {
  readonly database: {
    readonly host: string;
    readonly port: number;
    readonly username: string;
    readonly password: string | undefined;
    readonly database: string;
    readonly poolSize: number;
    /** Milliseconds. */
    readonly connectionTimeout: number;
    readonly ssl: Tls | false;
  };
  readonly kafka: {
    readonly brokers: readonly string[];
    readonly clientId: string;
    readonly groupId: string;
    readonly topicPrefix: string;
    readonly ssl: Tls | false;
    readonly sasl:
      { readonly mechanism: SaslMechanism; readonly username: string; readonly password: string } | undefined;
  };
  readonly redis:
    | {
        readonly host: string;
        readonly port: number;
        readonly username: string | undefined;
        readonly password: string | undefined;
        readonly tls: Tls | false;
      }
    | undefined;
  /** Seconds. */
  readonly idempotencyTtl: number;
  readonly retry: { readonly attempts: number; readonly delayMs: number; readonly exponential: boolean };
  readonly batch: { readonly size: number; readonly timeoutMs: number; readonly writers: number };
  readonly park: { readonly timeoutMs: number; readonly max: number };
  readonly deadLetters: { readonly topic: string; readonly maxRate: number };
  /** Where health is answered; undefined for all addresses of the machine. */
  readonly host: string | undefined;
  readonly port: number;
  readonly logLevel: LogLevel;
  readonly tracing: TracingSettings | undefined;
}

const SASL_MECHANISMS = ['plain', 'scram-sha-256', 'scram-sha-512'] as const;
export type SaslMechanism = (typeof SASL_MECHANISMS)[number];
const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export type Environment = Readonly<Record<string, string | undefined>>;

/** One setting, for the README's table and for messages. Secrets may also come from the file that `<name>_FILE` names. */
export interface Setting {
  readonly name: string;
  readonly initial: string;
  readonly about: string;
  readonly secret?: true;
}

/** The settings of TLS to one server; `name` turns it on. */
function tlsSettings(name: string, server: string): Setting[] {
  return [
    { name, initial: 'false', about: `TLS to ${server}; its certificate is always verified` },
    { name: `${name}_CA_FILE`, initial: '', about: 'PEM: the authorities to trust instead of the public ones' },
    { name: `${name}_CERT_FILE`, initial: '', about: 'PEM: our certificate, where the server asks for one' },
    { name: `${name}_KEY_FILE`, initial: '', about: 'PEM: its key' },
    { name: `${name}_KEY_PASSPHRASE`, initial: '', about: 'where the key is encrypted', secret: true },
    { name: `${name}_SERVER_NAME`, initial: '', about: 'the name in the certificate, where it is not the host' },
  ];
}

/** Every setting there is, in the order of the documentation. */
export const SETTINGS: readonly Setting[] = [
  { name: 'DB_HOST', initial: 'localhost', about: 'PostgreSQL' },
  { name: 'DB_PORT', initial: '5432', about: '' },
  { name: 'DB_USERNAME', initial: 'postgres', about: '' },
  { name: 'DB_PASSWORD', initial: '', about: '', secret: true },
  { name: 'DB_DATABASE', initial: 'suggar_daddy', about: 'must exist; best one of its own' },
  { name: 'DB_POOL_SIZE', initial: '20', about: 'connections at most; at least DBW_WRITERS + 3' },
  { name: 'DB_CONNECTION_TIMEOUT', initial: '5000', about: 'milliseconds to wait for a connection' },
  ...tlsSettings('DB_SSL', 'PostgreSQL'),
  { name: 'KAFKA_BROKERS', initial: 'localhost:9092', about: 'host:port, separated by commas' },
  { name: 'KAFKA_CLIENT_ID', initial: 'db-writer-service', about: 'how Kafka and PostgreSQL list dbw' },
  { name: 'KAFKA_GROUP_ID', initial: 'db-writer-group', about: 'a new group starts at the earliest offset' },
  { name: 'KAFKA_TOPIC_PREFIX', initial: '', about: 'stands before every source topic' },
  ...tlsSettings('KAFKA_SSL', 'Kafka'),
  { name: 'KAFKA_SASL_MECHANISM', initial: '', about: SASL_MECHANISMS.join(', ') },
  { name: 'KAFKA_SASL_USERNAME', initial: '', about: '' },
  { name: 'KAFKA_SASL_PASSWORD', initial: '', about: '', secret: true },
  { name: 'KAFKA_AUTO_COMMIT', initial: 'false', about: 'accepted only as false: offsets follow rows' },
  { name: 'REDIS_HOST', initial: '', about: 'without it, dbw runs without Redis' },
  { name: 'REDIS_PORT', initial: '6379', about: '' },
  { name: 'REDIS_USERNAME', initial: '', about: 'of an ACL; without it, the default user' },
  { name: 'REDIS_PASSWORD', initial: '', about: '', secret: true },
  ...tlsSettings('REDIS_TLS', 'Redis'),
  { name: 'IDEMPOTENCY_TTL', initial: '86400', about: 'seconds that Redis remembers an event' },
  { name: 'MAX_RETRY_ATTEMPTS', initial: '3', about: 'tries of an event that fails for an unknown reason' },
  { name: 'RETRY_DELAY_MS', initial: '1000', about: 'before the second try' },
  { name: 'EXPONENTIAL_BACKOFF', initial: 'true', about: 'false: the delay stays the same' },
  { name: 'BATCH_SIZE', initial: '1000', about: 'events in one transaction at most' },
  { name: 'BATCH_TIMEOUT_MS', initial: '1000', about: 'an event waits for others no longer than this' },
  { name: 'DBW_WRITERS', initial: '2', about: 'batches that are written at once' },
  { name: 'PARK_TIMEOUT_MS', initial: '900000', about: 'an event whose parent is missing waits at least this long' },
  { name: 'PARK_MAX', initial: '1000000', about: 'parked events at which consumption pauses' },
  { name: 'DLQ_TOPIC', initial: 'db-writer.dlq', about: 'the default carries KAFKA_TOPIC_PREFIX' },
  { name: 'DLQ_MAX_RATE', initial: '0.5', about: 'share of refused events at which a topic is paused; 0: never' },
  { name: 'DB_WRITER_SERVICE_PORT', initial: '3010', about: 'health and metrics; PORT says the same' },
  { name: 'DB_WRITER_SERVICE_HOST', initial: '', about: 'the address for that port; without it, all of them' },
  { name: 'LOG_LEVEL', initial: 'info', about: LOG_LEVELS.join(', ') },
  ...TRACING_SETTINGS,
];

/** Reads settings one by one and gathers what is wrong with them. */
class Reader {
  readonly problems: string[] = [];

  constructor(private readonly environment: Environment) {}

  /** The text of a setting; empty counts as absent, as in every shell and manifest. */
  text(name: string): string {
    const given = this.environment[name];
    if (given !== undefined && given !== '') return given;
    return SETTINGS.find((setting) => setting.name === name)?.initial ?? '';
  }

  secret(name: string): string | undefined {
    const file = this.environment[`${name}_FILE`];
    const given = this.environment[name];
    if (file === undefined || file === '') return given === '' ? undefined : given;
    if (given !== undefined && given !== '') {
      this.problems.push(`${name} and ${name}_FILE are both set; keep one`);
      return undefined;
    }
    try {
      const secret = readFileSync(file, 'utf8').replace(/\r?\n$/, '');
      if (secret === '') this.problems.push(`${name}_FILE names ${file}, which is empty`);
      return secret;
    } catch (error) {
      this.problems.push(`${name}_FILE names ${file}, which cannot be read (${codeOf(error) ?? 'unreadable'})`);
      return undefined;
    }
  }

  number(name: string, least: number, most: number, whole = true): number {
    const text = this.text(name);
    const value = Number(text);
    const fits = /^\d+(\.\d+)?$/.test(text) && value >= least && value <= most && (!whole || Number.isInteger(value));
    if (!fits)
      this.problems.push(`${name} is "${text}", expected a ${whole ? 'whole ' : ''}number from ${least} to ${most}`);
    return value;
  }

  flag(name: string): boolean {
    const text = this.text(name).toLowerCase();
    if (text !== 'true' && text !== 'false') this.problems.push(`${name} is "${text}", expected true or false`);
    return text === 'true';
  }

  oneOf<T extends string>(name: string, values: readonly T[]): T | undefined {
    const text = this.text(name).toLowerCase();
    const found = values.find((value) => value === text);
    if (found === undefined) this.problems.push(`${name} is "${text}", expected one of ${values.join(', ')}`);
    return found;
  }

  /** A Kafka topic, group or client name. */
  name(name: string, mayBeEmpty = false): string {
    const text = this.text(name);
    const fits = (mayBeEmpty && text === '') || /^[A-Za-z0-9._-]{1,249}$/.test(text);
    if (!fits) this.problems.push(`${name} is "${text}", expected letters, digits, ".", "_" and "-", 249 at most`);
    return text;
  }
}

function brokersOf(read: Reader): string[] {
  const brokers = read
    .text('KAFKA_BROKERS')
    .split(',')
    .map((broker) => broker.trim());
  for (const broker of brokers) {
    const port = Number(/^.+:(\d{1,5})$/.exec(broker)?.[1]);
    if (!(port >= 1 && port <= 65_535)) read.problems.push(`KAFKA_BROKERS has "${broker}", expected host:port`);
  }
  return brokers;
}

function saslOf(read: Reader): Config['kafka']['sasl'] {
  const password = read.secret('KAFKA_SASL_PASSWORD');
  const username = read.text('KAFKA_SASL_USERNAME');
  if (read.text('KAFKA_SASL_MECHANISM') === '') {
    if (username !== '') read.problems.push('KAFKA_SASL_USERNAME is set but KAFKA_SASL_MECHANISM is not');
    return undefined;
  }
  const mechanism = read.oneOf('KAFKA_SASL_MECHANISM', SASL_MECHANISMS);
  if (username === '') read.problems.push('KAFKA_SASL_USERNAME is missing; KAFKA_SASL_MECHANISM needs it');
  if (password === undefined) read.problems.push('KAFKA_SASL_PASSWORD is missing; KAFKA_SASL_MECHANISM needs it');
  return mechanism === undefined ? undefined : { mechanism, username, password: password ?? '' };
}

function redisOf(read: Reader): Config['redis'] {
  const host = read.text('REDIS_HOST');
  if (host === '') return undefined;
  const username = read.text('REDIS_USERNAME');
  const password = read.secret('REDIS_PASSWORD');
  if (username !== '' && password === undefined) {
    read.problems.push('REDIS_USERNAME is set but REDIS_PASSWORD is not; they go together');
  }
  return {
    host,
    port: read.number('REDIS_PORT', 1, 65_535),
    username: username === '' ? undefined : username,
    password,
    tls: readTls(read, 'REDIS_TLS', read.flag('REDIS_TLS')),
  };
}

/**
 * Reads the whole configuration and checks it before anything connects.
 *
 * @param environment usually `process.env`, with flags laid over it
 * @throws ConfigError with every wrong value in one message; secrets are never part of it
 */
export function readConfig(environment: Environment): Config {
  const read = new Reader(environment);
  const topicPrefix = read.name('KAFKA_TOPIC_PREFIX', true);
  const ownTopic = environment.DLQ_TOPIC !== undefined && environment.DLQ_TOPIC !== '';
  const portName = !environment.DB_WRITER_SERVICE_PORT && environment.PORT ? 'PORT' : 'DB_WRITER_SERVICE_PORT';
  if (read.text('KAFKA_AUTO_COMMIT').toLowerCase() !== 'false') {
    read.problems.push('KAFKA_AUTO_COMMIT must be false: offsets are committed when their events are safe');
  }
  const config: Config = {
    database: {
      host: read.text('DB_HOST'),
      port: read.number('DB_PORT', 1, 65_535),
      username: read.text('DB_USERNAME'),
      password: read.secret('DB_PASSWORD'),
      database: read.text('DB_DATABASE'),
      poolSize: read.number('DB_POOL_SIZE', 1, 1_000),
      connectionTimeout: read.number('DB_CONNECTION_TIMEOUT', 1, 600_000),
      ssl: readTls(read, 'DB_SSL', read.flag('DB_SSL')),
    },
    kafka: {
      brokers: brokersOf(read),
      clientId: read.name('KAFKA_CLIENT_ID'),
      groupId: read.name('KAFKA_GROUP_ID'),
      topicPrefix,
      ssl: readTls(read, 'KAFKA_SSL', read.flag('KAFKA_SSL')),
      sasl: saslOf(read),
    },
    redis: redisOf(read),
    idempotencyTtl: read.number('IDEMPOTENCY_TTL', 1, 31_536_000),
    retry: {
      attempts: read.number('MAX_RETRY_ATTEMPTS', 1, 100),
      delayMs: read.number('RETRY_DELAY_MS', 1, 600_000),
      exponential: read.flag('EXPONENTIAL_BACKOFF'),
    },
    batch: {
      size: read.number('BATCH_SIZE', 1, 100_000),
      timeoutMs: read.number('BATCH_TIMEOUT_MS', 1, 60_000),
      writers: read.number('DBW_WRITERS', 1, 64),
    },
    park: {
      timeoutMs: read.number('PARK_TIMEOUT_MS', 0, 2_592_000_000),
      max: read.number('PARK_MAX', 1, 1_000_000_000),
    },
    deadLetters: {
      topic: ownTopic ? read.name('DLQ_TOPIC') : `${topicPrefix}${read.text('DLQ_TOPIC')}`,
      maxRate: read.number('DLQ_MAX_RATE', 0, 1, false),
    },
    host: read.text('DB_WRITER_SERVICE_HOST') || undefined,
    port: portName === 'PORT' ? readPort(read, environment) : read.number(portName, 0, 65_535),
    logLevel: read.oneOf('LOG_LEVEL', LOG_LEVELS) ?? 'info',
    tracing: tracingOf(read),
  };
  // The writers and the sweep each hold a connection, the lock of this process one for good; one more answers the health
  // question.
  const leastPool = config.batch.writers + 3;
  if (read.problems.length === 0 && config.database.poolSize < leastPool) {
    read.problems.push(`DB_POOL_SIZE is ${config.database.poolSize}, expected at least DBW_WRITERS + 3 (${leastPool})`);
  }
  if (read.problems.length > 0) throw new ConfigError(read.problems);
  return config;
}

function readPort(read: Reader, environment: Environment): number {
  const port = Number(environment.PORT);
  if (!/^\d+$/.test(environment.PORT ?? '') || port > 65_535) {
    read.problems.push(`PORT is "${environment.PORT ?? ''}", expected a whole number from 0 to 65535`);
  }
  return port;
}
