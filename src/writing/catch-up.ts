import type { Admin } from 'kafkajs';
import { decode } from '../event/decode.js';
import type { EventType } from '../event/event.js';
import type { LogEnds } from '../kafka/log-ends.js';
import type { PartitionEnd } from '../kafka/topics.js';
import { isOf, type Log, type Positions } from '../postgres/positions.js';
import type { Table } from '../tables/table.js';
import { partitionName } from '../kafka/topic-partition.js';

/** Event types that can bring a row of each table: those whose example makes one. */
export function makersOf(registry: ReadonlyMap<string, EventType>): ReadonlyMap<Table, readonly string[]> {
  const makers = new Map<Table, string[]>();
  for (const { type, example } of registry.values()) {
    const envelope = { eventId: 'example', eventType: type, timestamp: '2024-01-01T00:00:00Z', data: example };
    const value = Buffer.from(JSON.stringify(envelope));
    const message = { topic: type, partition: 0, offset: 0, key: null, value, headers: [], timestamp: 0 };
    const decoded = decode(message, registry);
    if (decoded.kind !== 'event') continue;
    for (const { verb, table } of decoded.event.changes) {
      if (verb !== 'set') makers.set(table, [...(makers.get(table) ?? []), type]);
    }
  }
  return makers;
}

interface Snapshot {
  /** Milliseconds of the clock of this process. */
  readonly at: number;
  readonly topics: readonly string[];
  readonly log: Log;
  readonly ends: readonly PartitionEnd[];
}

/**
 * Knows up to which moment everything that could bring a row has been read, by any instance of the group: the ends of
 * the topics at that moment, and positions in PostgreSQL that have reached them.
 */
export class CatchUp {
  private readonly pending = new Map<Table, Snapshot>();
  private readonly makers: ReadonlyMap<Table, readonly string[]>;

  constructor(
    private readonly admin: Admin,
    private readonly logEnds: Pick<LogEnds, 'ask'>,
    private readonly positions: Positions,
    registry: ReadonlyMap<string, EventType>,
    private readonly prefix: string,
    private readonly logs: { ask: (topics: readonly string[]) => Promise<Log> },
  ) {
    this.makers = makersOf(registry);
  }

  /**
   * The last moment up to which every topic that brings rows of this table is known to be read; undefined while that is
   * not known. A topic that does not exist brings nothing.
   *
   * @returns milliseconds of this process' clock
   */
  async reached(table: Table): Promise<number | undefined> {
    const present = new Set(await this.admin.listTopics());
    const topics = (this.makers.get(table) ?? [])
      .map((type) => this.prefix + type)
      .filter((topic) => present.has(topic));
    const log = await this.logs.ask(topics);
    let snapshot = this.pending.get(table);
    // The ends of a topic that was made again meanwhile will never be reached.
    const isOld = snapshot?.topics.some((topic) => log.topicIds.get(topic) !== snapshot?.log.topicIds.get(topic));
    if (!snapshot || isOld === true) {
      snapshot = { at: Date.now(), topics, log, ends: await this.logEnds.ask(topics) };
      this.pending.set(table, snapshot);
    }
    const ours = (await this.positions.load()).filter((at) => isOf(at, log));
    const stored = new Map(ours.map((at) => [`${at.topic}:${at.partition}`, at.next]));
    const read = ({ topic, partition, low, high }: PartitionEnd) =>
      low === high || (stored.get(partitionName({ topic, partition })) ?? 0) >= high;
    if (!snapshot.ends.every(read)) return undefined;
    this.pending.delete(table);
    return snapshot.at;
  }
}
