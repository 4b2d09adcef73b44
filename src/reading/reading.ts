import type { Logger } from 'pino';
import type { Beginning, Gap } from './beginnings.js';
import { within } from '../waiting/deadline.js';
import { reasonOf } from '../errors.js';
import { Holds, isPartition, type Hold, type Scope } from './holds.js';
import type { Intake, Queued } from './intake.js';
import { Silence } from './silence.js';
import { Source, type Jump } from '../kafka/source.js';
import type { Lag } from './lag.js';
import { Leaderless } from './leaderless.js';
import type { Offsets, Position } from './offsets.js';
import type { Log, Positions } from '../postgres/positions.js';
import type { Reach } from '../health/reach.js';
import type { Servers } from '../servers.js';
import { UnreadableBatches } from './unreadable.js';
import { Whereabouts } from './whereabouts.js';
import type { TopicPartition } from '../kafka/topic-partition.js';

interface Parts {
  readonly servers: Pick<Servers, 'kafka' | 'admin' | 'logs' | 'ends'>;
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
  /** Partitions were given, and where each begins is known. `isLatest`: whether no others were given since. */
  readonly onBegun: (
    assigned: readonly TopicPartition[],
    starts: readonly Beginning[],
    isLatest: () => boolean,
  ) => Promise<void>;
  /** Partitions begin elsewhere than it was thought. */
  readonly onRecovered: (starts: readonly Beginning[]) => Promise<void>;
  readonly onRebalancing: () => void;
  readonly onCrash: (error: Error) => void;
  readonly delayMs: number;
  /** Aborted when the process is to end. */
  readonly signal: AbortSignal;
}

/** Watches, 5 s apart, without a word of the consumer: longer than the group may take to share its partitions. */
const SILENT_WATCHES = 18;
const SILENT = 'it has neither fetched nor sent a heartbeat for 90 s although Kafka answers';

/** Leaving the group may take so long before it is left to the session's end. */
const CLOSE_MS = 5_000;

/** The way in: what is read of the partitions of this process, where it begins, and what is missing. */
export class Reading {
  private source: Source | undefined;
  private readonly holds = new Holds();
  private readonly silence = new Silence(SILENT_WATCHES);
  /** Where each partition goes on, and which gaps were found. */
  readonly whereabouts: Whereabouts;
  /** Partitions that no broker leads. */
  readonly leaders: Leaderless;
  /** Batches that cannot be read. */
  readonly batches: UnreadableBatches;
  /** How often partitions were given: what comes late for those of before must not change anything. */
  private assignments = 0;
  topics: readonly string[] = [];
  private awaited: Promise<void> | undefined;
  /** To be called when the writers have room again. */
  onRoom: () => void = () => undefined;

  constructor(private readonly parts: Parts) {
    const { offsets, log } = parts;
    const holding = (why: Hold) => ({ log, hold: this.hold.bind(this, why), release: this.release.bind(this, why) });
    this.leaders = new Leaderless(holding('leader'));
    this.batches = new UnreadableBatches(holding('unreadable'));
    this.whereabouts = new Whereabouts({
      ...parts,
      onLost: ({ topic, partition }) => {
        this.hold('gap', { topic, partition });
      },
      isSettled: ({ topic, partition }) => {
        const next = this.source?.next(topic, partition);
        if (next === undefined) return true; // nothing was read
        return offsets.finished(topic, partition) === next && !offsets.hasMoved(topic, partition);
      },
    });
  }

  /** Joins the group and reads these topics. */
  async open(topics: readonly string[]): Promise<void> {
    const { servers, groupId, kafka, log } = this.parts;
    this.source = await Source.open(servers.kafka, groupId, topics, this.holds, {
      demand: this.parts.intake,
      onRead: (read, end) => {
        this.onRead(read, end);
      },
      room: () => this.room(),
      onAssigned: (assigned) => this.assigned(assigned),
      onJump: this.jumped.bind(this),
      onUnreadable: (next, error) => {
        this.batches.saw(next, error);
      },
      onRebalancing: () => {
        log.info('the group shares its partitions anew');
        this.parts.onRebalancing();
      },
      onAnswer: () => kafka.heard(),
      onTrouble: (error) => {
        if (kafka.failed(reasonOf(error))) log.warn(`Kafka is away: ${reasonOf(error)}; tried again until it answers`);
      },
      onCrash: (error) => {
        log.error(`the Kafka consumer died: ${reasonOf(error)}`);
        this.parts.onCrash(error);
      },
    });
    this.topics = topics;
    this.source.apply(); // what was held while it was opened
  }

  /** Goes on with these topics instead: kafkajs cannot take a topic back, so the group is left and joined anew. */
  async reopen(topics: readonly string[]): Promise<void> {
    const { source } = this;
    this.source = undefined;
    this.topics = []; // where it fails, it is tried again with all of them
    if (source) await within(CLOSE_MS, source.close()).catch(() => undefined);
    if (topics.length > 0) await this.open(topics);
  }

  private hold(why: Hold, scope: Scope = {}): void {
    if (this.holds.add(why, scope)) this.source?.apply();
    if (isPartition(scope)) this.parts.intake.holds(scope);
  }

  private release(why: Hold, scope: Scope = {}): void {
    if (this.holds.remove(why, scope)) this.source?.apply();
  }

  private onRead(read: readonly Queued[], end: Position): void {
    const { lag, intake } = this.parts;
    this.batches.passed(end);
    lag.sawEnd([end]);
    if (this.parts.isOpen(end.topic)) this.parts.onHeld(read, end);
    else intake.push(read, (read.at(-1)?.next ?? 0) < end.next);
  }

  /** Resolves when the writers have room; undefined where they have. */
  private room(): Promise<void> | undefined {
    if (!this.parts.intake.isFull) return undefined;
    return (this.awaited ??= new Promise((resolve) => {
      this.onRoom = () => {
        this.onRoom = () => undefined;
        this.awaited = undefined;
        resolve();
      };
    }));
  }

  /** Which log the partitions belong to. */
  get currentLog(): Log {
    return this.whereabouts.log;
  }

  /** Partitions were given: what is in hand of others no longer counts. */
  private async assigned(assigned: readonly TopicPartition[]): Promise<readonly Position[]> {
    const { intake, offsets, lag, log, signal } = this.parts;
    const assignment = ++this.assignments;
    const isLatest = () => assignment === this.assignments;
    log.info({ partitions: assigned.length }, 'partitions assigned');
    intake.clear();
    intake.shareAmong(assigned.length);
    offsets.reset();
    lag.reset();
    this.batches.clear();
    this.leaders.clear();
    if (this.holds.removeAll('gap', 'unreadable', 'leader')) this.source?.apply();
    const starts = await this.whereabouts.begin(assigned);
    if (!isLatest()) return [];
    try {
      await this.parts.onBegun(assigned, starts, isLatest);
    } catch (error) {
      if (!signal.aborted) throw error; // the process ends before it begins
    }
    return starts;
  }

  /** What is finished counts no longer: reading begins anew where the positions say. */
  restart(): void {
    this.source?.restart();
  }

  /** Reading went on elsewhere than it should, or would: it is found out anew where to go on. */
  private jumped({ topic, partition, from, to }: Jump): void {
    this.parts.log.warn({ topic, partition, from, to }, 'the offset to read next is gone; finding out where to go on');
    this.whereabouts.lose({ topic, partition });
  }

  /** Goes on with partitions of which it was not known where; whoever calls it tells what fails, and tries again. */
  async recover(): Promise<void> {
    const { assignments } = this;
    const starts = await this.whereabouts.recover(this.partitions, (at) => this.leaders.has(at));
    if (starts.length === 0 || assignments !== this.assignments) return;
    await this.parts.onRecovered(starts);
    if (assignments !== this.assignments) return; // they begin elsewhere now
    this.source?.seek(starts);
    for (const { topic, partition } of starts) {
      this.batches.passed({ topic, partition });
      this.release('gap', { topic, partition });
    }
  }

  /** Asks Kafka how its logs are: their ends, and whether they are the same as before. */
  async watch(): Promise<void> {
    const { servers, lag, kafka, log } = this.parts;
    this.batches.tryAgain();
    try {
      const logs = await servers.logs.ask(this.topics);
      this.whereabouts.compare(logs, this.partitions);
      const mine = [...new Set(this.partitions.map(({ topic }) => topic))].filter((topic) => logs.topicIds.has(topic));
      const { ends, unled } = await servers.ends.askLed(mine);
      this.leaders.see(unled.filter(({ topic, partition }) => this.owns(topic, partition)));
      const owned = ends.filter(({ topic, partition }) => this.owns(topic, partition));
      lag.sawEnd(owned.map(({ topic, partition, high }) => ({ topic, partition, next: high })));
      lag.sawUnstable(owned);
      for (const { topic, partition, low } of ends) this.sawLow(topic, partition, low);
      if (kafka.heard()) log.info('Kafka answers again');
      if (this.silence.isFinal(this.source?.heard)) this.parts.onCrash(new Error(SILENT));
    } catch (error) {
      if (kafka.failed(reasonOf(error))) log.warn(`Kafka is away: ${reasonOf(error)}; tried again until it answers`);
    }
  }

  /** Retention may delete what is to be read next also where nothing is read at present. */
  private sawLow(topic: string, partition: number, low: number): void {
    const gap = this.gaps.find((at) => at.topic === topic && at.partition === partition);
    const from = gap?.to ?? this.source?.next(topic, partition);
    const isKnown = gap !== undefined || this.whereabouts.knows({ topic, partition });
    if (from !== undefined && from < low && isKnown) this.jumped({ topic, partition, from, to: low });
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
      .filter((at) => at.topic === topic && !this.whereabouts.isInGap(at))
      .flatMap(({ partition }): Position[] => {
        const next = offsets.finished(topic, partition);
        return next === undefined ? [] : [{ topic, partition, next }];
      });
    for (const start of starts) offsets.begin(start, false);
    this.source?.seek(starts);
    this.release('breaker', { topic });
  }

  get gaps(): readonly Gap[] {
    return this.whereabouts.gaps;
  }

  get partitions(): readonly TopicPartition[] {
    return this.source?.partitions ?? [];
  }

  /** Why a partition is not read on purpose; a full queue is no purpose. */
  heldBy(topic: string, partition: number): string | undefined {
    return this.holds.reasonOf(topic, partition);
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
