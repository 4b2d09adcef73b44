import { isDeepStrictEqual } from 'node:util';
import { expect } from 'chai';
import type { DataSource } from 'typeorm';
import { registry } from '../../src/handlers/index.js';
import { LogEnds } from '../../src/kafka/log-ends.js';
import { committedOffsets } from '../../src/kafka/topics.js';
import { startDbw, type Ended, type Running } from './cli.js';
import { freshDatabase } from './database.js';
import type { Message } from './generator/index.js';
import { expectedTables, type Envelope } from './model.js';
import { readRows } from './rows.js';
import { createTopics, header, readTopic, send, testKafka, withAdmin } from './topics.js';
import { unique } from './unique.js';

/** The events of these messages that must leave rows, or wait for one. */
export function valid(messages: readonly Message[]): Envelope[] {
  return messages.flatMap(({ event, expect: fate }) => (event && ['apply', 'wait'].includes(fate) ? [event] : []));
}

/** Where each letter's message came from: a letter's identity. */
export function idsOf(records: readonly Parameters<typeof header>[0][]): string[] {
  return records.map((record) =>
    ['topic', 'partition', 'offset'].map((part) => header(record, `__connect.errors.${part}`)).join(':'),
  );
}

function asText(value: Buffer | null): string {
  return value?.toString('base64') ?? '';
}

/** A partition, and the offset that comes next. */
interface At {
  readonly topic: string;
  readonly partition: number;
  readonly next: number;
}

/** Those that are not at their beginning, as sorted lines. */
function lines(all: readonly At[]): string[] {
  return all.flatMap(({ topic, partition, next }) => (next > 0 ? [`${topic}:${partition} ${next}`] : [])).sort();
}

/** A database, topics and a group of its own. */
export class Place {
  private constructor(
    readonly dataSource: DataSource,
    readonly prefix: string,
    readonly env: Readonly<Record<string, string>>,
    private readonly topics: readonly string[],
  ) {}

  static async make(
    types: readonly string[] = [...registry.keys()],
    migrated: () => Promise<DataSource> = freshDatabase,
    settings: Readonly<Record<string, string>> = {},
  ): Promise<Place> {
    const dataSource = await migrated();
    const prefix = `${unique('t')}.`;
    const topics = types.map((type) => prefix + type);
    await createTopics(topics, undefined, settings);
    const { database } = dataSource.options;
    const env = {
      DB_DATABASE: String(database),
      KAFKA_TOPIC_PREFIX: prefix,
      KAFKA_GROUP_ID: unique('group'),
      LOG_LEVEL: 'info',
    };
    return new Place(dataSource, prefix, env, topics);
  }

  get deadLetterTopic(): string {
    return `${this.prefix}db-writer.dlq`;
  }

  get groupId(): string {
    return this.env.KAFKA_GROUP_ID ?? '';
  }

  send(messages: readonly Message[]): Promise<void> {
    return send(messages, this.prefix);
  }

  consume(args: readonly string[] = [], env: Readonly<Record<string, string>> = {}): Running {
    return startDbw(['consume', ...args], { ...this.env, ...env });
  }

  async catchUp(env: Readonly<Record<string, string>> = {}): Promise<Ended> {
    const ended = await this.consume(['--until-caught-up', '--json'], env).ended;
    expect(ended.status, ended.stderr).to.equal(0);
    return ended;
  }

  /** Rows, what is parked, and what was processed: all that a redelivery must not change. */
  async state(): Promise<unknown> {
    const [parked, processed] = await Promise.all([
      this.dataSource.query<unknown>(`SELECT event_id FROM dbw.parked_events ORDER BY topic, partition, "offset"`),
      this.dataSource.query<unknown>(`SELECT count(*) FROM dbw.processed_events`),
    ]);
    return { rows: await readRows(this.dataSource), parked, processed };
  }

  /** How many events have been processed. */
  async processed(): Promise<number> {
    const sql = 'SELECT count(*)::integer AS count FROM dbw.processed_events';
    const [row] = await this.dataSource.query<{ count: number }[]>(sql);
    return row?.count ?? 0;
  }

  /** How many offsets are behind the stored positions, over all partitions. */
  async passed(): Promise<number> {
    const sql = 'SELECT coalesce(sum(next_offset), 0)::integer AS sum FROM dbw.positions';
    const [row] = await this.dataSource.query<{ sum: number }[]>(sql);
    return row?.sum ?? 0;
  }

  /**
   * Everything is where it belongs: rows and parked events as the model has them, each refused message in the dead-letter
   * topic at least once and no other, positions and committed offsets at the ends.
   */
  async expectAll(messages: readonly Message[]): Promise<void> {
    const { tables: model, waiting } = expectedTables(valid(messages));
    expect(await readRows(this.dataSource)).to.deep.equal(model);
    const parked: { event_id: string }[] = await this.dataSource.query('SELECT event_id FROM dbw.parked_events');
    const waitingIds = new Set(waiting.map(({ eventId }) => eventId));
    expect(new Set(parked.map(({ event_id }) => event_id))).to.deep.equal(waitingIds);

    const letters = await readTopic(this.deadLetterTopic);
    const byId = new Map(idsOf(letters).map((id, i) => [id, asText(letters[i]?.value ?? null)]));
    const refused = messages.filter(({ expect: fate }) => fate === 'refuse').map(({ value }) => asText(value));
    expect([...byId.values()].sort()).to.deep.equal(refused.sort());

    const { ends, stored, committed } = await this.progress();
    expect(stored, 'positions').to.deep.equal(ends);
    expect(committed, 'committed offsets').to.deep.equal(ends);
  }

  /** Where each filled partition ends, and how far PostgreSQL and Kafka say that the group is, as sorted lines. */
  async progress(): Promise<{ ends: string[]; stored: string[]; committed: string[] }> {
    const [ends, stored, committed] = [await this.filled(), await this.stored(), await this.committed()];
    return { ends: lines(ends), stored: lines(stored), committed: lines(committed) };
  }

  private async filled(): Promise<readonly At[]> {
    const ends = await LogEnds.with(testKafka(), (logEnds) => logEnds.ask(this.topics));
    return ends.map(({ topic, partition, high }) => ({ topic, partition, next: high }));
  }

  private stored(): Promise<readonly At[]> {
    return this.dataSource.query<At[]>(
      'SELECT topic, partition, next_offset::integer AS next FROM dbw.positions WHERE group_id = $1',
      [this.groupId],
    );
  }

  private async committed(): Promise<readonly At[]> {
    const commits = await withAdmin((admin) => committedOffsets(admin, this.groupId, this.topics));
    return commits.map(({ topic, partition, offset }) => ({ topic, partition, next: offset }));
  }

  /** Whether the group has committed everything to Kafka. */
  async isCommitted(): Promise<boolean> {
    const filled = await this.filled();
    return isDeepStrictEqual(lines(await this.committed()), lines(filled));
  }
}
