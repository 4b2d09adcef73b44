import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { backoff } from './backoff.js';
import { beginnings, FINDINGS, type Beginning, type Gap } from './beginnings.js';
import { reasonOf } from './errors.js';
import { within } from './deadline.js';
import { Gaps } from './gaps.js';
import { Holds, type Hold, type Scope } from './holds.js';
import type { Intake, Queued } from './intake.js';
import { Source, type Assigned, type Jump } from './kafka/source.js';
import { partitionEnds } from './kafka/topics.js';
import type { Lag } from './lag.js';
import type { Offsets, Position } from './offsets.js';
import type { Log, Positions } from './postgres/positions.js';
import type { Reach } from './reach.js';
import type { Servers } from './servers.js';

interface Parts {
  readonly servers: Pick<Servers, 'kafka' | 'admin' | 'logs'>;
  readonly groupId: string;
  readonly intake: Intake;
  readonly offsets: Offsets;
  readonly lag: Lag;
  readonly positions: Positions;
  readonly kafka: Reach;
  readonly log: Logger;
  /** Gaps that the operator knows of: where reading may go on. */
  readonly acceptGaps: readonly Position[];
  /** Whether messages of a topic are kept from the writers; they are handed to `onHeld` instead. */
  readonly isOpen: (topic: string) => boolean;
  readonly onHeld: (read: readonly Queued[], end: Position) => void;
  /** Partitions were given, and where each begins is known. */
  readonly onBegun: (assigned: readonly Assigned[], starts: readonly Beginning[]) => Promise<void>;
  /** Partitions begin elsewhere than it was thought. */
  readonly onRecovered: (starts: readonly Beginning[]) => Promise<void>;
  readonly onRebalancing: () => void;
  readonly onCrash: (error: Error) => void;
  readonly delayMs: number;
  /** Aborted when the process is to end. */
  readonly signal: AbortSignal;
}

/** Leaving the group may take so long before it is left to the session's end. */
const CLOSE_MS = 5_000;

function nameOf({ topic, partition }: Assigned): string {
  return `${topic}:${partition}`;
}

/** The way in: what is read of the partitions of this process, where it begins, and what is missing. */
export class Reading {
  private source: Source | undefined;
  private readonly holds = new Holds();
  private logs: Log = { clusterId: '', topicIds: new Map() };
  private readonly waiting: Gaps;
  /** Partitions that are held until it is known where to go on. */
  private readonly lost = new Map<string, Assigned>();
  topics: readonly string[] = [];

  constructor(private readonly parts: Parts) {
    this.waiting = new Gaps(parts.acceptGaps, parts.log);
  }

  /** Joins the group and reads these topics. */
  async open(topics: readonly string[]): Promise<void> {
    const { servers, groupId, kafka, log } = this.parts;
    this.topics = topics;
    this.source = await Source.open(servers.kafka, groupId, topics, this.holds, {
      onRead: (read, end) => {
        this.onRead(read, end);
      },
      onAssigned: (assigned) => this.assigned(assigned),
      onJump: (jump) => {
        this.jumped(jump);
      },
      onRebalancing: () => {
        log.info('the group shares its partitions anew');
        this.parts.onRebalancing();
      },
      onAnswer: () => kafka.heard(),
      onTrouble: (error) => {
        if (kafka.failed(reasonOf(error))) log.warn(`Kafka is away: ${reasonOf(error)}; tried again until it answers`);
      },
      onCrash: this.parts.onCrash,
    });
  }

  /** Goes on with these topics instead: kafkajs cannot take a topic back, so the group is left and joined anew. */
  async reopen(topics: readonly string[]): Promise<void> {
    const { source } = this;
    this.source = undefined;
    if (source) await within(CLOSE_MS, source.close()).catch(() => undefined);
    await this.open(topics);
  }

  private hold(why: Hold, scope: Scope = {}): void {
    if (this.holds.add(why, scope)) this.source?.apply();
  }

  private release(why: Hold, scope: Scope = {}): void {
    if (this.holds.remove(why, scope)) this.source?.apply();
  }

  private onRead(read: readonly Queued[], end: Position): void {
    const { lag, intake } = this.parts;
    lag.sawEnd([end]);
    if (this.parts.isOpen(end.topic)) {
      this.parts.onHeld(read, end);
      return;
    }
    intake.push(read);
    if (intake.isFull) this.hold('queue');
  }

  /** The writers have room again. */
  onRoom(): void {
    this.release('queue');
  }

  /** Which log the partitions belong to, as it was asked last. */
  get currentLog(): Log {
    return this.logs;
  }

  /** Partitions were given: what is in hand of others no longer counts. */
  private async assigned(assigned: readonly Assigned[]): Promise<readonly Position[]> {
    const { intake, offsets, lag, log } = this.parts;
    log.info({ partitions: assigned.length }, 'partitions assigned');
    intake.clear();
    offsets.reset();
    lag.reset();
    this.waiting.clear();
    this.lost.clear();
    if (this.holds.removeAll('gap')) this.source?.apply();
    const starts = await this.find(assigned);
    try {
      await this.parts.onBegun(assigned, starts);
    } catch (error) {
      log.debug(`the process ends before it begins: ${reasonOf(error)}`);
    }
    return starts;
  }

  /** Finds out where to begin; tries until it knows or the process is to end. */
  private async find(partitions: readonly Assigned[]): Promise<readonly Beginning[]> {
    const { log, delayMs, signal, kafka } = this.parts;
    for (let attempt = 1; !signal.aborted; attempt++) {
      try {
        return await this.ask(partitions);
      } catch (error) {
        kafka.failed(reasonOf(error));
        log.warn({ attempt }, `cannot find out where to begin yet: ${reasonOf(error)}`);
        await delay(backoff(delayMs, attempt), undefined, { signal }).catch(() => undefined);
      }
    }
    return [];
  }

  private async ask(partitions: readonly Assigned[]): Promise<readonly Beginning[]> {
    const { servers, positions, groupId, offsets, lag } = this.parts;
    this.logs = await servers.logs.ask([...new Set([...this.topics, ...partitions.map(({ topic }) => topic)])]);
    // A topic that was deleted meanwhile has no beginning; the watch leaves it out.
    const present = partitions.filter(({ topic }) => this.logs.topicIds.has(topic));
    const { starts, gaps } = await beginnings(servers.admin, positions, groupId, present, this.logs);
    const begun = [...starts];
    for (const gap of gaps) {
      const beyond = this.waiting.beyond(gap);
      if (beyond) begun.push(beyond);
      else this.hold('gap', { topic: gap.topic, partition: gap.partition });
    }
    for (const start of begun) {
      offsets.begin(start, start.isStored);
      lag.reached([start]);
      lag.sawEnd([{ ...start, next: start.end }]);
      const { topic, partition, next, finding } = start;
      if (finding) this.parts.log.warn({ topic, partition, next, finding }, FINDINGS[finding]);
    }
    return begun;
  }

  /** Reading went on elsewhere than it should: it is found out anew where to go on. */
  private jumped({ topic, partition, from, to }: Jump): void {
    this.parts.log.warn({ topic, partition, from, to }, 'the offset to read next is gone; finding out where to go on');
    this.lost.set(nameOf({ topic, partition }), { topic, partition });
    this.hold('gap', { topic, partition });
    this.recover().catch((error: unknown) => this.parts.kafka.failed(reasonOf(error))); // the watch tries again
  }

  /** Goes on with partitions of which it was not known where. What fails is tried again by the next call. */
  async recover(): Promise<void> {
    const partitions = [...this.lost.values()].filter(({ topic, partition }) => this.source?.owns(topic, partition));
    if (partitions.length === 0) return;
    const names = new Set(partitions.map(nameOf));
    this.parts.intake.drop((topic, partition) => names.has(nameOf({ topic, partition })));
    const starts = await this.ask(partitions);
    await this.parts.onRecovered(starts);
    for (const name of names) this.lost.delete(name);
    this.resume(starts);
  }

  private resume(starts: readonly Position[]): void {
    this.source?.seek(starts);
    for (const { topic, partition } of starts) this.release('gap', { topic, partition });
  }

  /** Asks Kafka how its logs are: their ends, and whether they are the same as before. */
  async watch(): Promise<void> {
    const { servers, lag, kafka, log } = this.parts;
    try {
      const logs = await servers.logs.ask(this.topics);
      const replaced = this.partitions.filter(({ topic }) => {
        const [before, now] = [this.logs.topicIds.get(topic), logs.topicIds.get(topic)];
        return before !== undefined && now !== undefined && before !== now;
      });
      for (const at of replaced) {
        this.lost.set(nameOf(at), at);
        this.hold('gap', at);
      }
      await this.recover();
      const mine = [...new Set(this.partitions.map(({ topic }) => topic))].filter((topic) => logs.topicIds.has(topic));
      const ends = await partitionEnds(servers.admin, mine);
      lag.sawEnd(ends.map(({ topic, partition, high }) => ({ topic, partition, next: high })));
      if (kafka.heard()) log.info('Kafka answers again');
    } catch (error) {
      if (kafka.failed(reasonOf(error))) log.warn(`Kafka is away: ${reasonOf(error)}; tried again until it answers`);
    }
  }

  /** Fetches nothing while too many events are parked. */
  holdAll(isHeld: boolean): void {
    if (isHeld) this.hold('parked');
    else this.release('parked');
  }

  /** Fetches nothing of a topic; what waits in memory of it is read again later. */
  holdTopic(topic: string): void {
    this.hold('breaker', { topic });
    this.parts.intake.drop((of) => of === topic);
  }

  isTopicHeld(topic: string): boolean {
    return this.partitions.some((at) => at.topic === topic && this.holds.reasonOf(topic, at.partition) === 'breaker');
  }

  /** Reads a topic from where it is finished. */
  resumeTopic(topic: string): void {
    const { offsets, intake } = this.parts;
    intake.drop((of) => of === topic);
    const starts = this.partitions
      .filter((at) => at.topic === topic && !this.waiting.has(at) && !this.lost.has(nameOf(at)))
      .flatMap(({ partition }): Position[] => {
        const next = offsets.finished(topic, partition);
        return next === undefined ? [] : [{ topic, partition, next }];
      });
    for (const start of starts) offsets.begin(start, false);
    this.source?.seek(starts);
    this.release('breaker', { topic });
  }

  get gaps(): readonly Gap[] {
    return this.waiting.list;
  }

  get partitions(): readonly Assigned[] {
    return this.source?.partitions ?? [];
  }

  /** Why a partition is not read on purpose; a full queue is no purpose. */
  heldBy(topic: string, partition: number): string | undefined {
    const reason = this.holds.reasonOf(topic, partition);
    return reason === 'queue' ? undefined : reason;
  }

  owns(topic: string, partition: number): boolean {
    return this.source?.owns(topic, partition) ?? false;
  }

  /** Commits offsets to Kafka. */
  async commit(positions: readonly Position[]): Promise<void> {
    await this.source?.commit(positions);
  }

  /** Leaves the group. */
  async close(): Promise<void> {
    await this.source?.close();
  }
}
