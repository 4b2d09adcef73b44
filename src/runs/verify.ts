import type { Logger } from 'pino';
import type { Config } from '../config.js';
import { decode, type Event } from '../event/decode.js';
import type { Message } from '../event/message.js';
import { registry, tables } from '../handlers/index.js';
import { refuseUnreadable } from '../kafka/codecs.js';
import { LogReader } from '../kafka/log-reader.js';
import { compare, type Standing } from '../postgres/effects.js';
import { Session } from '../postgres/session.js';
import type { Advance } from '../progress.js';
import { openServers, type Servers } from '../servers.js';
import { refusedMessage, type RefusedMessage } from './backfill.js';
import { findHistory, withTimes, type Choice, type PlannedRange } from './backfill-plan.js';
import { chunksOf } from './chunks.js';
import { sizeOf, type Lost } from './ranges.js';

/** What was found of the messages of a range. Each that was read is in one of the next six. */
export interface VerifyCounts {
  readonly read: number;
  /** Their effect is there, or was replaced by later events. */
  readonly present: number;
  readonly missing: number;
  readonly parked: number;
  /** They cannot become rows. */
  readonly refused: number;
  /** Under an id that was processed with other content: they have no effect. */
  readonly collisions: number;
  readonly tombstones: number;
  /** Records that retention deleted before they were read. */
  readonly lost: number;
}

/** An event whose effect is missing. No value of it. */
export interface MissingEffect {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly eventType: string;
  readonly what: 'not processed' | 'row missing' | 'created later' | 'older' | 'other value';
  readonly table: string | null;
  readonly column: string | null;
}

/** How many of the rows that the range touches have a counter that is wrong. */
export interface CounterCheck {
  readonly table: string;
  readonly column: string;
  readonly rows: number;
}

export interface Verified {
  readonly counts: VerifyCounts;
  /** The first 500. */
  readonly missing: readonly MissingEffect[];
  readonly refused: readonly RefusedMessage[];
  readonly counters: readonly CounterCheck[];
}

const CHUNK = 1_000;
const MOST_LISTED = 500;

/** Compares a part of history with the database. */
export class Verify {
  private readonly counts: { -readonly [K in keyof VerifyCounts]: number };
  private readonly missing: MissingEffect[] = [];
  private readonly refused: RefusedMessage[] = [];
  private readonly wrong = new Map<string, CounterCheck & { keys: Set<string> }>();

  private constructor(
    private readonly config: Config,
    private readonly servers: Servers,
    readonly plan: readonly PlannedRange[],
    readonly lost: readonly Lost[],
  ) {
    const none = { read: 0, present: 0, missing: 0, parked: 0, refused: 0, collisions: 0, tombstones: 0 };
    this.counts = { ...none, lost: sizeOf(lost) };
  }

  /**
   * Finds out what is to be read.
   *
   * @throws UserError where that cannot be, or a server is away
   */
  static async look(
    config: Config,
    { choice, version }: { choice: Choice; version: string },
    log: Logger,
    signal: AbortSignal,
  ): Promise<Verify> {
    const servers = await openServers(config, version, log, 'look');
    try {
      const { ranges, lost } = await findHistory(servers, choice, config.kafka.topicPrefix);
      await refuseUnreadable(servers.admin, [...new Set(ranges.map(({ topic }) => topic))]);
      await servers.processed.load(servers.dataSource);
      return new Verify(config, servers, await withTimes(servers.kafka, ranges, signal), lost);
    } catch (error) {
      await servers.close();
      throw error;
    }
  }

  get events(): number {
    return sizeOf(this.plan);
  }

  /** Reads the range to its end, or until the signal is aborted. Writes nothing. */
  async run(signal: AbortSignal, onAdvance: (advance: Advance) => void): Promise<Verified> {
    const { counts } = this;
    const onMissing = ({ from, to }: { from: number; to: number }) => (counts.lost += to - from);
    const reader = new LogReader(this.servers.kafka, this.plan, { signal, onMissing });
    const isOver = () => signal.aborted;
    for await (const slices of reader.rounds()) {
      for (const { messages } of chunksOf(slices, () => CHUNK)) {
        if (isOver()) return this.verified;
        await this.check(messages);
        onAdvance({ messages: counts.read, left: this.events - counts.read, outcomes: { missing: counts.missing } });
      }
    }
    return this.verified;
  }

  private get verified(): Verified {
    const counters = [...this.wrong.values()].map(({ table, column, keys }) => ({ table, column, rows: keys.size }));
    return { counts: { ...this.counts }, missing: this.missing, refused: this.refused, counters };
  }

  private async check(messages: readonly Message[]): Promise<void> {
    const { counts, servers } = this;
    counts.read += messages.length;
    const events: Event[] = [];
    for (const message of messages) {
      const decoded = decode(message, registry, this.config.kafka.topicPrefix);
      if (decoded.kind === 'event') {
        events.push(decoded.event);
      } else if (decoded.kind === 'tombstone') {
        counts.tombstones++;
      } else {
        counts.refused++;
        if (this.refused.length < MOST_LISTED) this.refused.push(refusedMessage(message, decoded.refusal));
      }
    }
    if (events.length === 0) return;
    const { standings, counters } = await Session.with(servers.dataSource, (session) =>
      compare(session, tables, servers.processed, events),
    );
    events.forEach((event, i) => {
      const standing = standings[i];
      if (standing) this.account(event, standing);
    });
    for (const { table, column, key } of counters) {
      const name = `${table}.${column}`;
      const found = this.wrong.get(name) ?? { table, column, rows: 0, keys: new Set() };
      found.keys.add(key);
      this.wrong.set(name, found);
    }
  }

  private account(event: Event, standing: Standing): void {
    const { counts } = this;
    if (standing.kind === 'present') counts.present++;
    else if (standing.kind === 'parked') counts.parked++;
    else if (standing.kind === 'collision') counts.collisions++;
    else {
      counts.missing++;
      if (this.missing.length >= MOST_LISTED) return;
      const { topic, partition, offset } = event.message;
      const lack = standing.kind === 'lacking' ? standing.lack : undefined;
      const [table, column] = [lack?.table ?? null, lack?.column ?? null];
      const what = lack?.what ?? 'not processed';
      this.missing.push({ topic, partition, offset, eventType: event.type.type, what, table, column });
    }
  }

  close(): Promise<void> {
    return this.servers.close();
  }
}
