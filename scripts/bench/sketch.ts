// The service as its first README drew it, as a baseline: one message, one transaction. For each message a GET in Redis, a
// transaction of TypeORM that writes one row through a repository, a SETEX, and the commit of its offset.
import { Redis } from 'ioredis';
import { DataSource } from 'typeorm';
import { readConfig } from '../../src/config.js';
import { entitiesOf } from '../../src/postgres/entities.js';
import { databaseConfig } from '../../test/support/database.js';
import { testKafka } from '../../test/support/topics.js';
import { unique } from '../../test/support/unique.js';
import { inNewDatabase } from './databases.js';
import { fillUsers, type Rows } from './rows.js';

/** Of what an event of posts() says, the row. */
function rowOf(value: Buffer | null): { id: string; row: Record<string, unknown> } {
  const { eventId, timestamp, data } = JSON.parse(value?.toString() ?? '') as {
    eventId: string;
    timestamp: string;
    data: Record<string, unknown>;
  };
  const row = {
    post_id: data.postId,
    author_id: data.authorId,
    content: data.content,
    media_urls: data.mediaUrls,
    visibility: data.visibility,
    content_type: data.contentType,
    tags: data.tags,
    created_at: timestamp,
  };
  return { id: eventId, row };
}

/**
 * Works off a topic of posts whose authors are there.
 *
 * @param prefix what the topic's name begins with
 * @param count how many posts it holds
 * @returns posts a second, from the first message to the last commit
 */
export function sketch(prefix: string, rows: Rows, count: number): Promise<number> {
  const config = readConfig(process.env);
  return inNewDatabase(async (database) => {
    await fillUsers(database, rows);
    const { host, port, username, password } = databaseConfig(database);
    const login = { type: 'postgres' as const, host, port, username, ...(password ? { password } : {}), database };
    const dataSource = await new DataSource({
      ...login,
      entities: entitiesOf('whole'),
      installExtensions: false,
    }).initialize();
    const redis = new Redis({ host: config.redis?.host ?? 'localhost', port: config.redis?.port ?? 6379 });
    const consumer = testKafka().consumer({ groupId: unique('sketch') });
    try {
      await consumer.connect();
      const topic = `${prefix}content.post.created`;
      await consumer.subscribe({ topics: [topic], fromBeginning: true });
      let started = 0;
      let done = 0;
      await new Promise<void>((resolve, reject) => {
        const each = async (partition: number, offset: string, value: Buffer | null) => {
          started ||= performance.now();
          const { id, row } = rowOf(value);
          const key = `processed:${database}:${id}`;
          if ((await redis.get(key)) === null) {
            await dataSource.transaction((manager) => manager.getRepository('posts').insert(row));
            await redis.setex(key, 600, '1');
          }
          await consumer.commitOffsets([{ topic, partition, offset: String(Number(offset) + 1) }]);
          if (++done === count) resolve();
        };
        const run = { autoCommit: false, partitionsConsumedConcurrently: 1 };
        consumer
          .run({
            ...run,
            eachMessage: ({ partition, message }) => each(partition, message.offset, message.value).catch(reject),
          }) // prettier-ignore
          .catch(reject);
      });
      return done / ((performance.now() - started) / 1000);
    } finally {
      await consumer.disconnect();
      redis.disconnect();
      await dataSource.destroy();
    }
  });
}
