import kafkajs, { type Admin } from 'kafkajs';
import type { Logger } from 'pino';
import { EXIT, reasonOf, UserError } from '../errors.js';
import { ensureDeadLetterTopic, refuseSourceForLetters } from './dead-letter-topic.js';
import { protocolErrorOf } from './protocol-error.js';
import { settingsOf } from './topic-settings.js';
import { awaitLeaders, onceLed } from './topics.js';

/** What topics shall have; what is not named is the brokers' own. */
export interface TopicShape {
  readonly partitions?: number | undefined;
  readonly replicationFactor?: number | undefined;
  /** Milliseconds; -1 for ever. */
  readonly retentionMs?: number | undefined;
}

/** One topic as it is now. */
export interface TopicFound {
  readonly topic: string;
  /** `missing`: a dry run would create it. */
  readonly state: 'created' | 'existed' | 'missing';
  /** null where it does not exist. */
  readonly partitions: number | null;
  readonly replicationFactor: number | null;
  /** Where a topic that existed is not as it was asked for. */
  readonly differences: readonly string[];
}

interface Sizes {
  readonly partitions: number;
  readonly replicationFactor: number;
}

async function sizesOf(admin: Admin, topics: readonly string[]): Promise<ReadonlyMap<string, Sizes>> {
  if (topics.length === 0) return new Map();
  const metadata = await admin.fetchTopicMetadata({ topics: [...topics] });
  return new Map(
    metadata.topics.map(({ name, partitions }) => [
      name,
      {
        partitions: partitions.length,
        replicationFactor: Math.min(...partitions.map(({ replicas }) => replicas.length)),
      },
    ]),
  );
}

/** The errors of single topics that kafkajs throws together. */
function refusalsIn(error: unknown): readonly unknown[] {
  return error instanceof kafkajs.KafkaJSAggregateError ? error.errors : [error];
}

async function create(admin: Admin, topics: readonly string[], shape: TopicShape): Promise<void> {
  const { partitions = -1, replicationFactor = -1, retentionMs } = shape;
  const configEntries = retentionMs === undefined ? [] : [{ name: 'retention.ms', value: String(retentionMs) }];
  try {
    await admin.createTopics({
      waitForLeaders: false, // kafkajs gives up over a broker that does not know of them yet
      topics: topics.map((topic) => ({ topic, numPartitions: partitions, replicationFactor, configEntries })),
    });
  } catch (error) {
    // Somebody else may create them at the same moment.
    const refused = refusalsIn(error).find((one) => protocolErrorOf(one) !== 'TOPIC_ALREADY_EXISTS');
    if (refused === undefined) return;
    const type = protocolErrorOf(refused);
    if (type === undefined) throw error;
    const why = `Kafka does not let us create topics: ${type}, ${reasonOf(refused)}`;
    throw new UserError(
      `${why}. Correct --partitions and --replication-factor, or let this user create them.`,
      EXIT.refused,
    );
  }
}

function differencesOf(is: Sizes | undefined, retention: number | undefined, shape: TopicShape): string[] {
  const found: string[] = [];
  const compare = (what: string, has: number | undefined, asked: number | undefined) => {
    if (asked !== undefined && has !== undefined && has !== asked) found.push(`${what} ${has}, not ${asked}`);
  };
  compare('partitions', is?.partitions, shape.partitions);
  compare('replication factor', is?.replicationFactor, shape.replicationFactor);
  compare('retention.ms', retention, shape.retentionMs);
  return found;
}

/**
 * Creates the source topics and the dead-letter topic. What exists stays as it is.
 *
 * @param isDry changes nothing
 * @returns each of them as it is then, the dead-letter topic last
 * @throws UserError where Kafka refuses, or where the dead-letter topic could lose letters
 */
export async function createTopics(
  admin: Admin,
  sources: readonly string[],
  deadLetters: string,
  shape: TopicShape,
  isDry: boolean,
  log: Logger,
): Promise<TopicFound[]> {
  refuseSourceForLetters(deadLetters, sources);
  const before = new Set(await admin.listTopics());
  const missing = sources.filter((topic) => !before.has(topic));
  if (!isDry) {
    if (missing.length > 0) {
      await create(admin, missing, shape);
      await awaitLeaders(admin, missing);
    }
    await onceLed(() => ensureDeadLetterTopic(admin, deadLetters, sources, log));
  }
  const all = [...sources, deadLetters];
  const there = isDry ? all.filter((topic) => before.has(topic)) : all;
  const [sizes, settings] = await onceLed(() => Promise.all([sizesOf(admin, there), settingsOf(admin, there)]));
  return all.map((topic) => {
    const is = sizes.get(topic);
    const own = settings.get(topic)?.get('retention.ms')?.value;
    const state = before.has(topic) ? 'existed' : isDry ? 'missing' : 'created';
    // Of the dead-letter topic nothing was asked: it is as wide as the widest source.
    const isAsked = state === 'existed' && topic !== deadLetters;
    return {
      topic,
      state,
      partitions: is?.partitions ?? null,
      replicationFactor: is?.replicationFactor ?? null,
      differences: isAsked ? differencesOf(is, own === undefined ? undefined : Number(own), shape) : [],
    };
  });
}
