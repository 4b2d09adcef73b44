import type { DataSource } from 'typeorm';

/** Why a topic's breaker opened. */
export interface Opening {
  /** Of the last finished events. */
  readonly refused: number;
  readonly finished: number;
  /** The most frequent: reason, code and path of a refusal. */
  readonly reason: string;
}

/** An open breaker as it is recorded. */
export interface OpenBreaker extends Opening {
  readonly topic: string;
  /** When it opened, as PostgreSQL writes it: to the microsecond, so that it tells one opening from the next. */
  readonly openedAt: string;
}

/** The open breakers of a group, shared by its instances; see the migration. */
export class BreakerRows {
  constructor(
    private readonly dataSource: DataSource,
    private readonly groupId: string,
  ) {}

  /** All that are open. */
  async load(): Promise<OpenBreaker[]> {
    return this.dataSource.query<OpenBreaker[]>(
      `SELECT topic, opened_at::text AS "openedAt", refused, finished, reason
       FROM dbw.breakers WHERE group_id = $1 ORDER BY topic`,
      [this.groupId],
    );
  }

  /** Records that a topic is open; where another instance has done so already, its record stays. */
  async open(topic: string, { refused, finished, reason }: Opening): Promise<void> {
    await this.dataSource.query(
      `INSERT INTO dbw.breakers (group_id, topic, refused, finished, reason) VALUES ($1, $2, $3, $4, $5)
       ON CONFLICT (group_id, topic) DO NOTHING`,
      [this.groupId, topic, refused, finished, reason],
    );
  }

  /**
   * Deletes the record of one opening. A later one stays: another instance has seen what we have not.
   *
   * @param openedAt as `load` told it
   */
  async close(topic: string, openedAt: string): Promise<void> {
    await this.dataSource.query(
      'DELETE FROM dbw.breakers WHERE group_id = $1 AND topic = $2 AND opened_at = $3::timestamptz',
      [this.groupId, topic, openedAt],
    );
  }
}
