import type { Letter } from '../letters/letter.js';
import { storedHeaders } from './headers.js';
import type { Session } from './session.js';

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
