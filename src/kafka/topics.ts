import { setTimeout as delay } from 'node:timers/promises';
import kafkajs, { type Admin } from 'kafkajs';
import { EXIT, UserError } from '../errors.js';

export interface PartitionEnd {
  readonly topic: string;
  readonly partition: number;
  /** Offset of the first record that is still there. */
  readonly low: number;
  /** Offset behind the last record. */
  readonly high: number;
}

const LEADER_TRIES = 50;
const LEADER_DELAY_MS = 100;

/** A partition that was just created, or is moving, has no leader for a moment: kafkajs' admin gives up at once, we do not. */
async function onceLed<T>(ask: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await ask();
    } catch (error) {
      const retriable = error instanceof kafkajs.KafkaJSError && error.retriable;
      if (!retriable || attempt === LEADER_TRIES) throw error;
      await delay(LEADER_DELAY_MS);
    }
  }
}

/** Where each partition of these topics begins and ends now. */
export async function partitionEnds(admin: Admin, topics: readonly string[]): Promise<PartitionEnd[]> {
  const ends = await Promise.all(
    topics.map(async (topic) => {
      const partitions = await onceLed(() => admin.fetchTopicOffsets(topic));
      return partitions.map(({ partition, low, high }) => ({ topic, partition, low: Number(low), high: Number(high) }));
    }),
  );
  return ends.flat();
}

/** Offsets that a group has committed; partitions without one are left out. */
export async function committedOffsets(
  admin: Admin,
  groupId: string,
  topics: readonly string[],
): Promise<{ topic: string; partition: number; offset: number }[]> {
  const fetched = await onceLed(() => admin.fetchOffsets({ groupId, topics: [...topics] }));
  return fetched.flatMap(({ topic, partitions }) =>
    partitions
      .map(({ partition, offset }) => ({ topic, partition, offset: Number(offset) }))
      .filter(({ offset }) => offset >= 0),
  );
}

/** What each topic is configured with: name of the setting to its value as text. */
export async function settingsOf(admin: Admin, topics: readonly string[]): Promise<Map<string, Map<string, string>>> {
  if (topics.length === 0) return new Map();
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: topics.map((name) => ({ type: kafkajs.ConfigResourceTypes.TOPIC, name })),
  });
  const entries = (list: readonly { configName: string; configValue: string }[]) =>
    new Map(list.map(({ configName, configValue }) => [configName, configValue]));
  return new Map(resources.map(({ resourceName, configEntries }) => [resourceName, entries(configEntries)]));
}

/** The longest retention of these topics in milliseconds; Infinity where one keeps its records for ever. */
export async function longestRetention(admin: Admin, topics: readonly string[]): Promise<number> {
  const settings = await settingsOf(admin, topics);
  const times = [...settings.values()].map((of) => Number(of.get('retention.ms') ?? 0));
  return times.some((time) => time < 0) ? Infinity : Math.max(0, ...times);
}

const LETTER_HEADERS = 64 * 1024;

/**
 * Makes sure that the dead-letter topic is there and loses nothing: it is created as wide as the widest source topic,
 * with unlimited retention.
 *
 * @param sources source topics that exist
 * @throws UserError where the topic is a source itself, is compacted, or deletes letters
 */
export async function ensureDeadLetterTopic(admin: Admin, topic: string, sources: readonly string[]): Promise<void> {
  if (sources.includes(topic)) {
    const why = `The dead-letter topic ${topic} is a source topic too: every refused message would be read again`;
    throw new UserError(`${why}. Set DLQ_TOPIC to another name.`, EXIT.refused);
  }
  if ((await admin.listTopics()).includes(topic)) {
    const settings = (await settingsOf(admin, [topic])).get(topic);
    const policy = settings?.get('cleanup.policy') ?? '';
    const retention = Number(settings?.get('retention.ms') ?? -1);
    const bytes = Number(settings?.get('retention.bytes') ?? -1);
    if (policy.includes('compact') || retention >= 0 || bytes >= 0) {
      const how = `cleanup.policy=${policy}, retention.ms=${retention}, retention.bytes=${bytes}`;
      const remedy =
        'Set cleanup.policy=delete, retention.ms=-1 and retention.bytes=-1 on it, or DLQ_TOPIC to another name';
      throw new UserError(`The dead-letter topic ${topic} could lose letters (${how}). ${remedy}.`, EXIT.refused);
    }
    return;
  }
  const { topics } = await admin.fetchTopicMetadata({ topics: [...sources] });
  const sizes = [...(await settingsOf(admin, sources)).values()].map((of) => Number(of.get('max.message.bytes') ?? 0));
  const largest = Math.max(1_048_588, ...sizes);
  await admin.createTopics({
    waitForLeaders: true,
    topics: [
      {
        topic,
        numPartitions: Math.max(1, ...topics.map(({ partitions }) => partitions.length)),
        replicationFactor: Math.max(
          1,
          ...topics.flatMap(({ partitions }) => partitions.map(({ replicas }) => replicas.length)),
        ),
        configEntries: [
          { name: 'cleanup.policy', value: 'delete' },
          { name: 'retention.ms', value: '-1' },
          { name: 'retention.bytes', value: '-1' },
          { name: 'max.message.bytes', value: String(largest + LETTER_HEADERS) },
        ],
      },
    ],
  });
}
