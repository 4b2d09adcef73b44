import type { FailureClass } from '../failures/failure.js';
import type { ParkedCount } from '../postgres/parked.js';
import { namesOf } from '../kafka/leaders.js';
import { partitionName, type TopicPartition } from '../kafka/topic-partition.js';

/** `starting`: looks for topics, servers or suspects; `joining`: the group shares its partitions. */
export const CONSUMER_STATES = ['starting', 'joining', 'reading', 'stopping', 'dead'] as const;
export type ConsumerState = (typeof CONSUMER_STATES)[number];

/** A partition that this process reads. */
export interface PartitionVitals extends TopicPartition {
  /** Events between what is finished and the end of what can be read. */
  readonly lag: number;
  /** Events behind that end: a transaction of a producer that is still open keeps them from being read. */
  readonly unstable?: number | undefined;
  /** For how many seconds the next event has waited; 0 without lag. */
  readonly seconds: number;
  /** Milliseconds since 1970: when it was last assigned, without lag, or a step further. */
  readonly movedAt: number;
  /** Why it is not read on purpose: PARK_MAX, its breaker, a gap, no leader, a batch that cannot be read. */
  readonly held?: string | undefined;
}

/** Events that retention deleted before they were read; the partition waits for `--accept-gap`. */
export interface GapVitals extends TopicPartition {
  /** The next offset to read, which is no more. */
  readonly from: number;
  /** The first offset that is still there. */
  readonly to: number;
  readonly lost: number;
}

/**
 * What a running `consume` knows of itself; times in milliseconds since 1970. Gathered when someone asks: nothing here may
 * need a server's answer.
 */
export interface Vitals {
  readonly version: string;
  readonly startedAt: number;
  readonly consumer: ConsumerState;
  /** `since`: when it last answered. */
  readonly kafka: {
    readonly connected: boolean;
    readonly since?: number | undefined;
    readonly reason?: string | undefined;
  };
  readonly database: {
    readonly connected: boolean;
    readonly reason?: string | undefined;
    readonly activeConnections: number;
    readonly poolSize: number;
  };
  readonly redis: { readonly configured: boolean; readonly connected: boolean };
  /** Partitions that the group gave to this process. */
  readonly assigned: number;
  readonly partitions: readonly PartitionVitals[];
  readonly gaps: readonly GapVitals[];
  /** Partitions of this process that wait because no broker leads them. */
  readonly leaderless: readonly TopicPartition[];
  /** Batches that cannot be read, at which partitions of this process wait; `next` is the offset. */
  readonly unreadable: readonly (TopicPartition & { readonly next: number; readonly reason: string })[];
  readonly breakers: readonly { readonly topic: string; readonly since: number; readonly reason: string }[];
  /** Partitions that no member of the group reads. */
  readonly unread: readonly TopicPartition[];
  /** `full`: PARK_MAX is reached and reading waits. */
  readonly parked: ParkedCount & { readonly full: boolean };
  /** Why nothing can be written now. */
  readonly trouble?: { readonly class: FailureClass; readonly reason: string; readonly since: number } | undefined;
  /** When the last outage, trouble or hold ended (`Calm`): what stood still for it needs time to get going again. */
  readonly calmSince: number;
  readonly lastProcessed: Date | undefined;
}

/** The vitals of a process that has only begun. */
export function newborn(version: string, poolSize: number, now = Date.now()): Vitals {
  return {
    version,
    startedAt: now,
    consumer: 'starting',
    kafka: { connected: false },
    database: { connected: false, activeConnections: 0, poolSize },
    redis: { configured: false, connected: false },
    assigned: 0,
    partitions: [],
    gaps: [],
    leaderless: [],
    unreadable: [],
    breakers: [],
    unread: [],
    parked: { waiting: 0, dead: 0, oldestMs: 0, full: false },
    calmSince: now,
    lastProcessed: undefined,
  };
}

/** Something that keeps events from being written. */
export interface Obstacle {
  /** The same for as long as it lasts, whatever its reason says meanwhile. */
  readonly key: string;
  readonly reason: string;
  /** All partitions stand still, not only some. */
  readonly everywhere: boolean;
  /** It may pass within moments: only what lasts beyond this time, in milliseconds since 1970, needs to be told. */
  readonly until?: number;
}

function why(what: string, reason: string | undefined): string {
  return reason === undefined ? what : `${what}: ${reason}`;
}

/** A deadlock, a lock that is held, a slow statement: longer than this it is no moment. */
const BRIEF_MS = 30_000;

/** What keeps events from being written, with nothing wrong in this process: a restart would not help. */
export function obstaclesOf(vitals: Vitals): Obstacle[] {
  const { consumer, kafka, database, trouble, parked, breakers, gaps, leaderless, unreadable } = vitals;
  const found: Obstacle[] = [];
  const everywhere = (key: string, reason: string) => found.push({ key, reason, everywhere: true });
  if (!kafka.connected) everywhere('kafka', why('Kafka is away', kafka.reason));
  if (!database.connected) everywhere('database', why('PostgreSQL is away', database.reason));
  if (consumer === 'starting') everywhere('starting', 'the consumer is starting');
  if (consumer === 'joining') everywhere('joining', 'the group is sharing its partitions');
  if (consumer === 'stopping') everywhere('stopping', 'the consumer is stopping');
  if (trouble) {
    const reason = `nothing can be written (${trouble.class}): ${trouble.reason}`;
    found.push({
      key: 'trouble',
      reason,
      everywhere: true,
      ...(trouble.class === 'transient' ? { until: trouble.since + BRIEF_MS } : {}),
    });
  }
  if (parked.full) {
    everywhere(
      'parked',
      `PARK_MAX is reached: ${parked.waiting + parked.dead} events are parked, nothing more is read`,
    );
  }
  for (const { topic, reason } of breakers) {
    const text = `the breaker of ${topic} is open: ${reason}`;
    found.push({ key: `breaker:${topic}`, reason: text, everywhere: false });
  }
  for (const { topic, partition, lost, to } of gaps) {
    const remedy = `to go on without them, start every instance anew with: dbw consume --accept-gap ${topic}:${partition}:${to}`;
    const text = `retention deleted ${lost} unread events of ${topic}:${partition}; ${remedy}`;
    found.push({ key: `gap:${topic}:${partition}`, reason: text, everywhere: false });
  }
  for (const { topic, partition } of leaderless) {
    const reason = `no broker leads ${topic}:${partition}: it waits, the others go on`;
    found.push({ key: `leader:${topic}:${partition}`, reason, everywhere: false });
  }
  for (const { topic, partition, reason } of unreadable) {
    found.push({ key: `unreadable:${topic}:${partition}`, reason, everywhere: false });
  }
  return found;
}

/** Remembers when an obstacle last ended. It is to be shown the vitals about once a second. */
export class Calm {
  private present: readonly Obstacle[] = [];
  private since: number;

  constructor(now = Date.now()) {
    this.since = now;
  }

  /** @returns milliseconds since 1970, for `Vitals.calmSince` */
  look(vitals: Omit<Vitals, 'calmSince'>, now = Date.now()): number {
    const present = obstaclesOf({ ...vitals, calmSince: this.since });
    const keys = new Set(present.map(({ key }) => key));
    if (this.present.some(({ key }) => !keys.has(key))) this.since = now;
    this.present = present;
    return this.since;
  }
}

/** A partition with lag that has not moved for so long is stuck, where nothing explains it. */
const STUCK_MS = 60_000;

export interface Liveness {
  readonly alive: boolean;
  /** Why it is not alive, or why it is although nothing moves. */
  readonly reason?: string;
}

/**
 * Whether the consumer can make progress, so that only a fault of this process says no: an orchestrator restarts it then.
 *
 * @param now milliseconds since 1970
 */
export function livenessOf(vitals: Vitals, now: number): Liveness {
  if (vitals.consumer === 'dead') {
    return { alive: false, reason: 'the Kafka consumer died; only a new process can read on' };
  }
  const obstacle = obstaclesOf(vitals).find(({ everywhere }) => everywhere);
  if (obstacle) return { alive: true, reason: `${obstacle.reason}; a restart would not help` };
  const held = new Set([
    ...vitals.breakers.map(({ topic }) => topic),
    ...[...vitals.gaps, ...vitals.unreadable].map(partitionName),
  ]);
  for (const { topic, partition, lag, movedAt, held: heldBy } of vitals.partitions) {
    if (lag === 0 || heldBy !== undefined || held.has(topic) || held.has(partitionName({ topic, partition }))) continue;
    const stoodMs = now - Math.max(movedAt, vitals.calmSince);
    if (stoodMs <= STUCK_MS) continue;
    const seconds = Math.floor(stoodMs / 1000);
    const reason = `${topic}:${partition} has not moved for ${seconds} s with ${lag} events to read, and no outage explains it`;
    return { alive: false, reason };
  }
  return { alive: true };
}

export interface Readiness {
  readonly ready: boolean;
  readonly reasons: readonly string[];
}

/** Whether everything is read and written as it should be; an orchestrator waits for it, and an operator is told why not. */
export function readinessOf(vitals: Vitals, now = Date.now()): Readiness {
  const reasons = obstaclesOf(vitals)
    .filter(({ until = 0 }) => now >= until)
    .map(({ reason }) => reason);
  if (vitals.consumer === 'dead') reasons.unshift('the Kafka consumer died');
  const { unread } = vitals;
  if (unread.length > 0) {
    reasons.push(
      `no member of the group reads ${namesOf(unread)}; are there members with other --topics, or of an older version?`,
    );
  }
  return { ready: reasons.length === 0, reasons };
}
