import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';
import type { Reason } from '../event/decode.js';
import type { Distribution } from './distribution.js';
import type { FailureClass } from '../failures/failure.js';
import { OUTCOMES, type Tally } from './tally.js';
import { lagByTopic } from './topic-lag.js';
import { CONSUMER_STATES, type Vitals } from './vitals.js';

/** Every reason and class, so that each series is there from the start: the first of its kind is an increase then. */
const REASONS: Readonly<Record<Reason, 0>> = {
  malformed: 0,
  invalid: 0,
  unknown_type: 0,
  type_mismatch: 0,
  missing_reference: 0,
  database: 0,
  bug: 0,
};
const CLASSES: Readonly<Record<FailureClass, 0>> = {
  transient: 0,
  dependency: 0,
  data: 0,
  bug: 0,
  systemic: 0,
  unknown: 0,
};

/** One metric, for the documentation. */
export interface MetricAbout {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
  readonly help: string;
}

type Labels = Readonly<Record<string, string>>;
type Put = (value: number, labels?: Labels) => void;

function total(counts: Iterable<number>): number {
  let sum = 0;
  for (const count of counts) sum += count;
  return sum;
}

/**
 * What Prometheus is told. Nothing is counted here: a scrape reads the tally and the vitals, so that writing events costs
 * nothing for it.
 */
export class Metrics {
  /** Every metric of dbw itself; those of the process are prom-client's own. */
  readonly about: MetricAbout[] = [];
  private readonly registry = new Registry();
  private readonly fills: ((vitals: Vitals) => void)[] = [];
  private readonly histograms: { readonly about: MetricAbout; readonly values: Distribution }[] = [];

  /** @param vitals asked once for each scrape */
  constructor(
    private readonly tally: Tally,
    private readonly vitals: () => Vitals,
    version: string,
  ) {
    this.ofEvents();
    this.ofFaults();
    this.ofServers();
    this.ofPartitions();
    this.gauge('dbw_build_info', 'Version of dbw and of Node.js; always 1.', ['version', 'node'], (_, put) => {
      put(1, { version, node: process.version });
    });
    collectDefaultMetrics({ register: this.registry });
  }

  get contentType(): string {
    return this.registry.contentType;
  }

  /** The text of a scrape. */
  async text(): Promise<string> {
    const vitals = this.vitals();
    for (const fill of this.fills) fill(vitals);
    const histograms = this.histograms.map(({ about, values }) => textOf(about, values));
    return [await this.registry.metrics(), ...histograms].join('\n');
  }

  private ofEvents(): void {
    const { tally } = this;
    const types = 'type is what the topic carries.';
    this.counter(
      'dbw_events_total',
      `Messages by what became of them: ${OUTCOMES.join(', ')}. ${types} An event that was parked is counted again when it is applied or given up.`,
      ['type', 'outcome'],
      (put) => {
        for (const [type, counts] of tally.byType) {
          for (const outcome of OUTCOMES) put(counts[outcome], { type, outcome });
        }
      },
    );
    this.counter('dbw_ties_total', 'Creations of one row at one time with different content.', [], (put) => {
      put(tally.ties);
    });
    this.counter('dbw_collisions_total', 'Events under an id that another event had; not applied.', [], (put) => {
      put(tally.byOutcome.collision);
    });
    this.histogram('dbw_batch_events', 'Messages in each batch.', tally.batchSizes);
    const latency = "From the record's timestamp in Kafka to the commit that applied the event.";
    this.histogram('dbw_event_latency_seconds', latency, tally.latencies);
    this.histogram('dbw_transaction_duration_seconds', 'Transactions that were committed.', tally.transactions);
    const last = 'When an event was last written, in Unix time; 0 before the first.';
    this.gauge('dbw_last_processed_timestamp_seconds', last, [], ({ lastProcessed }, put) => {
      put((lastProcessed?.getTime() ?? 0) / 1000);
    });
  }

  private ofFaults(): void {
    const { tally } = this;
    this.counter('dbw_dead_letters_total', 'Messages sent to the dead-letter topic.', ['reason'], (put) => {
      for (const [reason, count] of Object.entries({ ...REASONS, ...Object.fromEntries(tally.deadLettersByReason) })) {
        put(count, { reason });
      }
    });
    this.counter(
      'dbw_retries_total',
      'Attempts that failed and are made again, by class of error.',
      ['class'],
      (put) => {
        for (const [kind, count] of Object.entries({ ...CLASSES, ...Object.fromEntries(tally.retriesByClass) })) {
          put(count, { class: kind });
        }
      },
    );
    const trouble = '1 while nothing can be written for an error of this class.';
    this.gauge('dbw_trouble', trouble, ['class'], ({ trouble: now }, put) => {
      for (const kind of Object.keys(CLASSES)) put(now?.class === kind ? 1 : 0, { class: kind });
    });
    const parked = 'Events that wait for a row: without a letter (waiting), or with one (dead); of all instances.';
    this.gauge('dbw_parked_events', parked, ['state'], ({ parked: { waiting, dead } }, put) => {
      put(waiting, { state: 'waiting' });
      put(dead, { state: 'dead' });
    });
    const oldest = 'How long the oldest parked event without a letter has waited.';
    this.gauge('dbw_parked_oldest_seconds', oldest, [], ({ parked: { oldestMs } }, put) => {
      put(oldestMs / 1000);
    });
    this.gauge(
      'dbw_parked_full',
      '1 while reading waits because PARK_MAX is reached.',
      [],
      ({ parked: { full } }, put) => {
        put(full ? 1 : 0);
      },
    );
  }

  private ofServers(): void {
    this.gauge('dbw_kafka_up', '1 while Kafka answers.', [], ({ kafka }, put) => {
      put(kafka.connected ? 1 : 0);
    });
    this.gauge('dbw_database_up', '1 while PostgreSQL answers.', [], ({ database }, put) => {
      put(database.connected ? 1 : 0);
    });
    const redis = '1 while Redis answers; absent where none is configured.';
    this.gauge('dbw_redis_up', redis, [], ({ redis: { configured, connected } }, put) => {
      if (configured) put(connected ? 1 : 0);
    });
    const inUse = 'Connections to PostgreSQL that are in use.';
    this.gauge('dbw_database_connections_in_use', inUse, [], ({ database }, put) => {
      put(database.activeConnections);
    });
    const size = 'Connections to PostgreSQL at most (DB_POOL_SIZE).';
    this.gauge('dbw_database_pool_size', size, [], ({ database }, put) => {
      put(database.poolSize);
    });
  }

  private ofPartitions(): void {
    const state = '1 for the state that the consumer is in.';
    this.gauge('dbw_consumer_state', state, ['state'], ({ consumer }, put) => {
      for (const name of CONSUMER_STATES) put(name === consumer ? 1 : 0, { state: name });
    });
    this.gauge('dbw_assigned_partitions', 'Partitions that this instance reads.', [], ({ assigned }, put) => {
      put(assigned);
    });
    const lag = 'Events that can be read and are not finished, of the partitions that this instance reads.';
    this.gauge('dbw_lag_events', lag, ['topic'], (vitals, put) => {
      for (const [topic, { events }] of lagByTopic(vitals)) put(events, { topic });
    });
    const unstable = 'Events that cannot be read yet: a transaction of a producer that is still open is before them.';
    this.gauge('dbw_unstable_events', unstable, ['topic'], (vitals, put) => {
      for (const [topic, { unstable: value }] of lagByTopic(vitals)) put(value, { topic });
    });
    const seconds =
      'How long the next event of the topic has waited: the greatest of the partitions that this instance reads.';
    this.gauge('dbw_lag_seconds', seconds, ['topic'], (vitals, put) => {
      for (const [topic, { seconds: value }] of lagByTopic(vitals)) put(value, { topic });
    });
    this.gauge('dbw_unread_partitions', 'Partitions that no member of the group reads.', [], ({ unread }, put) => {
      put(unread.length);
    });
    const gaps = 'Partitions that wait for --accept-gap, because retention deleted unread events.';
    this.gauge('dbw_gap_partitions', gaps, [], (vitals, put) => {
      put(vitals.gaps.length);
    });
    this.gauge('dbw_gap_lost_events', 'Events that those gaps lost.', [], (vitals, put) => {
      put(total(vitals.gaps.map(({ lost }) => lost)));
    });
    const waiting =
      'Partitions of this instance that are not read: no broker leads them (leader), or a batch cannot be read (unreadable).';
    this.gauge('dbw_waiting_partitions', waiting, ['why'], ({ leaderless, unreadable }, put) => {
      put(leaderless.length, { why: 'leader' });
      put(unreadable.length, { why: 'unreadable' });
    });
    const open = '1 while the topic is paused because too many of its events were refused.';
    this.gauge('dbw_breaker_open', open, ['topic'], ({ partitions, breakers }, put) => {
      for (const { topic } of partitions) put(0, { topic });
      for (const { topic } of breakers) put(1, { topic });
    });
  }

  private counter(name: string, help: string, labels: readonly string[], read: (put: Put) => void): void {
    this.about.push({ name, type: 'counter', labels, help });
    const metric = new Counter({ name, help, labelNames: [...labels], registers: [this.registry] });
    this.fills.push(() => {
      metric.reset();
      read((value, given = {}) => {
        metric.inc({ ...given }, value);
      });
    });
  }

  private gauge(name: string, help: string, labels: readonly string[], read: (vitals: Vitals, put: Put) => void): void {
    this.about.push({ name, type: 'gauge', labels, help });
    const metric = new Gauge({ name, help, labelNames: [...labels], registers: [this.registry] });
    this.fills.push((vitals) => {
      metric.reset();
      // Without labels a reset leaves a 0, which would be a statement.
      metric.remove({});
      read(vitals, (value, given = {}) => {
        metric.set({ ...given }, value);
      });
    });
  }

  private histogram(name: string, help: string, values: Distribution): void {
    const about: MetricAbout = { name, type: 'histogram', labels: [], help };
    this.about.push(about);
    this.histograms.push({ about, values });
  }
}

/** A histogram in Prometheus' text format. */
function textOf({ name, help }: MetricAbout, values: Distribution): string {
  const below = values.cumulative();
  return [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} histogram`,
    ...values.bounds.map((bound, at) => `${name}_bucket{le="${bound}"} ${below[at] ?? 0}`),
    `${name}_bucket{le="+Inf"} ${values.count}`,
    `${name}_sum ${values.sum}`,
    `${name}_count ${values.count}`,
    '',
  ].join('\n');
}
