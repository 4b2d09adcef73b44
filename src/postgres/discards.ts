import type { DataSource } from 'typeorm';
import type { DeadLetter, Origin } from '../letters/dead-letter.js';
import { operator } from './runs.js';
import { Session } from './session.js';

/** A letter that shall never be replayed. */
export interface Discard extends Origin {
  readonly fingerprint: string;
  readonly reason: string;
  readonly user: string;
  readonly host: string;
  /** ISO 8601. */
  readonly discardedAt: string;
}

/** What was set aside of a dead-letter topic, by `originOf`. */
export async function discardsOf(dataSource: DataSource, topic: string): Promise<ReadonlyMap<string, Discard>> {
  const text = `SELECT topic, partition, "offset"::float8, fingerprint, reason, user_name, host, discarded_at
    FROM dbw.dlq_discards WHERE dlq_topic = $1`;
  const { rows } = await Session.with(dataSource, (session) => session.query(text, [topic]));
  return new Map(
    rows.map(([from, partition, offset, fingerprint, reason, user, host, at]) => [
      `${String(from)}:${String(partition)}:${String(offset)}`,
      {
        topic: String(from),
        partition: Number(partition),
        offset: Number(offset),
        fingerprint: String(fingerprint),
        reason: String(reason),
        user: String(user),
        host: String(host),
        discardedAt: at instanceof Date ? at.toISOString() : String(at),
      },
    ]),
  );
}

/**
 * Sets letters aside, with who typed it and why; what is set aside already stays as it is.
 *
 * @returns how many were not set aside before
 */
export async function discard(
  dataSource: DataSource,
  topic: string,
  letters: readonly Pick<DeadLetter, 'origin' | 'fingerprint'>[],
  reason: string,
): Promise<number> {
  const { user, host } = operator();
  const text = `INSERT INTO dbw.dlq_discards (dlq_topic, topic, partition, "offset", fingerprint, reason, user_name, host)
    SELECT $1, x.topic, x.partition, x.next, x.fingerprint, $2, $3, $4
    FROM unnest($5::text[], $6::integer[], $7::bigint[], $8::text[]) AS x (topic, partition, next, fingerprint)
    ON CONFLICT DO NOTHING`;
  const { count } = await Session.with(dataSource, (session) =>
    session.query(text, [
      topic,
      reason,
      user,
      host,
      letters.map(({ origin }) => origin.topic),
      letters.map(({ origin }) => origin.partition),
      letters.map(({ origin }) => origin.offset),
      letters.map(({ fingerprint }) => fingerprint),
    ]),
  );
  return count;
}
