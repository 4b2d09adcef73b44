import type { Admin, Kafka } from 'kafkajs';
import type { DataSource } from 'typeorm';
import type { Config } from '../config.js';
import { reasonOf, UserError } from '../errors.js';
import { connectAdmin, createKafka, refusalOf } from '../kafka/client.js';
import { registerCodecs } from '../kafka/codecs.js';
import { LogIdentities } from '../kafka/identities.js';
import { namesOf } from '../kafka/leaders.js';
import { LogEnds } from '../kafka/log-ends.js';
import { committedOffsets, unstableOf, type LogEnd } from '../kafka/topics.js';
import { connect } from '../postgres/data-source.js';
import { Positions, type Log, type Stored } from '../postgres/positions.js';
import { sourceTopics } from '../servers.js';
import { beginningOf, type Finding } from './beginnings.js';
import { firstTimes } from './first-unread.js';
import { partitionName } from '../kafka/topic-partition.js';

/** How far a group is in one partition. */
export interface PartitionLag {
  readonly topic: string;
  readonly partition: number;
  /** Kafka's committed offset: the next that is to be read; null where the group has none. */
  readonly committed: number | null;
  /** The same as PostgreSQL has it. */
  readonly position: number | null;
  /** The offset of the first record that is still there. */
  readonly start: number;
  /** The offset behind the last record that can be read. */
  readonly end: number;
  /** Records behind that end: a transaction of a producer that is still open keeps them from being read. */
  readonly unstable: number;
  /** Events that are still to be read, from where `dbw consume` would go on. */
  readonly events: number;
  /** For how long the first of them has waited; 0 without lag, null where that is not known. */
  readonly seconds: number | null;
  /** Events that retention deleted before they were read. */
  readonly lost: number;
  /** Why `dbw consume` would not go on at the committed offset. */
  readonly finding: Finding | null;
}

/** Partitions together. */
export interface LagSum {
  readonly partitions: number;
  readonly events: number;
  /** The longest. */
  readonly seconds: number | null;
  readonly unstable: number;
  readonly lost: number;
  /** Partitions of which the group has read nothing yet. */
  readonly uncommitted: number;
}

export interface LagReport {
  /** ISO-8601. */
  readonly at: string;
  readonly group: string;
  readonly total: LagSum;
  /** The largest lag first. */
  readonly topics: readonly (LagSum & { readonly topic: string })[];
  /** The largest lag first. */
  readonly partitions: readonly PartitionLag[];
  readonly missingTopics: readonly string[];
  /** What could not be found out, and why. */
  readonly notes: readonly string[];
}

/** What is known of all partitions of a group. */
export interface KnownOffsets {
  readonly ends: readonly LogEnd[];
  readonly committed: readonly { topic: string; partition: number; offset: number }[];
  /** Undefined where PostgreSQL did not tell. */
  readonly stored: readonly Stored[] | undefined;
  readonly log: Log;
}

type Unread = Omit<PartitionLag, 'seconds'> & { readonly next: number };

/** What is to be read of each partition. */
export function unreadOf({ ends, committed, stored, log }: KnownOffsets): Unread[] {
  const committedAt = new Map(committed.map((at) => [partitionName(at), at.offset]));
  const storedAt = new Map((stored ?? []).map((at) => [partitionName(at), at]));
  return ends.map((end) => {
    const { topic, partition, low, high, last } = end;
    const offset = committedAt.get(partitionName(end));
    const position = storedAt.get(partitionName(end));
    // Without PostgreSQL's word Kafka's is taken for both.
    const assumed = stored === undefined && offset !== undefined ? { topic, partition, next: offset } : undefined;
    const known = assumed ? { ...assumed, clusterId: undefined, topicId: undefined } : position;
    const begin = beginningOf({ end, committed: offset, stored: known }, log);
    const next = 'from' in begin ? begin.to : begin.next;
    return {
      topic,
      partition,
      committed: offset ?? null,
      position: position?.next ?? null,
      start: low,
      end: high,
      unstable: unstableOf({ high, last }),
      events: Math.max(0, high - next),
      lost: 'from' in begin ? begin.to - begin.from : 0,
      finding: ('finding' in begin ? begin.finding : undefined) ?? null,
      next,
    };
  });
}

function sumOf(partitions: readonly PartitionLag[]): LagSum {
  const sum = (of: (partition: PartitionLag) => number) => partitions.reduce((all, one) => all + of(one), 0);
  const behind = partitions.filter(({ events }) => events > 0);
  const known = behind.flatMap(({ seconds }) => (seconds === null ? [] : [seconds]));
  return {
    partitions: partitions.length,
    events: sum(({ events }) => events),
    seconds: behind.length > 0 && known.length === 0 ? null : Math.max(0, ...known),
    unstable: sum(({ unstable }) => unstable),
    lost: sum(({ lost }) => lost),
    uncommitted: sum(({ committed, position, end }) => (committed === null && position === null && end > 0 ? 1 : 0)),
  };
}

/** Asks how far a group is; its own offsets and members are left alone. Connections are kept between questions. */
export class GroupLag {
  private dataSource: DataSource | undefined;
  private readonly logs: LogIdentities;
  private readonly ends: LogEnds;

  private constructor(
    private readonly config: Config,
    private readonly topics: readonly string[],
    private readonly kafka: Kafka,
    private readonly admin: Admin,
  ) {
    this.logs = new LogIdentities(kafka);
    this.ends = new LogEnds(kafka);
  }

  /**
   * @param types event types; undefined for all of the registry
   * @throws AwayError where Kafka does not answer, UserError where it refuses us or a type is unknown
   */
  static async open(config: Config, types: readonly string[] | undefined): Promise<GroupLag> {
    const topics = sourceTopics(config.kafka.topicPrefix, types);
    const kafka = createKafka(config.kafka);
    const admin = await connectAdmin(kafka, config.kafka);
    await registerCodecs();
    return new GroupLag(config, topics, kafka, admin);
  }

  /** @throws AwayError where Kafka does not answer any more, UserError where it refuses us */
  async ask(signal: AbortSignal): Promise<LagReport> {
    try {
      return await this.report(signal);
    } catch (error) {
      throw error instanceof UserError || error instanceof TypeError
        ? error
        : refusalOf(error, this.config.kafka.brokers);
    }
  }

  private async report(signal: AbortSignal): Promise<LagReport> {
    const notes: string[] = [];
    const noted = <T>(what: string, work: Promise<T>): Promise<T | undefined> =>
      work.catch((error: unknown) => {
        notes.push(`${what}: ${reasonOf(error)}`);
        return undefined;
      });
    const { groupId } = this.config.kafka;
    const existing = new Set(await this.admin.listTopics());
    const topics = this.topics.filter((topic) => existing.has(topic));
    // In this order: positions are stored before offsets are committed, and neither goes beyond an end.
    const committed = topics.length > 0 ? await committedOffsets(this.admin, groupId, topics) : [];
    const stored = await noted('the positions in PostgreSQL are not known', this.positions());
    const { clusterId, topicIds } = await this.logs.ask(topics);
    const { ends, unled } = await this.ends.askLed(topics);
    if (unled.length > 0) notes.push(`no broker leads ${namesOf(unled)}: what is to be read there is not known`);
    const unread = unreadOf({ ends, committed, stored, log: { clusterId, topicIds } });
    const ranges = unread
      .filter(({ events }) => events > 0)
      .map(({ topic, partition, next, end }) => ({ topic, partition, from: next, to: end }));
    const times = await noted('for how long events have waited is not known', firstTimes(this.kafka, ranges, signal));
    const now = Date.now();
    const partitions = unread
      .map(({ next: _, ...of }): PartitionLag => {
        const time = times?.get(partitionName(of));
        // Begun seconds count: 0 would say that nothing waits.
        const waited = time === undefined ? null : Math.max(1, Math.ceil((now - time) / 1000));
        return { ...of, seconds: of.events === 0 ? 0 : waited };
      })
      .sort(
        (a, b) =>
          b.events - a.events ||
          b.lost - a.lost ||
          (a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : a.partition - b.partition),
      );
    const byTopic = [...new Set(partitions.map(({ topic }) => topic))]
      .map((topic) => ({ topic, ...sumOf(partitions.filter((one) => one.topic === topic)) }))
      .sort((a, b) => b.events - a.events || b.lost - a.lost || (a.topic < b.topic ? -1 : 1));
    return {
      at: new Date(now).toISOString(),
      group: groupId,
      total: sumOf(partitions),
      topics: byTopic,
      partitions,
      missingTopics: this.topics.filter((topic) => !existing.has(topic)),
      notes,
    };
  }

  private async positions(): Promise<Stored[]> {
    this.dataSource ??= await connect({ ...this.config.database, poolSize: 1 }, this.config.kafka.clientId);
    try {
      return await new Positions(this.dataSource, this.config.kafka.groupId).load();
    } catch (error) {
      const { dataSource } = this;
      this.dataSource = undefined;
      await dataSource.destroy().catch(() => undefined);
      throw error;
    }
  }

  async close(): Promise<void> {
    await Promise.allSettled([
      this.dataSource?.destroy(),
      this.admin.disconnect(),
      this.logs.close(),
      this.ends.close(),
    ]);
  }
}
