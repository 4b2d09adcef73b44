import { randomUUID } from 'node:crypto';
import type { DataSource } from 'typeorm';
import type { Position } from '../reading/offsets.js';
import type { Place, Range, SuspectRange } from '../writing/suspects.js';
import { KeptConnection } from './kept-connection.js';
import { Session, type Result } from './session.js';
import { statement, type Statement } from './statements.js';
import type { TopicPartition } from '../kafka/topic-partition.js';

/** In the place of a writer's number: the one message that is written while nothing else is in hand. */
const ALONE = -1;

const LOCK_KEY = `hashtextextended('dbw.in_hand:' || $1::text, 0)`;

/**
 * Shared, although only we ask for it: where a connection was cut without the server's knowledge, its end there holds the
 * lock on, maybe for minutes, and the new one must not wait for that. Who wants to know whether we live asks for the
 * exclusive one.
 */
const LOCK = `SELECT pg_advisory_lock_shared(${LOCK_KEY})`;

/** The server's memory is enough: this has to survive our death, not the server's, and is written before every batch. */
const FAST = 'SET synchronous_commit = off';

const RECORD = `INSERT INTO dbw.in_hand (group_id, instance, writer, ranges) VALUES ($1, $2, $3, $4)
  ON CONFLICT (instance, writer) DO UPDATE SET ranges = excluded.ranges, taken_at = excluded.taken_at`;

/** The dead of a group: their locks can be taken. They stay ours until the transaction ends. */
const DEAD = `SELECT instance FROM (SELECT DISTINCT instance FROM dbw.in_hand WHERE group_id = $1 AND instance <> $2) AS x
  WHERE pg_try_advisory_xact_lock(hashtextextended('dbw.in_hand:' || instance::text, 0))`;

/**
 * What the dead had in hand becomes suspect. Who died with one message alone says nothing about its other writers, which
 * only waited. That death counts, unless the server itself was started since: then the process may as well have been
 * ended while it waited for the server, and an innocent message must never be given up.
 */
const SUSPECT = `WITH dead AS (
    DELETE FROM dbw.in_hand WHERE instance = ANY($2::uuid[]) RETURNING instance, writer, ranges, taken_at
  ), alone AS (SELECT instance FROM dead WHERE writer = ${ALONE}),
  found AS (
    SELECT range ->> 0 AS topic, (range ->> 1)::integer AS partition, (range ->> 2)::bigint AS first_offset,
      (range ->> 3)::bigint AS next_offset, (writer = ${ALONE} AND taken_at > pg_postmaster_start_time())::integer AS death
    FROM dead CROSS JOIN jsonb_array_elements(ranges) AS range
    WHERE writer = ${ALONE} OR instance NOT IN (SELECT instance FROM alone)
  )
  INSERT INTO dbw.suspects (group_id, topic, partition, first_offset, next_offset, attempts)
  SELECT $1, topic, partition, first_offset, next_offset, sum(death) FROM found GROUP BY 2, 3, 4, 5 ORDER BY 2, 3, 4, 5
  ON CONFLICT (group_id, topic, partition, first_offset, next_offset)
  DO UPDATE SET attempts = suspects.attempts + excluded.attempts`;

const LOAD = `SELECT topic, partition, first_offset::float8, next_offset::float8, attempts FROM dbw.suspects
  WHERE group_id = $1 AND (topic, partition) IN (SELECT * FROM unnest($2::text[], $3::integer[]))`;

const ACQUIT = `WITH done AS (DELETE FROM dbw.in_hand WHERE instance = $2 AND writer = ${ALONE})
  DELETE FROM dbw.suspects
  WHERE group_id = $1 AND topic = $3 AND partition = $4 AND first_offset = $5 AND next_offset = $5 + 1`;

const PASS = `DELETE FROM dbw.suspects s USING unnest($2::text[], $3::integer[], $4::bigint[]) AS x (topic, partition, next_offset)
  WHERE s.group_id = $1 AND s.topic = x.topic AND s.partition = x.partition AND s.next_offset <= x.next_offset`;

/** As the table holds them. */
function jsonOf(ranges: readonly Range[]): string {
  return JSON.stringify(ranges.map(({ topic, partition, first, next }) => [topic, partition, first, next]));
}

function partitionsOf(places: readonly TopicPartition[]): unknown[] {
  return [places.map(({ topic }) => topic), places.map(({ partition }) => partition)];
}

/**
 * What this process has in hand, in `dbw.in_hand`, and what the dead of its group had, in `dbw.suspects`. Nothing here
 * tries twice; every call after a failed one begins on a new connection.
 */
export class InHand {
  /** This process, as long as it lives. */
  readonly instance = randomUUID();
  private kept: Promise<KeptConnection> | undefined;
  /** What the table should hold, for a new connection to write again. */
  private readonly rows = new Map<number, readonly Range[]>();

  constructor(
    private readonly dataSource: DataSource,
    private readonly groupId: string,
  ) {}

  /** A connection with our lock, and with our rows in the table: while there was none, others may have taken us for dead. */
  private async open(): Promise<KeptConnection> {
    const kept = await KeptConnection.open(this.dataSource);
    try {
      await kept.run(statement(FAST, []));
      await kept.run(statement(LOCK, [this.instance]));
      for (const [writer, ranges] of this.rows) await kept.run(this.recorded(writer, ranges));
      return kept;
    } catch (error) {
      kept.end();
      throw error;
    }
  }

  private async run(wanted: Statement): Promise<Result> {
    const opened = (this.kept ??= this.open());
    try {
      return await (await opened).run(wanted);
    } catch (error) {
      if (this.kept === opened) this.kept = undefined;
      void opened.then(
        (kept) => {
          kept.end();
        },
        () => undefined,
      );
      throw error;
    }
  }

  private recorded(writer: number, ranges: readonly Range[]): Statement {
    return statement(RECORD, [this.groupId, this.instance, writer, jsonOf(ranges)]);
  }

  /** Records what a writer has in hand from now on, in place of what it had. */
  async take(writer: number, ranges: readonly Range[]): Promise<void> {
    this.rows.set(writer, ranges);
    await this.run(this.recorded(writer, ranges));
  }

  /** Records that one message is in hand, and that nothing else is being written. */
  async takeAlone({ topic, partition, offset }: Place): Promise<void> {
    await this.take(ALONE, [{ topic, partition, first: offset, next: offset + 1 }]);
  }

  /** The message that was taken alone did no harm: no deaths are counted against it any more. */
  async acquit({ topic, partition, offset }: Place): Promise<void> {
    this.rows.delete(ALONE);
    await this.run(statement(ACQUIT, [this.groupId, this.instance, topic, partition, offset]));
  }

  /**
   * Makes suspect what the dead of the group had in hand, and loads what is suspect in some partitions.
   *
   * @returns the suspects, and how many processes were found dead
   */
  async find(partitions: readonly TopicPartition[]): Promise<{ suspects: SuspectRange[]; dead: number }> {
    return Session.with(this.dataSource, (session) =>
      session.transaction(async () => {
        // One at a time: who came second must see what the first found.
        await session.query(`SELECT pg_advisory_xact_lock(hashtextextended('dbw.suspects:' || $1, 0))`, [this.groupId]);
        const { rows: dead } = await session.query(DEAD, [this.groupId, this.instance]);
        if (dead.length > 0) await session.query(SUSPECT, [this.groupId, dead.map(([instance]) => instance)]);
        const { rows } = await session.query(LOAD, [this.groupId, ...partitionsOf(partitions)]);
        const suspects = rows.map(([topic, partition, first, next, deaths]) => ({
          topic: String(topic),
          partition: Number(partition),
          first: Number(first),
          next: Number(next),
          deaths: Number(deaths),
        }));
        return { suspects, dead: dead.length };
      }),
    );
  }

  /** Deletes the suspects that end before these positions. */
  async pass(positions: readonly Position[]): Promise<void> {
    const values = [this.groupId, ...partitionsOf(positions), positions.map(({ next }) => next)];
    await this.run(statement(PASS, values));
  }

  /** Deletes what this process has in hand, which so does not die unclean, and ends its connection. */
  async close(): Promise<void> {
    if (this.rows.size > 0) {
      this.rows.clear();
      await this.run(statement('DELETE FROM dbw.in_hand WHERE instance = $1', [this.instance]));
    }
    this.end();
  }

  /** Ends the connection as it is. */
  end(): void {
    void this.kept?.then(
      (kept) => {
        kept.end();
      },
      () => undefined,
    );
    this.kept = undefined;
  }
}
