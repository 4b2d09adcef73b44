// A database, topics of many partitions, and a stream of which the model knows what it leaves in the tables.
import kafkajs from 'kafkajs';
import type { DataSource } from 'typeorm';
import { compareTables } from '../../test/chaos/compare.js';
import { freshDatabase } from '../../test/support/database.js';
import type { Message } from '../../test/support/generator/index.js';
import { expectedTables, type Expected } from '../../test/support/model.js';
import { readRows } from '../../test/support/rows.js';
import { byTopic, createTopics, testKafka } from '../../test/support/topics.js';
import { unique } from '../../test/support/unique.js';
import { dropDatabase } from './databases.js';

const SLICE = 2_000;
/** The broker's own limit, by default: so long may the stage be set while nobody sees a message. */
const TRANSACTION_MS = 900_000;

/** What a stream must leave behind. */
export interface Stream {
  readonly messages: readonly Message[];
  readonly expected: Expected;
  /** Events that must be processed, once each. */
  readonly processed: number;
}

/** @throws Error where the stream has ties, of which arrival decides */
export function streamOf(messages: readonly Message[]): Stream {
  const expected = expectedTables(messages.flatMap(({ event }) => event ?? []));
  if (expected.ties.length > 0) throw new Error('The stream has ties: take another seed.');
  const ids = new Set(messages.flatMap(({ event }) => event?.eventId ?? []));
  return { messages, expected, processed: ids.size - expected.waiting.length };
}

/** Where one run takes place. */
export class ScalingStage {
  private constructor(
    readonly dataSource: DataSource,
    readonly prefix: string,
    readonly partitions: number,
    readonly env: Readonly<Record<string, string>>,
  ) {}

  /** @param partitions of each topic */
  static async set({ messages }: Stream, partitions: number): Promise<ScalingStage> {
    const dataSource = await freshDatabase();
    const prefix = `${unique('scale')}.`;
    const topics = [...new Set(messages.map(({ topic }) => prefix + topic))];
    await createTopics(topics, partitions);
    const env = {
      DB_DATABASE: String(dataSource.options.database),
      KAFKA_TOPIC_PREFIX: prefix,
      KAFKA_GROUP_ID: unique('group'),
    };
    return new ScalingStage(dataSource, prefix, topics.length * partitions, env);
  }

  /**
   * Sends the stream in one transaction, so that nobody sees anything of it yet.
   *
   * @returns what shows all of it at once
   */
  async prepare({ messages }: Stream): Promise<() => Promise<void>> {
    const producer = testKafka().producer({
      ...{ allowAutoTopicCreation: false, createPartitioner: kafkajs.Partitioners.DefaultPartitioner },
      ...{ transactionalId: unique('scale'), maxInFlightRequests: 1, idempotent: true },
      transactionTimeout: TRANSACTION_MS,
    });
    await producer.connect();
    const transaction = await producer.transaction();
    for (let start = 0; start < messages.length; start += SLICE) {
      const topicMessages = byTopic(messages.slice(start, start + SLICE), this.prefix);
      await transaction.sendBatch({ acks: -1, topicMessages });
    }
    return async () => {
      await transaction.commit();
      await producer.disconnect();
    };
  }

  /** How many events are recorded as processed. */
  async processed(): Promise<number> {
    const [row]: { count: number }[] = await this.dataSource.query(
      'SELECT count(*)::float8 AS count FROM dbw.processed_events',
    );
    return row?.count ?? 0;
  }

  /** What is wrong with the tables: rows that are missing, doubled or other than the model has them. Nothing where all is well. */
  async differences({ expected }: Stream): Promise<readonly string[]> {
    return compareTables(expected.tables, await readRows(this.dataSource)).lines;
  }

  async strike(): Promise<void> {
    await this.dataSource.destroy();
    // A busy server may take longer than we wait; what is left then goes with the servers.
    await dropDatabase(this.env.DB_DATABASE ?? '').catch(() => undefined);
  }
}
