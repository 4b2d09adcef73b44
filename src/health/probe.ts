import { Redis } from 'ioredis';
import type { Config } from '../config.js';
import { reasonOf } from '../errors.js';
import { registry } from '../handlers/index.js';
import { statusOf, type Health } from './health.js';
import { createKafka, withAdmin } from '../kafka/client.js';
import { committedOffsets, partitionEnds } from '../kafka/topics.js';
import { connect } from '../postgres/data-source.js';
import { requireSchema } from '../postgres/migrate.js';

/** Events of the group that are not committed yet. */
async function askKafka(config: Config): Promise<number> {
  return withAdmin(createKafka(config.kafka), config.kafka.brokers, async (admin) => {
    const present = new Set(await admin.listTopics());
    const topics = [...registry.keys()]
      .map((type) => config.kafka.topicPrefix + type)
      .filter((topic) => present.has(topic));
    const ends = await partitionEnds(admin, topics);
    const committed = topics.length > 0 ? await committedOffsets(admin, config.kafka.groupId, topics) : [];
    const offsetOf = new Map(committed.map(({ topic, partition, offset }) => [`${topic}:${partition}`, offset]));
    return ends.reduce((lag, { topic, partition, low, high }) => {
      return lag + Math.max(0, high - (offsetOf.get(`${topic}:${partition}`) ?? low));
    }, 0);
  });
}

async function askPostgres(config: Config, version: string): Promise<{ active: number; last: string | null }> {
  const dataSource = await connect({ ...config.database, poolSize: 1 });
  try {
    await requireSchema(dataSource, version);
    const [row]: { active: number; last: Date | null }[] = await dataSource.query(
      `SELECT (SELECT count(*)::integer FROM pg_stat_activity WHERE application_name = $1) AS active,
        (SELECT max(updated_at) FROM dbw.positions WHERE group_id = $2) AS last`,
      [config.kafka.clientId, config.kafka.groupId],
    );
    return { active: row?.active ?? 0, last: row?.last?.toISOString() ?? null };
  } finally {
    await dataSource.destroy();
  }
}

async function askRedis(config: NonNullable<Config['redis']>): Promise<void> {
  const redis = new Redis({
    host: config.host,
    port: config.port,
    ...(config.password === undefined ? {} : { password: config.password }),
    ...(config.tls ? { tls: {} } : {}),
    lazyConnect: true,
    connectTimeout: 2_000,
    commandTimeout: 2_000,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
  });
  redis.on('error', () => undefined);
  try {
    await redis.connect();
    await redis.ping();
  } finally {
    redis.disconnect();
  }
}

/** Asks every server directly. Never throws: what does not answer is part of the report, with the reason. */
export async function probe(config: Config, version: string): Promise<Health> {
  const [kafka, database, redis] = await Promise.allSettled([
    askKafka(config),
    askPostgres(config, version),
    config.redis ? askRedis(config.redis) : Promise.resolve(),
  ]);
  const problem = (result: PromiseSettledResult<unknown>) =>
    result.status === 'rejected' ? { error: reasonOf(result.reason) } : {};
  const connected = {
    kafka: kafka.status === 'fulfilled',
    database: database.status === 'fulfilled',
    redis: config.redis ? redis.status === 'fulfilled' : undefined,
  };
  return {
    status: statusOf(connected),
    kafka: { connected: connected.kafka, lag: kafka.status === 'fulfilled' ? kafka.value : 0, ...problem(kafka) },
    database: {
      connected: connected.database,
      activeConnections: database.status === 'fulfilled' ? database.value.active : 0,
      poolSize: config.database.poolSize,
      ...problem(database),
    },
    redis: { connected: connected.redis ?? false, ...(config.redis ? problem(redis) : { configured: false }) },
    lastProcessedEvent: database.status === 'fulfilled' ? database.value.last : null,
    version,
  };
}
