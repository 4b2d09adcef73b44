import type { DataSource } from 'typeorm';
import type { Message } from '../event/message.js';
import type { Letter } from '../letters/letter.js';
import { readHeaders, storedHeaders } from './headers.js';
import { Session, type Tuple } from './session.js';

/**
 * Keeps a letter whole that the dead-letter topic does not take. A letter of the same message that failed earlier is
 * replaced, one that failed later stays.
 *
 * @param deadLetterTopic where the letter would be
 */
export async function keepOversize(session: Session, deadLetterTopic: string, letter: Letter): Promise<void> {
  await session.query(
    `INSERT INTO dbw.oversize_letters AS kept (topic, partition, "offset", dlq_topic, key, value, headers, failed_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
     ON CONFLICT (topic, partition, "offset") DO UPDATE SET dlq_topic = excluded.dlq_topic, key = excluded.key,
       value = excluded.value, headers = excluded.headers, failed_at = excluded.failed_at
     WHERE kept.failed_at <= excluded.failed_at`,
    [
      letter.topic,
      letter.partition,
      letter.offset,
      deadLetterTopic,
      letter.key,
      letter.value,
      JSON.stringify(storedHeaders(letter.headers)),
      letter.failedAt,
    ],
  );
}

/** What is kept for a dead-letter topic, a page at a time: each as the record that the topic did not take, at its origin's place. */
export async function* oversizeLetters(dataSource: DataSource, deadLetterTopic: string): AsyncGenerator<Message[]> {
  const PAGE = 20; // each may be as large as a message can be
  const text = `SELECT topic, partition, "offset", key, value, headers, (extract(epoch FROM failed_at) * 1000)::float8
    FROM dbw.oversize_letters WHERE dlq_topic = $1 AND (topic, partition, "offset") > ($2, $3, $4)
    ORDER BY topic, partition, "offset" LIMIT ${PAGE}`;
  for (let after: unknown[] = ['', -1, -1]; ;) {
    const { rows } = await Session.with(dataSource, (session) => session.query(text, [deadLetterTopic, ...after]));
    if (rows.length > 0) yield rows.map(recordOf);
    if (rows.length < PAGE) return;
    after = rows.at(-1)?.slice(0, 3) ?? [];
  }
}

function recordOf([topic, partition, offset, key, value, headers, failedAt]: Tuple): Message {
  return {
    topic: String(topic),
    partition: Number(partition),
    offset: Number(offset),
    key: Buffer.isBuffer(key) ? key : null,
    value: Buffer.isBuffer(value) ? value : null,
    headers: readHeaders(headers),
    timestamp: Number(failedAt),
  };
}
