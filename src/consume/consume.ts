import type { Logger } from 'pino';
import type { Gap } from '../reading/beginnings.js';
import type { UnreadableBatch } from '../reading/unreadable.js';
import type { Config } from '../config.js';
import { Consumption } from './consumption.js';
import type { ConsumeOptions } from './run.js';
import { within } from '../waiting/deadline.js';
import { AwayError, reasonOf } from '../errors.js';
import { registry } from '../handlers/index.js';
import { HealthServer } from '../health/health-server.js';
import { Metrics } from '../health/metrics.js';
import { Page } from '../health/page/page.js';
import { patiently } from '../waiting/patiently.js';
import type { ParkedCount } from '../postgres/parked.js';
import { Reach } from '../health/reach.js';
import { openServers, sourceTopics } from '../servers.js';
import { Tally } from '../health/tally.js';
import { newborn, type Vitals } from '../health/vitals.js';
import { openTracing } from '../tracing/tracing.js';

const CLOSE_MS = 500;

export interface ConsumeResult {
  readonly tally: Tally;
  readonly parked: ParkedCount;
  /** Events lost to retention, whose partitions were not read. */
  readonly gaps: readonly Gap[];
  /** Batches that cannot be read, from which on their partitions were not read. */
  readonly unreadable: readonly UnreadableBatch[];
  readonly seconds: number;
}

/**
 * The writer: reads the topics as a member of the group and leaves every event in PostgreSQL or in the dead-letter topic,
 * until the signal is aborted or what was asked for is done. An eternal one waits for servers that are away, also at its
 * start.
 *
 * @throws UserError where it cannot begin, Error where the Kafka consumer dies
 */
export async function consume(
  config: Config,
  options: ConsumeOptions,
  log: Logger,
  signal: AbortSignal,
): Promise<ConsumeResult> {
  const started = Date.now();
  sourceTopics(config.kafka.topicPrefix, options.types);
  const tally = new Tally(registry.keys(), config.kafka.topicPrefix);
  const [kafka, database] = [new Reach(), new Reach()];
  let vitals = (): Vitals => ({
    ...newborn(options.version, config.database.poolSize, started),
    kafka: { connected: kafka.connected, reason: kafka.reason },
    database: {
      connected: database.connected,
      reason: database.reason,
      activeConnections: 0,
      poolSize: config.database.poolSize,
    },
  });
  const metrics = new Metrics(tally, () => vitals(), options.version);
  const page = new Page(tally, () => vitals());
  const health = await HealthServer.open({ host: config.host, port: config.port }, () => vitals(), { metrics, page });
  log.info({ port: health.port }, 'health is answered');
  page.begin();
  try {
    const isOneShot = options.untilCaughtUp === true || options.maxEvents !== undefined;
    const open = async () => {
      try {
        return await openServers(config, options.version, log, 'keep house');
      } catch (error) {
        // PostgreSQL is asked first.
        if (error instanceof AwayError && error.server === 'Kafka') {
          database.heard();
          kafka.failed(reasonOf(error));
        } else if (error instanceof AwayError) database.failed(reasonOf(error));
        throw error;
      }
    };
    const servers = isOneShot ? await open() : await patiently('connect', log, signal, open);
    const nothing = { parked: { waiting: 0, dead: 0, oldestMs: 0 }, gaps: [], unreadable: [] };
    if (!servers) return { tally, ...nothing, seconds: (Date.now() - started) / 1000 };
    kafka.heard();
    database.heard();
    const tracing = await openTracing(config, options.version, log);
    try {
      const consumption = new Consumption(config, options, { servers, tally, tracing, kafka, database, log });
      vitals = () => consumption.vitals();
      return { tally, ...(await consumption.run(signal)), seconds: (Date.now() - started) / 1000 };
    } finally {
      await Promise.all([within(CLOSE_MS, servers.close()), tracing?.close()]);
    }
  } finally {
    page.end();
    await within(CLOSE_MS, health.close());
  }
}
