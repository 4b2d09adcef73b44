import { createHash } from 'node:crypto';
import type { DataSource } from 'typeorm';
import type { KafkaMessage } from 'kafkajs';
import { LogEnds } from '../../src/kafka/log-ends.js';
import type { Message } from '../support/generator/index.js';
import { header, testKafka } from '../support/topics.js';
import { unique } from '../support/unique.js';
import type { Stage } from './stage.js';

/** Reads every record that is in these topics now, in no order across partitions. */
export async function readRecords(
  topics: readonly string[],
  onRecord: (topic: string, partition: number, record: KafkaMessage) => void,
): Promise<number> {
  const ends = await LogEnds.with(testKafka(), (logEnds) => logEnds.ask(topics));
  const total = ends.reduce((sum, { low, high }) => sum + high - low, 0);
  if (total === 0) return 0;
  const consumer = testKafka().consumer({ groupId: unique('read') });
  await consumer.connect();
  try {
    await consumer.subscribe({ topics: [...topics], fromBeginning: true });
    await new Promise<void>((resolve, reject) => {
      let seen = 0;
      const eachBatch: Parameters<typeof consumer.run>[0] = {
        eachBatch: ({ batch }) => {
          for (const record of batch.messages) onRecord(batch.topic, batch.partition, record);
          seen += batch.messages.length;
          if (seen >= total) resolve();
          return Promise.resolve();
        },
      };
      consumer.run(eachBatch).catch(reject);
    });
  } finally {
    await consumer.disconnect();
  }
  return total;
}

/** Where each record is that must be refused, as `topic:partition:offset`: a message that was sent twice is there twice. */
export async function refusedRecords(
  stage: Stage,
  messages: readonly Message[],
): Promise<{ refused: Set<string>; records: number; strangers: number }> {
  const fates = new Map(messages.map((message) => [contentOf(message.topic, message.value), message.expect]));
  const refused = new Set<string>();
  let strangers = 0;
  const records = await readRecords(stage.topics, (topic, partition, { value, offset }) => {
    const fate = fates.get(contentOf(topic.slice(stage.prefix.length), value));
    if (fate === undefined) strangers++;
    if (fate === 'refuse') refused.add(`${topic}:${partition}:${offset}`);
  });
  return { refused, records, strangers };
}

function contentOf(topic: string, value: Buffer | null): string {
  const hash = createHash('sha1').update(value ?? '');
  return `${topic} ${value ? hash.digest('base64') : 'none'}`;
}

interface Letters {
  /** Where the messages came from, as `topic:partition:offset`. */
  readonly origins: ReadonlySet<string>;
  readonly count: number;
}

/** Every dead letter, those included that the topic did not take. */
export async function readLetters(stage: Stage): Promise<Letters> {
  const origins = new Set<string>();
  const exists = await stage.admin(async (admin) => (await admin.listTopics()).includes(stage.deadLetterTopic));
  const count = !exists
    ? 0
    : await readRecords([stage.deadLetterTopic], (_topic, _partition, record) => {
        origins.add(
          ['topic', 'partition', 'offset'].map((part) => header(record, `__connect.errors.${part}`)).join(':'),
        );
      });
  const large = await oversize(stage.dataSource);
  for (const origin of large) origins.add(origin);
  return { origins, count: count + large.length };
}

async function oversize(dataSource: DataSource): Promise<string[]> {
  const rows: { origin: string }[] = await dataSource.query(
    `SELECT topic || ':' || partition || ':' || "offset" AS origin FROM dbw.oversize_letters`,
  );
  return rows.map(({ origin }) => origin);
}
