import type { DataSource } from 'typeorm';
import type { Position } from '../reading/offsets.js';
import { askIdentity, identityOf, type Identity } from './identity.js';
import { Session } from './session.js';
import type { TopicPartition } from '../kafka/topic-partition.js';

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

/** The database is not the one in which reading began: a server was restarted, restored or replaced. */
export class MovedError extends Error {
  override readonly name = 'MovedError';

  constructor() {
    super('PostgreSQL was started anew or is another one: what is finished says nothing about its rows');
  }
}

/** How far the partitions of a group are in PostgreSQL; see the migration. */
export class Positions {
  /** The database in which reading began: only there does what is finished since then stand for rows. */
  private begunIn: Identity | undefined;

  constructor(
    private readonly dataSource: DataSource,
    private readonly groupId: string,
  ) {}

  /**
   * Stores positions; done before the same offsets are committed to Kafka, which must never be ahead of these.
   *
   * @throws MovedError where the database is another one than that in which reading began
   */
  async store(positions: readonly Position[], log: Log): Promise<void> {
    if (positions.length === 0) return;
    await Session.with(this.dataSource, async (session) => {
      await this.requireSame(session);
      await session.query(STORE, [
        this.groupId,
        log.clusterId,
        positions.map(({ topic }) => topic),
        positions.map(({ partition }) => partition),
        positions.map(({ next }) => next),
        positions.map(({ topic }) => log.topicIds.get(topic) ?? null),
      ]);
    });
  }

  private async requireSame(session: Session): Promise<void> {
    if (this.begunIn !== undefined && (await identityOf(session)) !== this.begunIn) throw new MovedError();
  }

  /** Whether the database has become another one since reading began. Asks the server. */
  async haveMoved(session: Session): Promise<boolean> {
    return (await askIdentity(session)) !== (this.begunIn ?? (await identityOf(session)));
  }

  /** Forgets a position that stands for records which Kafka has lost: what comes now in their place is to be read. */
  async forget({ topic, partition }: TopicPartition): Promise<void> {
    const which = 'group_id = $1 AND topic = $2 AND partition = $3';
    await this.dataSource.query(`DELETE FROM dbw.positions WHERE ${which}`, [this.groupId, topic, partition]);
  }

  /** All positions of the group, by whomever they were stored. */
  async load(): Promise<Stored[]> {
    return Session.with(this.dataSource, (session) => this.read(session));
  }

  /** The same for a process that begins to read: from now on it stores in this very database only. */
  async begin(): Promise<Stored[]> {
    return Session.with(this.dataSource, async (session) => {
      const identity = await askIdentity(session);
      const stored = await this.read(session);
      this.begunIn = identity;
      return stored;
    });
  }

  /**
   * The same for a process that reads already.
   *
   * @throws MovedError where the database is another one than that in which reading began
   */
  async loadSame(): Promise<Stored[]> {
    return Session.with(this.dataSource, async (session) => {
      await this.requireSame(session);
      return this.read(session);
    });
  }

  private async read(session: Session): Promise<Stored[]> {
    const text = 'SELECT topic, partition, next_offset, cluster_id, topic_id FROM dbw.positions WHERE group_id = $1';
    const { rows } = await session.query(text, [this.groupId]);
    const textOf = (value: unknown) => (typeof value === 'string' ? value : undefined);
    return rows.map(([topic, partition, next, clusterId, topicId]) => ({
      topic: String(topic),
      partition: Number(partition),
      next: Number(next),
      clusterId: textOf(clusterId),
      topicId: textOf(topicId),
    }));
  }
}
