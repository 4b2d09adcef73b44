import kafkajs from 'kafkajs';
import type { DataSource } from 'typeorm';
import type { Refusal } from '../../src/event/decode.js';
import { letterOf, type Letter } from '../../src/letters/letter.js';
import { freshDatabase } from './database.js';
import { createTopics, testKafka } from './topics.js';
import { unique } from './unique.js';

/** A record to write into one partition of a dead-letter topic. */
export interface Planted {
  readonly partition: number;
  readonly key?: string | null;
  readonly value: Buffer | null;
  readonly headers?: Readonly<Record<string, string | Buffer | (string | Buffer)[]>>;
}

export const REFUSAL: Refusal = {
  reason: 'invalid',
  code: 'required',
  path: '/data/userId',
  message: 'userId is missing',
  eventType: 'user.created',
};

/** A letter as dbw writes it; `failedAt` is in milliseconds since 1970. */
export function dbwLetter(
  origin: { topic: string; partition: number; offset: number },
  value: Buffer,
  refusal: Refusal,
  { failedAt, replays = 0 }: { failedAt: number; replays?: number },
): Letter {
  const headers = replays > 0 ? [['dbw.dlq.replays', Buffer.from(String(replays))] as const] : [];
  const own = ['source', Buffer.from('ann@example.com')] as const;
  const message = { ...origin, key: Buffer.from('ann-key'), value, headers: [own, ...headers], timestamp: 0 };
  const letter = letterOf(message, refusal, { attempts: 3, clientId: 'writer-1' });
  const at = new Date(failedAt).toISOString().replace('Z', '000Z');
  return {
    ...letter,
    failedAt: at,
    headers: letter.headers.map(([name, given]) => [name, name.endsWith('failed-at') ? at : given]),
  };
}

export function planted(partition: number, { key, value, headers }: Letter): Planted {
  return { partition, key: key?.toString() ?? null, value, headers: Object.fromEntries(headers) };
}

/** A database and a dead-letter topic of its own, with these records. */
export class LetterPlace {
  private constructor(
    readonly dataSource: DataSource,
    readonly prefix: string,
  ) {}

  static async make(partitions: number): Promise<LetterPlace> {
    const place = new LetterPlace(await freshDatabase(), `${unique('t')}.`);
    await createTopics([place.topic], partitions, { 'retention.ms': '-1' });
    return place;
  }

  get topic(): string {
    return `${this.prefix}db-writer.dlq`;
  }

  get env(): Readonly<Record<string, string>> {
    return { DB_DATABASE: String(this.dataSource.options.database), KAFKA_TOPIC_PREFIX: this.prefix, REDIS_HOST: '' };
  }

  async plant(records: readonly Planted[], topic = this.topic): Promise<void> {
    const producer = testKafka().producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
    await producer.connect();
    try {
      await producer.send({
        topic,
        messages: records.map(({ partition, key = null, value, headers = {} }) => ({
          ...{ partition, key, value },
          headers: { ...headers },
        })),
      });
    } finally {
      await producer.disconnect();
    }
  }
}
