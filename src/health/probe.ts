import { pino } from 'pino';
import type { DataSource } from 'typeorm';
import type { Config } from '../config.js';
import { EXIT, reasonOf, UserError } from '../errors.js';
import { createKafka, withAdmin } from '../kafka/client.js';
import { settingsOf } from '../kafka/topic-settings.js';
import { LogEnds, type Ends } from '../kafka/log-ends.js';
import { committedOffsets } from '../kafka/topics.js';
import { connect } from '../postgres/data-source.js';
import { refuseUnfit } from '../postgres/fitness.js';
import { requireSchema } from '../postgres/migrate.js';
import { countParked, type ParkedCount } from '../postgres/parked.js';
import { dutyOf, type Duty } from '../postgres/rights.js';
import { Session } from '../postgres/session.js';
import { createRedis, redisRefusal } from '../redis.js';
import { sourceTopics } from '../servers.js';
import { checksOf, type Check } from './checks.js';
import type { Health } from './health.js';
import { askWriter, type WriterAnswer } from './writer.js';
import { partitionName } from '../kafka/topic-partition.js';

/** What `dbw health` prints: what `GET /health` would, and every question with its answer. */
export interface HealthReport extends Health {
  readonly checks: readonly Check[];
  /** What a running writer says of itself; null where none was asked. */
  readonly writer: WriterAnswer | null;
}

/** A server that says nothing for so long is away. Milliseconds. */
const DEADLINE_MS = 10_000;

/** @throws Error where it takes too long; what is given up goes on by itself */
async function inTime<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new UserError(`it says nothing for ${ms / 1000} s`, EXIT.away));
    }, ms);
  });
  work.catch(() => undefined);
  return Promise.race([work, late]).finally(() => {
    clearTimeout(timer);
  });
}

interface KafkaAnswer {
  readonly lag: number;
  /** Partitions that no broker leads; what is to be read of them is not known. */
  readonly unled: Ends['unled'];
  readonly brokers: number;
  readonly missing: readonly string[];
  readonly topics: number;
  readonly losesLetters: boolean;
  readonly hasLetterTopic: boolean;
}

async function askKafka(config: Config): Promise<KafkaAnswer> {
  return withAdmin(config.kafka, async (admin) => {
    const present = new Set(await admin.listTopics());
    const wanted = sourceTopics(config.kafka.topicPrefix, undefined);
    const topics = wanted.filter((topic) => present.has(topic));
    const letters = config.deadLetters.topic;
    const [{ brokers }, committed, settings] = await Promise.all([
      admin.describeCluster(),
      topics.length > 0 ? committedOffsets(admin, config.kafka.groupId, topics) : [],
      settingsOf(admin, present.has(letters) ? [letters] : []),
    ]);
    const { ends, unled } = await LogEnds.with(createKafka(config.kafka), (logEnds) => logEnds.askLed(topics));
    const offsetOf = new Map(
      committed.map(({ topic, partition, offset }) => [partitionName({ topic, partition }), offset]),
    );
    const lag = ends.reduce((sum, { topic, partition, low, high }) => {
      return sum + Math.max(0, high - (offsetOf.get(partitionName({ topic, partition })) ?? low));
    }, 0);
    const of = settings.get(letters);
    const losesLetters =
      of !== undefined &&
      (of.get('cleanup.policy')?.value.includes('compact') === true ||
        Number(of.get('retention.ms')?.value ?? -1) >= 0 ||
        Number(of.get('retention.bytes')?.value ?? -1) >= 0);
    const missing = wanted.filter((topic) => !present.has(topic));
    return {
      lag,
      unled,
      brokers: brokers.length,
      missing,
      topics: topics.length,
      losesLetters,
      hasLetterTopic: of !== undefined,
    };
  });
}

interface PostgresAnswer {
  readonly version: string;
  readonly active: number;
  readonly last: string | null;
  readonly parked: ParkedCount | undefined;
  /** What the role that asks may do. */
  readonly duty: Duty;
  /** Why it, or its schema, cannot be written. */
  readonly unfit: UserError | undefined;
  readonly schema: UserError | undefined;
}

async function refusalIn(work: Promise<unknown>): Promise<UserError | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
}

async function askSchema(dataSource: DataSource, config: Config): Promise<Pick<PostgresAnswer, 'last' | 'parked'>> {
  const [row]: { last: Date | null }[] = await dataSource.query(
    'SELECT max(updated_at) AS last FROM dbw.positions WHERE group_id = $1',
    [config.kafka.groupId],
  );
  const parked = await Session.with(dataSource, countParked);
  return { last: row?.last?.toISOString() ?? null, parked };
}

async function askPostgres(config: Config, version: string): Promise<PostgresAnswer> {
  const dataSource = await connect({ ...config.database, poolSize: 1 });
  try {
    const [row]: { active: number; version: string }[] = await dataSource.query(
      `SELECT (SELECT count(*)::integer FROM pg_stat_activity WHERE application_name = $1) AS active,
        current_setting('server_version') AS version`,
      [config.kafka.clientId],
    );
    const schema = await refusalIn(requireSchema(dataSource, version));
    const duty = await dutyOf(dataSource);
    const unfit = schema ? undefined : await refusalIn(refuseUnfit(dataSource, pino({ level: 'silent' }), duty));
    const more = schema ? { last: null, parked: undefined } : await askSchema(dataSource, config);
    return { version: row?.version ?? '', active: row?.active ?? 0, duty, schema, unfit, ...more };
  } finally {
    await dataSource.destroy();
  }
}

async function askRedis(config: NonNullable<Config['redis']>): Promise<void> {
  const redis = createRedis(config, { commandTimeout: 2_000, retryStrategy: () => null });
  // The reason why it cannot connect comes here only.
  let reason: unknown;
  redis.on('error', (error) => (reason = error));
  try {
    await redis.connect();
    await redis.ping();
  } catch (error) {
    throw redisRefusal(reason ?? error, config);
  } finally {
    redis.disconnect();
  }
}

export type Asked<T> = { readonly value: T } | { readonly error: UserError | Error };

async function ask<T>(work: Promise<T>, ms: number): Promise<Asked<T>> {
  try {
    return { value: await inTime(work, ms) };
  } catch (error) {
    return { error: error instanceof Error ? error : new Error(reasonOf(error)) };
  }
}

/** What was asked of each server. */
export interface Answers {
  readonly kafka: Asked<KafkaAnswer>;
  readonly postgres: Asked<PostgresAnswer>;
  readonly redis: Asked<void> | undefined;
  readonly writer: WriterAnswer | undefined;
}

function statusOf(checks: readonly Check[]): Health['status'] {
  if (checks.some(({ found }) => found === 'bad')) return 'unhealthy';
  return checks.some(({ found }) => found === 'poor') ? 'degraded' : 'healthy';
}

function errorIn(asked: Asked<unknown> | undefined): { error?: string } {
  return asked !== undefined && 'error' in asked ? { error: reasonOf(asked.error) } : {};
}

/**
 * Asks every server directly, and a running writer where one is named. Never throws: what does not answer in time is part
 * of the report, with the reason.
 *
 * @param version of this code
 * @param url of a writer's port
 */
export async function probe(
  config: Config,
  version: string,
  url?: URL,
  deadlineMs = DEADLINE_MS,
): Promise<HealthReport> {
  const [kafka, postgres, redis, writer] = await Promise.all([
    ask(askKafka(config), deadlineMs),
    ask(askPostgres(config, version), deadlineMs),
    config.redis ? ask(askRedis(config.redis), deadlineMs) : undefined,
    url ? askWriter(url) : undefined,
  ]);
  const checks = checksOf(config, version, { kafka, postgres, redis, writer });
  const database = 'value' in postgres ? postgres.value : undefined;
  const why = database?.schema ?? database?.unfit;
  return {
    status: statusOf(checks),
    kafka: { connected: 'value' in kafka, lag: 'value' in kafka ? kafka.value.lag : 0, ...errorIn(kafka) },
    database: {
      connected: database !== undefined,
      activeConnections: database?.active ?? 0,
      poolSize: config.database.poolSize,
      ...errorIn(postgres),
      ...(why ? { error: reasonOf(why) } : {}),
    },
    redis: {
      connected: redis !== undefined && 'value' in redis,
      ...errorIn(redis),
      ...(config.redis ? {} : { configured: false }),
    },
    lastProcessedEvent: database?.last ?? null,
    version,
    parked: database?.parked ?? null,
    checks,
    writer: writer ?? null,
  };
}
