import { setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { aborted } from '../waiting/aborted.js';
import { CatchUp } from '../writing/catch-up.js';
import { Committer } from '../reading/committer.js';
import type { Config } from '../config.js';
import { within } from '../waiting/deadline.js';
import { dutiesOf, watchServers } from './duties.js';
import { EXIT, reasonOf, UserError } from '../errors.js';
import { failureOf } from '../failures/failure.js';
import { registry } from '../handlers/index.js';
import { parentsFirst } from '../event/describe.js';
import { Intake } from '../reading/intake.js';
import { unstableIn } from '../kafka/topics.js';
import type { TopicPartition } from '../kafka/topic-partition.js';
import { Lag } from '../reading/lag.js';
import { Offsets } from '../reading/offsets.js';
import { patiently } from '../waiting/patiently.js';
import { connectionsInUse } from '../postgres/data-source.js';
import type { ParkedCount } from '../postgres/parked.js';
import { MovedError, Positions } from '../postgres/positions.js';
import { Reading } from '../reading/reading.js';
import type { ConsumeOptions, Remains, Surroundings } from './run.js';
import { keepHouse } from '../servers.js';
import { Sources } from '../reading/sources.js';
import type { Tally } from '../health/tally.js';
import { untilCommitted, type Goal } from './until-committed.js';
import { Calm, type ConsumerState, type Vitals } from '../health/vitals.js';
import { Writing } from '../writing/writing.js';

const NO_TOPICS = 'none of the source topics exists yet, or this user may not see them';
const UNSTABLE = 'transactions of producers are still open: what is in them, or behind them, is not waited for';
const MIB = 1024 * 1024;
const BATCH_BYTES = 8 * MIB;
/** Some twenty batches of common events. Mostly less waits: of each partition a share of what is fetched at once. */
const QUEUE_BYTES = 16 * MIB;
const TOPIC_WATCH_MS = 5_000;
/** SIGTERM's 10 s, shared out: what is in hand, its offsets, and leaving the servers. */
const FINISH_MS = 4_000;
const FINISH_IN_AN_OUTAGE_MS = 500;
const COMMIT_MS = 1_500;
const COUNT_MS = 500;
const LEAVE_MS = 1_500;

/** This process as a member of the group: everything between the source and the tables. */
export class Consumption {
  readonly tally: Tally;
  readonly offsets = new Offsets();
  readonly lag = new Lag();
  readonly positions: Positions;
  readonly sources: Sources;
  readonly reading: Reading;
  readonly writing: Writing;
  readonly committer: Committer;
  /** Partitions that nobody in the group reads. */
  unread: readonly TopicPartition[] = [];
  private readonly intake: Intake;
  /** Aborted when nothing may be waited for any more: writers give up what they have in hand. */
  private readonly hurry = new AbortController();
  private readonly fatal: Promise<never>;
  private fail: (error: Error) => void = () => undefined;
  private state: ConsumerState = 'starting';
  private readonly startedAt = Date.now();
  private readonly calm = new Calm();
  private parked: ParkedCount = { waiting: 0, dead: 0, oldestMs: 0 };
  /** Whether reading stopped because of PARK_MAX. */
  private isFull = false;

  constructor(
    private readonly config: Config,
    private readonly options: ConsumeOptions,
    private readonly around: Surroundings,
  ) {
    const { servers, tally, tracing, log, kafka } = around;
    const { signal } = this.hurry;
    this.tally = tally;
    this.fatal = new Promise((_, reject) => (this.fail = reject));
    this.fatal.catch(() => undefined);
    const limits = { size: config.batch.size, bytes: BATCH_BYTES, full: QUEUE_BYTES };
    const { groupId, topicPrefix } = config.kafka;
    const onRoom = () => {
      this.reading.onRoom();
    };
    this.intake = new Intake(limits, options.maxEvents, onRoom, parentsFirst(topicPrefix));
    this.positions = new Positions(servers.dataSource, groupId);
    this.sources = new Sources(servers.admin, topicPrefix, options.types, log);
    const { intake, offsets, lag, positions } = this;
    this.reading = new Reading({
      ...{ servers, groupId, intake, offsets, lag, positions, kafka, log, signal },
      acceptGaps: options.acceptGaps ?? [],
      delayMs: config.retry.delayMs,
      isOpen: (topic) => this.writing.breakers.isOpen(topic),
      onHeld: (read, end) => {
        this.writing.onHeld(read, end);
      },
      onBegun: async (assigned, starts, isLatest) => {
        await this.writing.begin(assigned, starts, isLatest);
        if (isLatest()) this.state = 'reading';
      },
      onRecovered: (starts) => this.writing.begunAt(starts),
      onRebalancing: () => {
        this.state = 'joining';
        void this.committer.run();
      },
      onCrash: (error) => {
        this.state = 'dead';
        const what = `The Kafka consumer died: ${reasonOf(error)}`;
        const { class: kind, remedy } = failureOf(error);
        const isRefused = kind === 'systemic' && remedy !== undefined;
        const next = isRefused ? remedy : 'What is not committed is read again.';
        this.fail(new UserError(`${what.replace(/\.$/, '')}. ${next}`, isRefused ? EXIT.refused : EXIT.failed));
      },
    });
    this.writing = new Writing({
      ...{ config, servers, intake, offsets, lag, tally, tracing, log, hurry: signal },
      onOpen: (topic) => {
        this.reading.holdTopic(topic);
      },
      onClose: (topic) => {
        this.reading.resumeTopic(topic);
      },
      onParked: () => {
        this.boundParked();
      },
    });
    this.committer = new Committer({
      offsets,
      store: async (moved) => {
        try {
          await positions.store(moved, this.reading.currentLog);
        } catch (error) {
          if (error instanceof MovedError) this.databaseMoved();
          throw error;
        }
      },
      commit: (moved) => this.reading.commit(moved),
      onStored: (moved) => this.writing.hand.passed(moved),
      owns: (topic, partition) => this.reading.owns(topic, partition),
      log,
    });
  }

  /** What this process knows of itself; asks nobody. */
  vitals(): Vitals {
    const { servers, kafka, database, tally } = this.around;
    const { dataSource, marks } = servers;
    this.lag.reached(this.offsets.positions());
    const facts = {
      version: this.options.version,
      startedAt: this.startedAt,
      consumer: this.state,
      kafka: { connected: kafka.connected, since: kafka.lastHeard, reason: kafka.reason },
      database: {
        connected: database.connected,
        reason: database.reason,
        activeConnections: connectionsInUse(dataSource),
        poolSize: this.config.database.poolSize,
      },
      redis: { configured: marks !== undefined, connected: marks?.connected ?? false },
      assigned: this.reading.partitions.length,
      partitions: this.lag.partitions().map((at) => ({ ...at, held: this.reading.heldBy(at.topic, at.partition) })),
      gaps: this.reading.gaps.map((gap) => ({ ...gap, lost: gap.to - gap.from })),
      leaderless: this.reading.leaders.list,
      unreadable: this.reading.batches.list,
      breakers: this.writing.breakers.list(),
      unread: this.unread,
      parked: { ...this.parked, full: this.isFull },
      trouble: this.writing.store.condition.trouble,
      lastProcessed: tally.lastProcessed,
    };
    return { ...facts, calmSince: this.calm.look(facts) };
  }

  /**
   * PostgreSQL was started anew, or is another one: it may have lost what was finished (a fail-over to a replica that was
   * behind, a restored copy). Reading begins anew where its positions say; where nothing is lost, that costs a second's work.
   */
  databaseMoved(): void {
    if (this.state !== 'reading') return; // it begins anyway
    this.state = 'joining';
    this.around.log.warn('PostgreSQL was started anew or is another one: reading begins anew where its positions say');
    this.reading.restart();
  }

  /** Counts what is parked, and stops reading while that is too much. */
  async countParked(): Promise<void> {
    this.parked = await this.writing.parking.count();
    this.boundParked();
  }

  private boundParked(): void {
    const { log } = this.around;
    const { max } = this.config.park;
    const { size } = this.writing.parking;
    if (size >= max === this.isFull) return;
    this.isFull = size >= max;
    this.reading.holdAll(this.isFull);
    const remedy = 'find out which rows they wait for (dbw.parked_events), or raise PARK_MAX';
    if (this.isFull) log.error({ parked: size, max }, `too many events are parked: nothing more is read; ${remedy}`);
    else log.info({ parked: size, max }, 'fewer events are parked: reading goes on');
  }

  /** The source topics; waits until at least one exists: a system that is being set up may have none yet. */
  private async awaitTopics(signal: AbortSignal): Promise<readonly string[]> {
    let topics = await this.sources.present();
    if (topics.length === 0) this.around.log.warn(`${NO_TOPICS}; waiting for the first`);
    while (topics.length === 0 && !signal.aborted) {
      await delay(TOPIC_WATCH_MS, undefined, { signal }).catch(() => undefined);
      topics = await this.sources.present().catch(() => []);
    }
    return topics;
  }

  /** Joins the group. */
  private async open(topics: readonly string[]): Promise<void> {
    const { servers, log } = this.around;
    await this.sources.refuseUnfit(topics);
    await this.writing.open(topics);
    log.debug({ topic: this.config.deadLetters.topic }, 'the dead-letter topic is ready');
    await keepHouse(servers, topics, log);
    log.debug('the record of processed ids is ready');
    this.state = 'joining';
    await this.reading.open(topics);
  }

  /** What a bounded run has to reach: the ends as they are now; undefined for one that goes on for ever. */
  private async goal(topics: readonly string[]): Promise<Pick<Goal, 'admin' | 'ends' | 'log' | 'logs'> | undefined> {
    if (this.options.untilCaughtUp !== true) return undefined;
    const { log, servers } = this.around;
    const { admin, ends, logs } = servers;
    const goal = { admin, logs, log: await logs.ask(topics), ends: await ends.ask(topics) };
    const events = unstableIn(goal.ends);
    if (events > 0) log.warn({ events }, UNSTABLE);
    return goal;
  }

  /** Runs until the signal is aborted, or what was asked for is done; then finishes what is in hand. */
  async run(signal: AbortSignal): Promise<Remains> {
    const { options, config, positions, reading, around } = this;
    const { log, servers } = around;
    const stop = new AbortController();
    setMaxListeners(0, stop.signal, this.hurry.signal, signal); // every duty waits for one
    const interrupted = aborted(signal);
    const isBounded = options.untilCaughtUp === true;
    const isOneShot = isBounded || options.maxEvents !== undefined;
    // What ends by itself says at once what is missing; what runs for ever waits for it.
    const begin = async <T>(work: () => Promise<T>): Promise<T | undefined> =>
      Promise.race([isOneShot ? work() : patiently('begin', log, signal, work), interrupted, this.fatal]);
    const { groupId, topicPrefix } = config.kafka;
    const catchUp = new CatchUp(servers.admin, servers.ends, positions, registry, topicPrefix, servers.logs);
    const parts = { catchUp, config, around, signal: stop.signal, isBounded };
    try {
      void watchServers(this, parts);
      const topics = await begin(() => (isBounded ? this.sources.present() : this.awaitTopics(signal)));
      if (topics?.length === 0) log.warn(`${NO_TOPICS}; nothing is to be done`);
      if (!topics || topics.length === 0) return { parked: this.parked, gaps: [], unreadable: [] };
      const goal = await this.goal(topics);
      await begin(() => this.open(topics));
      const writers = this.writing.run();
      const duties = dutiesOf(this, parts);
      const isLost = (at: TopicPartition) => reading.whereabouts.isInGap(at);
      const stopAt = (at: TopicPartition) => reading.batches.offsetIn(at);
      const onProgress = (left: number) => options.onProgress?.(left, this.tally);
      const reached = goal && untilCommitted({ ...goal, positions, groupId, isLost, stopAt, signal, onProgress });
      await Promise.race([reached ?? interrupted, interrupted, writers, this.fatal]);
      this.state = 'stopping';
      // What waits in memory is read again later; what is being written is finished.
      this.intake.close();
      await this.finish(writers, signal);
      stop.abort();
      if (reached) await Promise.race([this.conclude(duties), interrupted]);
      await within(COMMIT_MS, this.committer.run());
      await within(COUNT_MS, this.countParked()).catch(() => undefined);
      return { parked: this.parked, gaps: reading.gaps, unreadable: reading.batches.list };
    } finally {
      stop.abort();
      await within(LEAVE_MS, Promise.allSettled([reading.close(), this.writing.close()]));
      this.hurry.abort();
    }
  }

  /** The end of a bounded run: one last look at what is parked. */
  private async conclude(duties: Promise<void>): Promise<void> {
    await duties;
    await this.writing.sweep(true);
  }

  /** Lets the writers finish what they have in hand; where they cannot in time, it is read again by the next process. */
  private async finish(writers: Promise<void>, signal: AbortSignal): Promise<void> {
    const { database, kafka } = this.around;
    const work = Promise.race([writers, this.fatal]);
    if (!signal.aborted) await Promise.race([work, aborted(signal)]);
    const isAway = !database.connected || !kafka.connected || this.writing.store.condition.trouble !== undefined;
    if (await within(isAway ? FINISH_IN_AN_OUTAGE_MS : FINISH_MS, work)) return;
    this.around.log.warn('what is in hand cannot be finished now: it is given up, and read again by the next process');
    this.hurry.abort();
    await within(FINISH_IN_AN_OUTAGE_MS, work).catch(() => undefined);
  }
}
