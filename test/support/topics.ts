import kafkajs, { type Admin, type Kafka, type KafkaMessage, type TopicMessages } from 'kafkajs';
import { createKafka } from '../../src/kafka/client.js';
import { LogEnds } from '../../src/kafka/log-ends.js';
import { readConfig } from '../../src/config.js';

/** A message to send; `headers` values may be bytes. */
export interface Outgoing {
  readonly topic: string;
  readonly key: string | null;
  readonly value: Buffer | null;
  readonly headers?: Readonly<Record<string, string | Buffer>>;
  /** When it was written, in milliseconds since 1970; now, where it does not say. */
  readonly timestamp?: number;
}

export function testKafka(): Kafka {
  return createKafka(readConfig(process.env).kafka);
}

/** Runs `work` with an admin client of the test's broker. */
export async function withAdmin<T>(work: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = testKafka().admin();
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.disconnect();
  }
}

/**
 * Creates topics and waits until every leader answers for them: a producer that meets one which is not ready sends the
 * whole request again, and with it messages that others already have.
 */
export async function createTopics(
  topics: readonly string[],
  partitions = 2,
  settings: Readonly<Record<string, string>> = {},
): Promise<void> {
  const configEntries = Object.entries(settings).map(([name, value]) => ({ name, value }));
  await withAdmin(async (admin) => {
    await admin.createTopics({
      waitForLeaders: false, // kafkajs gives up over a broker that does not know of them yet
      topics: topics.map((topic) => ({ topic, numPartitions: partitions, configEntries })),
    });
  });
  await LogEnds.with(testKafka(), (logEnds) => logEnds.ask(topics));
}

/** Messages as a producer takes them: in their order, each under the topic `prefix` + its own. */
export function byTopic(messages: readonly Outgoing[], prefix = ''): TopicMessages[] {
  const found = new Map<string, Outgoing[]>();
  for (const message of messages) {
    const list = found.get(message.topic);
    if (list) list.push(message);
    else found.set(message.topic, [message]);
  }
  return [...found].map(([topic, list]) => ({
    topic: prefix + topic,
    messages: list.map(({ key, value, headers, timestamp }) => ({
      ...{ key, value },
      ...(headers ? { headers: { ...headers } } : {}),
      ...(timestamp === undefined ? {} : { timestamp: String(timestamp) }),
    })),
  }));
}

/** Sends messages in their order, each to the topic `prefix` + its own. */
export async function send(messages: readonly Outgoing[], prefix = ''): Promise<void> {
  const producer = testKafka().producer({
    allowAutoTopicCreation: false,
    // A broker that answers late gets the request again: without this the stream would hold messages twice.
    idempotent: true,
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
  });
  await producer.connect();
  try {
    for (let start = 0; start < messages.length; start += 2_000) {
      await producer.sendBatch({ acks: -1, topicMessages: byTopic(messages.slice(start, start + 2_000), prefix) });
    }
  } finally {
    await producer.disconnect();
  }
}

/** Deletes the records of a partition before an offset, as retention does. */
export async function deleteBefore(topic: string, partition: number, offset: number): Promise<void> {
  await withAdmin(async (admin) => {
    await admin.fetchTopicOffsets(topic); // kafkajs deletes only where it knows the leader already
    await admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: String(offset) }] });
  });
}

/** Every record of a topic, from its beginning to its end now. */
export async function readTopic(topic: string): Promise<KafkaMessage[]> {
  const ends = await withAdmin((admin) => admin.fetchTopicOffsets(topic));
  const expected = ends.reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0);
  if (expected === 0) return [];
  const consumer = testKafka().consumer({ groupId: `read-${topic}-${Date.now()}-${Math.random()}` });
  await consumer.connect();
  const records: KafkaMessage[] = [];
  try {
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    await new Promise<void>((resolve, reject) => {
      consumer
        .run({
          eachMessage: ({ message }) => {
            records.push(message);
            if (records.length === expected) resolve();
            return Promise.resolve();
          },
        })
        .catch(reject);
    });
  } finally {
    await consumer.disconnect();
  }
  return records;
}

/** A header's value as text, or undefined. */
export function header(record: KafkaMessage, name: string): string | undefined {
  const value = record.headers?.[name];
  const single = Array.isArray(value) ? value.at(-1) : value;
  return single?.toString();
}
