import type { DataSource } from 'typeorm';

/** Which parked events are meant. */
export interface ParkedFilter {
  /** The table of the row that they wait for. */
  readonly table?: string | undefined;
  readonly eventType?: string | undefined;
}

/** What waits for rows of one table. */
export interface ParkedGroup {
  readonly table: string;
  readonly events: number;
  /** Rows that are waited for. */
  readonly rows: number;
  /** Events that are dead letters too; they are applied all the same should the row come. */
  readonly dead: number;
  /** ISO-8601: since when the oldest waits. */
  readonly oldest: string;
}

/** One event that waits. */
export interface ParkedRow {
  readonly eventId: string;
  readonly eventType: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** The row that it waits for; the key is a value of the event. */
  readonly table: string;
  readonly key: string;
  /** ISO-8601. */
  readonly since: string;
  readonly attempts: number;
  /** ISO-8601: when its letter was written; null while it only waits. */
  readonly deadSince: string | null;
}

const WHERE = '($1::text IS NULL OR wait_table = $1) AND ($2::text IS NULL OR event_type = $2)';

function parametersOf({ table, eventType }: ParkedFilter): (string | null)[] {
  return [table ?? null, eventType ?? null];
}

/** What waits for what, by table, most events first. */
export async function parkedGroups(dataSource: DataSource, filter: ParkedFilter): Promise<ParkedGroup[]> {
  const rows: { table: string; events: number; rows: number; dead: number; oldest: Date }[] = await dataSource.query(
    `SELECT wait_table AS table, count(*)::float8 AS events, count(DISTINCT wait_key)::float8 AS rows,
      count(dead_at)::float8 AS dead, min(parked_at) AS oldest
     FROM dbw.parked_events WHERE ${WHERE} GROUP BY wait_table ORDER BY events DESC, wait_table`,
    parametersOf(filter),
  );
  return rows.map((row) => ({ ...row, oldest: row.oldest.toISOString() }));
}

/** The events that have waited the longest. */
export async function parkedRows(dataSource: DataSource, filter: ParkedFilter, limit: number): Promise<ParkedRow[]> {
  const rows: (Omit<ParkedRow, 'since' | 'deadSince'> & { since: Date; deadSince: Date | null })[] =
    await dataSource.query(
      `SELECT event_id AS "eventId", event_type AS "eventType", topic, partition, "offset"::float8 AS "offset",
        wait_table AS table, wait_key AS key, parked_at AS since, attempts, dead_at AS "deadSince"
       FROM dbw.parked_events WHERE ${WHERE} ORDER BY parked_at, topic, partition, "offset" LIMIT $3`,
      [...parametersOf(filter), limit],
    );
  return rows.map((row) => ({
    ...row,
    since: row.since.toISOString(),
    deadSince: row.deadSince?.toISOString() ?? null,
  }));
}
