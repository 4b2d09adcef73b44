import type { DataSource } from 'typeorm';
import type { Position } from '../offsets.js';

/** How far the partitions of a group are in PostgreSQL; see the migration. */
export class Positions {
  constructor(
    private readonly dataSource: DataSource,
    private readonly groupId: string,
  ) {}

  /** Stores positions; done before the same offsets are committed to Kafka, which must never be ahead of these. */
  async store(positions: readonly Position[]): Promise<void> {
    if (positions.length === 0) return;
    await this.dataSource.query(
      `INSERT INTO dbw.positions (group_id, topic, partition, next_offset)
       SELECT $1, * FROM unnest($2::text[], $3::integer[], $4::bigint[]) AS x (topic, partition, next_offset) ORDER BY 2, 3
       ON CONFLICT (group_id, topic, partition) DO UPDATE SET next_offset = excluded.next_offset, updated_at = clock_timestamp()`,
      [
        this.groupId,
        positions.map(({ topic }) => topic),
        positions.map(({ partition }) => partition),
        positions.map(({ next }) => next),
      ],
    );
  }

  async load(): Promise<Position[]> {
    const rows: { topic: string; partition: number; next_offset: string }[] = await this.dataSource.query(
      'SELECT topic, partition, next_offset FROM dbw.positions WHERE group_id = $1',
      [this.groupId],
    );
    return rows.map(({ topic, partition, next_offset }) => ({ topic, partition, next: Number(next_offset) }));
  }
}
