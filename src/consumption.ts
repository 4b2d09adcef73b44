import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { untilCommitted } from './until-committed.js';
import { Committer } from './committer.js';
import type { Config } from './config.js';
import { CatchUp } from './catch-up.js';
import { dutiesOf } from './duties.js';
import { reasonOf } from './errors.js';
import { registry, tables } from './handlers/index.js';
import { HealthServer } from './health-server.js';
import { Intake } from './intake.js';
import type { LetterBox } from './kafka/letters.js';
import { Source } from './kafka/source.js';
import { beginnings, type Assigned } from './beginnings.js';
import { partitionEnds } from './kafka/topics.js';
import { Lag } from './lag.js';
import { letterOf, type Letter } from './letter.js';
import { Metrics } from './metrics.js';
import { Offsets, type Position } from './offsets.js';
import { Parking } from './parking.js';
import { backoff } from './backoff.js';
import { persist } from './persist.js';
import { writeBatches } from './pipeline.js';
import type { ParkedCount } from './postgres/parked.js';
import { Positions } from './postgres/positions.js';
import { connectionsInUse } from './postgres/data-source.js';
import { daysToKeep, openLetterBox, sourceTopics, type Servers } from './servers.js';
import { Store } from './store.js';
import { Tally } from './tally.js';
import { newborn, type Vitals } from './vitals.js';

const MIB = 1024 * 1024;
const BATCH_BYTES = 8 * MIB;
const QUEUE_BYTES = 32 * MIB;
const TOPIC_WATCH_MS = 5_000;

export interface ConsumeOptions {
  /** Event types to read; all of the registry where absent. */
  readonly types?: readonly string[] | undefined;
  /** End when everything that is there at the start is done. */
  readonly untilCaughtUp?: boolean;
  /** End after so many messages. */
  readonly maxEvents?: number | undefined;
  readonly version: string;
  /** Told how many events are still to come, while `untilCaughtUp`. */
  readonly onProgress?: (left: number, tally: Tally) => void;
}

/** This process as a member of the group: everything between the source and the tables. */
export class Consumption {
  readonly tally: Tally;
  readonly lag = new Lag();
  readonly offsets = new Offsets();
  readonly intake: Intake;
  readonly parking: Parking;
  readonly positions: Positions;
  readonly store: Store;
  readonly committer: Committer;
  /** Aborted when nothing may be waited for any more: writers give up what they have in hand. */
  private readonly hurry = new AbortController();
  private readonly fatal: Promise<never>;
  private fail: (error: Error) => void = () => undefined;
  private source: Source | undefined;
  private letters: LetterBox | undefined;
  private topics: readonly string[] = [];
  /** Whether reading stopped because of PARK_MAX. */
  private isHeld = false;

  constructor(
    private readonly config: Config,
    private readonly servers: Servers,
    private readonly options: ConsumeOptions,
    private readonly log: Logger,
  ) {
    this.tally = new Tally(registry.keys(), config.kafka.topicPrefix);
    this.fatal = new Promise((_, reject) => (this.fail = reject));
    this.fatal.catch(() => undefined);
    const limits = { size: config.batch.size, bytes: BATCH_BYTES, full: QUEUE_BYTES };
    this.intake = new Intake(limits, options.maxEvents, () => this.source?.release('queue'));
    this.positions = new Positions(servers.dataSource, config.kafka.groupId);
    this.store = new Store(servers.dataSource, tables, servers.processed, servers.marks);
    this.committer = new Committer({
      offsets: this.offsets,
      store: (moved) => this.positions.store(moved),
      commit: async (moved) => {
        await this.source?.commit(moved);
        this.lag.reached(moved);
      },
      owns: (topic, partition) => this.source?.owns(topic, partition) ?? false,
      log,
    });
    this.parking = new Parking({
      dataSource: servers.dataSource,
      store: this.store,
      registry,
      tables,
      prefix: config.kafka.topicPrefix,
      log,
      onWritten: (written) => {
        this.tally.written(written);
      },
      sendLetters: async (givenUp) => {
        const { clientId } = config.kafka;
        await this.send(
          givenUp.map(({ message, refusal, attempts }) => letterOf(message, refusal, { attempts, clientId })),
        );
        this.tally.refused(givenUp);
      },
    });
  }

  /** Sends letters until the broker has them. */
  private async send(letters: readonly Letter[]): Promise<void> {
    const { signal } = this.hurry;
    const onRetry = () => {
      this.tally.retried('transient');
    };
    await this.letters?.sendPatiently(letters, { signal, onRetry, delayMs: this.config.retry.delayMs, log: this.log });
  }

  /** The source topics that exist; more may come. */
  private async presentTopics(): Promise<string[]> {
    const present = new Set(await this.servers.admin.listTopics());
    return sourceTopics(this.config.kafka.topicPrefix, this.options.types).filter((topic) => present.has(topic));
  }

  /** Partitions were given: what is in hand of others no longer counts. */
  private async assigned(assigned: readonly Assigned[]): Promise<Position[]> {
    this.intake.clear();
    this.offsets.reset();
    this.lag.reset();
    for (let attempt = 1; ; attempt++) {
      try {
        const { starts, behind } = await beginnings(
          this.servers.admin,
          this.positions,
          this.config.kafka.groupId,
          assigned,
        );
        this.lag.reached(starts);
        for (const at of behind) {
          this.log.warn({ ...at }, 'PostgreSQL is behind the committed offset: reading begins where its rows end');
        }
        return behind;
      } catch (error) {
        this.log.warn({ attempt }, `cannot find out where to begin yet: ${reasonOf(error)}`);
        await delay(backoff(this.config.retry.delayMs, attempt));
      }
    }
  }

  private async open(): Promise<void> {
    const { servers, config } = this;
    this.letters = await openLetterBox(servers, config.deadLetters.topic, this.topics);
    this.log.debug({ topic: config.deadLetters.topic }, 'the dead-letter topic is ready');
    await servers.processed.maintain(servers.dataSource, await daysToKeep(servers.admin, this.topics));
    this.log.debug('the record of processed ids is ready');
    this.source = await Source.open(servers.kafka, config.kafka.groupId, {
      onMessages: (messages, end) => {
        this.intake.push(messages);
        this.lag.sawEnd([end]);
        return !this.intake.isFull;
      },
      onAssigned: (assigned) => {
        this.log.info({ partitions: assigned.length }, 'partitions assigned');
        return this.assigned(assigned);
      },
      onRebalancing: () => {
        this.log.info('the group shares its partitions anew');
        void this.committer.run();
      },
      onCrash: (error) => {
        this.fail(new Error(`the Kafka consumer died: ${reasonOf(error)}`));
      },
    });
    this.log.debug('connected to the group');
    await this.source.read(this.topics);
  }

  /** Waits until at least one source topic exists; a system that is being set up may have none yet. */
  private async awaitTopics(signal: AbortSignal): Promise<void> {
    this.topics = await this.presentTopics();
    if (this.topics.length === 0) this.log.warn('none of the source topics exists yet; waiting for the first');
    while (this.topics.length === 0 && !signal.aborted) {
      await delay(TOPIC_WATCH_MS, undefined, { signal }).catch(() => undefined);
      this.topics = await this.presentTopics();
    }
  }

  /** Reads topics that have come to exist. */
  async watchTopics(): Promise<void> {
    const topics = await this.presentTopics();
    const fresh = topics.filter((topic) => !this.topics.includes(topic));
    if (fresh.length === 0) return;
    this.log.info({ topics: fresh }, 'new topics are read from now on');
    this.topics = topics;
    await this.source?.read(topics);
  }

  vitals(): Vitals {
    const { dataSource, marks } = this.servers;
    const activeConnections = connectionsInUse(dataSource);
    return {
      ...newborn(this.options.version, this.config.database.poolSize),
      consumer: this.source ? 'reading' : 'starting',
      kafka: { connected: this.source !== undefined },
      database: { connected: dataSource.isInitialized, activeConnections, poolSize: this.config.database.poolSize },
      redis: { configured: marks !== undefined, connected: marks?.connected ?? false },
      partitions: this.lag.partitions(),
      lastProcessed: this.tally.lastProcessed,
    };
  }

  /** Stops reading while too many events are parked, and goes on when there are fewer. */
  boundParked(): void {
    const { max } = this.config.park;
    const { size } = this.parking;
    if (size >= max && !this.isHeld) {
      this.isHeld = true;
      this.source?.hold('parked');
      const remedy = 'find out which rows they wait for (dbw.parked_events), or raise PARK_MAX';
      this.log.error({ parked: size, max }, `too many events are parked: nothing more is read; ${remedy}`);
    } else if (size < max && this.isHeld) {
      this.isHeld = false;
      this.source?.release('parked');
      this.log.info({ parked: size, max }, 'fewer events are parked: reading goes on');
    }
  }

  private startWriters(): Promise<unknown> {
    const { config, intake, offsets, tally, log } = this;
    const persistence = {
      store: this.store,
      log,
      delayMs: config.retry.delayMs,
      signal: this.hurry.signal,
      onRetry: () => {
        tally.retried('transient');
      },
    };
    const parts = {
      registry,
      prefix: config.kafka.topicPrefix,
      clientId: config.kafka.clientId,
      intake,
      offsets,
      tally,
      log,
      persist: (events: Parameters<typeof persist>[0]) => persist(events, persistence),
      send: (letters: readonly Letter[]) => this.send(letters),
      onWritten: ({ created, waiting }: Parameters<Parking['noticed']>[0]) => {
        this.parking.noticed({ created, waiting });
        if (waiting.length > 0) this.boundParked();
      },
    };
    return Promise.all(Array.from({ length: config.batch.writers }, () => writeBatches(parts)));
  }

  /** Runs until the signal is aborted, or what was asked for is done; then finishes what is in hand. */
  async run(signal: AbortSignal): Promise<ParkedCount> {
    const { options, config, servers, log } = this;
    const vitals = () => this.vitals();
    const health = await HealthServer.open(config.port, vitals, new Metrics(this.tally, vitals, options.version));
    log.info({ port: health.port }, 'health is answered');
    const bounded = options.untilCaughtUp === true;
    const stop = new AbortController();
    const catchUp = new CatchUp(servers.admin, this.positions, registry, config.kafka.topicPrefix);
    try {
      if (bounded) this.topics = await this.presentTopics();
      else await this.awaitTopics(signal);
      const ends = bounded ? await partitionEnds(servers.admin, this.topics) : [];
      if (this.topics.length === 0) return { waiting: 0, dead: 0, oldestMs: 0 };
      await this.open();
      const writers = this.startWriters();
      const duties = dutiesOf(this, { catchUp, config, servers, log, signal: stop.signal, watchTopics: !bounded });
      const interrupted: Promise<unknown> = signal.aborted ? Promise.resolve() : once(signal, 'abort');
      const done = bounded
        ? untilCommitted(servers.admin, this.positions, config.kafka.groupId, ends, signal, (left) =>
            options.onProgress?.(left, this.tally),
          )
        : interrupted;
      await Promise.race([done, interrupted, writers, this.fatal]);
      // What waits in memory is read again later; what is being written is finished.
      this.intake.close();
      await Promise.race([writers, this.fatal]);
      stop.abort();
      await duties;
      if (bounded && !signal.aborted) await this.parking.sweep(true);
      await this.committer.run();
      return await this.parking.count();
    } finally {
      stop.abort();
      this.hurry.abort();
      await this.source?.close().catch(() => undefined);
      await this.letters?.close().catch(() => undefined);
      await health.close();
    }
  }
}
