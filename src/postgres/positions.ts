import type { DataSource } from 'typeorm';
import type { Position } from '../offsets.js';

/** Which log a position speaks of: of topics made again, and of other clusters, the names are the same. */
export interface Log {
  readonly clusterId: string;
  /** Of each topic that is there, as lower-case UUIDs. */
  readonly topicIds: ReadonlyMap<string, string>;
}

/** A position as it was stored. */
export interface Stored extends Position {
  readonly clusterId: string | undefined;
  readonly topicId: string | undefined;
}

// Within one log a position never goes back: a process that slept through a rebalance may come with an old one.
const STORE = `INSERT INTO dbw.positions AS p (group_id, cluster_id, topic, partition, next_offset, topic_id)
  SELECT $1, $2, * FROM unnest($3::text[], $4::integer[], $5::bigint[], $6::uuid[]) AS x (topic, partition, next_offset, topic_id)
  ORDER BY topic, partition
  ON CONFLICT (group_id, topic, partition) DO UPDATE SET cluster_id = excluded.cluster_id, topic_id = excluded.topic_id,
    updated_at = clock_timestamp(), next_offset = CASE WHEN p.topic_id = excluded.topic_id AND p.cluster_id = excluded.cluster_id
      THEN greatest(p.next_offset, excluded.next_offset) ELSE excluded.next_offset END`;

/** Whether a position speaks of the log that is there now. */
export function isOf(stored: Stored, log: Log): boolean {
  return stored.clusterId === log.clusterId && stored.topicId === log.topicIds.get(stored.topic);
}

/** How far the partitions of a group are in PostgreSQL; see the migration. */
export class Positions {
  constructor(
    private readonly dataSource: DataSource,
    private readonly groupId: string,
  ) {}

  /** Stores positions; done before the same offsets are committed to Kafka, which must never be ahead of these. */
  async store(positions: readonly Position[], log: Log): Promise<void> {
    if (positions.length === 0) return;
    await this.dataSource.query(STORE, [
      this.groupId,
      log.clusterId,
      positions.map(({ topic }) => topic),
      positions.map(({ partition }) => partition),
      positions.map(({ next }) => next),
      positions.map(({ topic }) => log.topicIds.get(topic) ?? null),
    ]);
  }

  /** Forgets a position that stands for records which Kafka has lost: what comes now in their place is to be read. */
  async forget({ topic, partition }: { topic: string; partition: number }): Promise<void> {
    const which = 'group_id = $1 AND topic = $2 AND partition = $3';
    await this.dataSource.query(`DELETE FROM dbw.positions WHERE ${which}`, [this.groupId, topic, partition]);
  }

  async load(): Promise<Stored[]> {
    const rows: {
      topic: string;
      partition: number;
      next_offset: string;
      cluster_id: string | null;
      topic_id: string | null;
    }[] = await this.dataSource.query(
      'SELECT topic, partition, next_offset, cluster_id, topic_id FROM dbw.positions WHERE group_id = $1',
      [this.groupId],
    );
    return rows.map(({ topic, partition, next_offset, cluster_id, topic_id }) => ({
      topic,
      partition,
      next: Number(next_offset),
      clusterId: cluster_id ?? undefined,
      topicId: topic_id ?? undefined,
    }));
  }
}
