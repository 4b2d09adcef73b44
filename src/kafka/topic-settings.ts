import kafkajs, { type Admin } from 'kafkajs';
import { EXIT, UserError } from '../errors.js';

export interface Setting {
  readonly value: string;
  /** Set on the topic itself, not what the brokers have for all. */
  readonly own: boolean;
}

/** The settings of topics that exist: topic → name → setting. */
export async function settingsOf(
  admin: Admin,
  topics: readonly string[],
): Promise<ReadonlyMap<string, ReadonlyMap<string, Setting>>> {
  if (topics.length === 0) return new Map();
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: topics.map((name) => ({ type: kafkajs.ConfigResourceTypes.TOPIC, name })),
  });
  return new Map(
    resources.map(({ resourceName, configEntries }) => [
      resourceName,
      new Map(
        configEntries.map(({ configName, configValue, configSource }) => [
          configName,
          { value: configValue, own: configSource === kafkajs.ConfigSource.TOPIC_CONFIG },
        ]),
      ),
    ]),
  );
}

/** Changes one setting of a topic. The request replaces all that the topic has of its own, so those are sent along. */
export async function changeSetting(admin: Admin, topic: string, name: string, value: string): Promise<void> {
  const settings = [...((await settingsOf(admin, [topic])).get(topic) ?? [])].filter(([, { own }]) => own);
  const entries = new Map([...settings.map(([given, setting]) => [given, setting.value] as const), [name, value]]);
  await admin.alterConfigs({
    validateOnly: false,
    resources: [
      {
        type: kafkajs.ConfigResourceTypes.TOPIC,
        name: topic,
        configEntries: [...entries].map(([given, is]) => ({ name: given, value: is })),
      },
    ],
  });
}

/** The longest retention of these topics in milliseconds; Infinity where one keeps its records for ever. */
export async function longestRetention(admin: Admin, topics: readonly string[]): Promise<number> {
  const settings = await settingsOf(admin, topics);
  const times = [...settings.values()].map((of) => Number(of.get('retention.ms')?.value ?? 0));
  return times.some((time) => time < 0) ? Infinity : Math.max(0, ...times);
}

/**
 * A compacted topic keeps the last message of a key and throws the others away, read or not.
 *
 * @param topics source topics that exist
 * @throws UserError that names those which are compacted
 */
export async function refuseCompacted(admin: Admin, topics: readonly string[]): Promise<void> {
  const compacted = [...(await settingsOf(admin, topics))]
    .filter(([, of]) => of.get('cleanup.policy')?.value.includes('compact'))
    .map(([topic]) => topic)
    .sort();
  if (compacted.length === 0) return;
  const [which, them] = compacted.length === 1 ? ['topic is', 'it'] : ['topics are', 'them'];
  const why = `${compacted.length} source ${which} compacted, so that events are thrown away unread: ${compacted.join(', ')}`;
  throw new UserError(`${why}. Set cleanup.policy=delete on ${them}.`, EXIT.refused);
}
