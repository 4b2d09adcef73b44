import { Redis } from 'ioredis';
import type { Admin } from 'kafkajs';
import type { DataSource } from 'typeorm';
import { registry } from '../../src/handlers/index.js';
import { freshDatabase } from '../support/database.js';
import { Proxy } from '../support/proxy.js';
import { startServers, type Servers } from '../support/services/index.js';
import { freePort } from '../support/services/ports.js';
import { createTopics, testKafka } from '../support/topics.js';
import { Outages } from './outages.js';
import type { ServerName } from './plan.js';

const PARTITIONS = 4;
const PREFIX = 'chaos.';

/** The servers of one run with a proxy before each, a database, topics, and our own eyes, which need no proxy. */
export interface Stage {
  readonly servers: Servers;
  readonly proxies: Readonly<Record<ServerName, Proxy>>;
  readonly outages: Outages;
  readonly dataSource: DataSource;
  readonly prefix: string;
  readonly topics: readonly string[];
  readonly deadLetterTopic: string;
  /** What a dbw process needs, the group excepted; it finds the servers behind the proxies. */
  readonly env: Readonly<Record<string, string>>;
  /** Works with an admin client that came directly. */
  admin<T>(work: (admin: Admin) => Promise<T>): Promise<T>;
  /** Empties Redis. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** Starts servers that nobody else uses and makes everything that dbw expects to find. */
export async function openStage(report: (line: string) => void): Promise<Stage> {
  const kafkaPort = await freePort();
  const servers = await startServers({ own: true, kafkaProxy: kafkaPort, report });
  try {
    return await furnish(servers, kafkaPort);
  } catch (error) {
    await servers.stop();
    throw error;
  }
}

async function furnish(servers: Servers, kafkaPort: number): Promise<Stage> {
  Object.assign(process.env, servers.env);
  const { kafka, postgres, redis } = servers;
  if (kafka.proxiedPort === undefined) throw new Error('The broker has no listener for its proxy.');
  const proxies = {
    kafka: await Proxy.open({ host: kafka.host, port: kafka.proxiedPort }, kafkaPort),
    postgres: await Proxy.open(postgres),
    redis: await Proxy.open(redis),
  };
  const dataSource = await freshDatabase();
  const topics = [...registry.keys()].map((type) => PREFIX + type);
  await createTopics(topics, PARTITIONS);
  return {
    servers,
    proxies,
    outages: new Outages(),
    dataSource,
    prefix: PREFIX,
    topics,
    deadLetterTopic: `${PREFIX}db-writer.dlq`,
    env: {
      KAFKA_BROKERS: `127.0.0.1:${proxies.kafka.port}`,
      DB_HOST: '127.0.0.1',
      DB_PORT: String(proxies.postgres.port),
      DB_DATABASE: String(dataSource.options.database),
      REDIS_HOST: '127.0.0.1',
      REDIS_PORT: String(proxies.redis.port),
      KAFKA_TOPIC_PREFIX: PREFIX,
      // What waits for ever shall wait longer than we do, and poison gathers in the topics where little happens.
      PARK_TIMEOUT_MS: String(86_400_000),
      DLQ_MAX_RATE: '0',
      LOG_LEVEL: 'info',
    },
    admin: withAdmin,
    flush: () => flush(redis.host, redis.port),
    async close() {
      for (const proxy of Object.values(proxies)) proxy.close();
      await dataSource.destroy().catch(() => undefined);
      await servers.stop();
    },
  };
}

async function withAdmin<T>(work: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = testKafka().admin();
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.disconnect();
  }
}

async function flush(host: string, port: number): Promise<void> {
  const redis = new Redis({ host, port });
  redis.on('error', () => undefined); // the command says so
  try {
    await redis.flushall();
  } finally {
    redis.disconnect();
  }
}
