import kafkajs from 'kafkajs';
import type { Config } from '../../src/config.js';
import { createKafka } from '../../src/kafka/client.js';
import { LogEnds } from '../../src/kafka/log-ends.js';
import { TYPES, type Message } from '../../test/support/generator/index.js';
import { until } from '../../test/support/services/until.js';
import { createTopics } from '../../test/support/topics.js';

const BATCH = 2_000;

/** Creates a topic for each type of event; resolves when each has a leader that knows of it, which is later than told. */
export async function makeTopics({ kafka: config }: Config): Promise<void> {
  await createTopics(topicsOf(config));
  const ready = () => messagesThere(config).then(() => true);
  await until('all topics to be ready', ready, { seconds: 30 });
}

/**
 * Sends messages in their order, each once. A producer that is not idempotent may send again what a broker has taken
 * already; dbw would cope, but the numbers of the demo would not be those that it promises.
 */
export async function sendOnce(
  { kafka: config }: Config,
  messages: readonly Message[],
  onSent: (sent: number) => void,
): Promise<void> {
  const before = await messagesThere(config);
  const producer = createKafka(config).producer({
    idempotent: true,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
  });
  await producer.connect();
  try {
    for (let from = 0; from < messages.length; from += BATCH) {
      const batch = messages.slice(from, from + BATCH);
      await producer.sendBatch({ acks: -1, topicMessages: byTopic(batch, config.topicPrefix) });
      onSent(from + batch.length);
    }
  } finally {
    await producer.disconnect();
  }
  const sent = (await messagesThere(config)) - before;
  if (sent !== messages.length) throw new Error(`Kafka has ${sent} messages more, but ${messages.length} were sent`);
}

function byTopic(messages: readonly Message[], prefix: string): kafkajs.TopicMessages[] {
  const topics = new Map<string, kafkajs.Message[]>();
  for (const { topic, key, value, headers } of messages) {
    const list = topics.get(topic);
    const message = { key, value, ...(headers ? { headers } : {}) };
    if (list) list.push(message);
    else topics.set(topic, [message]);
  }
  return [...topics].map(([topic, list]) => ({ topic: prefix + topic, messages: list }));
}

function topicsOf(config: Config['kafka']): string[] {
  return TYPES.map((type) => config.topicPrefix + type);
}

/** How many messages the topics hold. */
async function messagesThere(config: Config['kafka']): Promise<number> {
  const ends = await LogEnds.with(createKafka(config), (logEnds) => logEnds.ask(topicsOf(config)));
  return ends.reduce((sum, { low, high }) => sum + high - low, 0);
}
