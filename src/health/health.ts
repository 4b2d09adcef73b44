import { lagByTopic } from './topic-lag.js';
import { readinessOf, type Vitals } from './vitals.js';

/** What `GET /health` says; further fields may follow these. */
export interface Health {
  readonly status: 'healthy' | 'degraded' | 'unhealthy';
  readonly kafka: { readonly connected: boolean; readonly lag: number; readonly error?: string };
  readonly database: {
    readonly connected: boolean;
    readonly activeConnections: number;
    readonly poolSize: number;
    readonly error?: string;
  };
  readonly redis: { readonly connected: boolean };
  /** ISO-8601, or null before the first. */
  readonly lastProcessedEvent: string | null;
  readonly [more: string]: unknown;
}

/** Redis away is slower service, not worse: degraded. Without Kafka or PostgreSQL nothing moves. */
export function statusOf(health: { kafka: boolean; database: boolean; redis: boolean | undefined }): Health['status'] {
  if (!health.kafka || !health.database) return 'unhealthy';
  return health.redis === false ? 'degraded' : 'healthy';
}

/** Unhealthy: nothing is written. Degraded: it is, but slower, or not all of it. */
export function statusOfVitals(vitals: Vitals): Health['status'] {
  const { kafka, database, redis, trouble, consumer, parked, breakers, gaps, leaderless, unreadable, unread } = vitals;
  const status = statusOf({
    kafka: kafka.connected,
    database: database.connected,
    redis: redis.configured ? redis.connected : undefined,
  });
  const isLasting = trouble !== undefined && trouble.class !== 'transient';
  if (status === 'unhealthy' || consumer === 'dead' || isLasting) return 'unhealthy';
  const isPartly =
    parked.full || breakers.length > 0 || gaps.length + leaderless.length + unreadable.length + unread.length > 0;
  return trouble !== undefined || isPartly ? 'degraded' : status;
}

/** Events to read, by topic; topics without any are left out. */
function lagOf(vitals: Vitals): Record<string, { events: number; seconds: number }> {
  const behind = [...lagByTopic(vitals)].filter(([, { events }]) => events > 0);
  return Object.fromEntries(
    behind.map(([topic, { events, seconds }]) => [topic, { events, seconds: Math.round(seconds) }]),
  );
}

/** Events that transactions of producers keep from being read. */
export function unstableOf({ partitions }: Pick<Vitals, 'partitions'>): number {
  return partitions.reduce((sum, { unstable }) => sum + (unstable ?? 0), 0);
}

function errorIn({ connected, reason }: { connected: boolean; reason?: string | undefined }): { error?: string } {
  return connected || reason === undefined ? {} : { error: reason };
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}

/** What a running writer says of itself. */
export function healthOf(vitals: Vitals): Health {
  const { kafka, database, redis, trouble, parked } = vitals;
  const lag = vitals.partitions.reduce((sum, partition) => sum + partition.lag, 0);
  return {
    status: statusOfVitals(vitals),
    kafka: { connected: kafka.connected, lag, ...errorIn(kafka) },
    database: {
      connected: database.connected,
      activeConnections: database.activeConnections,
      poolSize: database.poolSize,
      ...errorIn(database),
    },
    redis: { connected: redis.connected, ...(redis.configured ? {} : { configured: false }) },
    lastProcessedEvent: vitals.lastProcessed?.toISOString() ?? null,
    version: vitals.version,
    startedAt: timeOf(vitals.startedAt),
    consumer: vitals.consumer,
    assignedPartitions: vitals.assigned,
    kafkaAnsweredAt: kafka.since === undefined ? null : timeOf(kafka.since),
    lagByTopic: lagOf(vitals),
    unstableEvents: unstableOf(vitals),
    parked: { ...parked },
    trouble: trouble ? { ...trouble, since: timeOf(trouble.since) } : null,
    breakers: vitals.breakers.map((breaker) => ({ ...breaker, since: timeOf(breaker.since) })),
    gaps: vitals.gaps,
    leaderlessPartitions: vitals.leaderless,
    unreadableBatches: vitals.unreadable,
    unreadPartitions: vitals.unread,
    reasons: readinessOf(vitals).reasons,
  };
}
