import { namesOf } from '../kafka/leaders.js';
import { count, spell } from '../spell.js';
import { SPAN_MS } from './history.js';
import { NOT_YET } from './reach.js';
import { lagByTopic } from './topic-lag.js';
import { livenessOf, type Vitals } from './vitals.js';

/** `busy`: it is on its way; `poor`: look at it; `bad`: nothing is written. */
export type Found = 'good' | 'busy' | 'poor' | 'bad';

/** Something that a person wants to know of, and what to do about it. */
export interface Matter {
  /** The same for as long as it lasts, whatever else is said of it. */
  readonly key: string;
  readonly found: Exclude<Found, 'good'>;
  readonly title: string;
  readonly detail?: string | undefined;
  readonly todo?: string | undefined;
  /** Where the documents go through it. */
  readonly read?: string | undefined;
  /** Milliseconds since 1970, where the vitals know it. */
  readonly since?: number | undefined;
}

/** Behind so far, what readers see is stale. As in deploy/prometheus. */
const STALE_SECONDS = 60;
const PARKED_FOR_LONG_MS = 600_000;
/** What passes within moments is no more worth telling when it is over. */
const BRIEF_MS = 5_000;
/** So many are said one by one; of more only how many there are. */
const MOST = 5;

const GOES_ON = 'dbw goes on by itself when it answers: do not restart it.';

function ofServers({ consumer, kafka, database, redis, trouble }: Vitals): Matter[] {
  const found: Matter[] = [];
  const isAway = (server: { connected: boolean; reason?: string | undefined }) =>
    !server.connected && consumer !== 'stopping' && !(consumer === 'starting' && server.reason === NOT_YET);
  if (isAway(kafka)) {
    const read = 'docs/faults.md, Kafka';
    const todo = `Bring Kafka back. ${GOES_ON}`;
    found.push({ key: 'kafka', found: 'bad', title: 'Kafka is away', detail: kafka.reason, todo, read });
  }
  if (isAway(database)) {
    const read = 'docs/operations.md, 2';
    const todo = `Bring PostgreSQL back. ${GOES_ON}`;
    found.push({ key: 'database', found: 'bad', title: 'PostgreSQL is away', detail: database.reason, todo, read });
  }
  // Writes that fail because a server is away are no second matter.
  if (trouble && (trouble.class !== 'transient' || found.length === 0)) {
    const isLasting = trouble.class !== 'transient';
    found.push({
      key: 'trouble',
      found: isLasting ? 'bad' : 'poor',
      title: isLasting ? 'PostgreSQL takes no events' : 'A write is tried again',
      detail: trouble.reason,
      todo: isLasting ? 'Mend what it names; nothing is lost, and it is tried every 30 s.' : undefined,
      read: isLasting ? 'docs/monitoring.md, PostgreSQL takes no events' : 'docs/faults.md, PostgreSQL',
      since: trouble.since,
    });
  }
  if (redis.configured && !redis.connected) {
    const detail = 'Duplicates are told apart by PostgreSQL alone, a little slower.';
    found.push({ key: 'redis', found: 'poor', title: 'Redis is away', detail, todo: 'Start it when there is time.' });
  }
  return found;
}

const STATES: Partial<Record<Vitals['consumer'], string>> = {
  starting: 'Starting',
  joining: 'The group is sharing its partitions',
  stopping: 'Stopping',
};

function ofConsumer(vitals: Vitals, now: number): Matter[] {
  const title = STATES[vitals.consumer];
  if (title !== undefined) return [{ key: vitals.consumer, found: 'busy', title }];
  const { alive, reason } = livenessOf(vitals, now);
  if (alive) return [];
  const isDead = vitals.consumer === 'dead';
  return [
    {
      key: isDead ? 'dead' : 'stuck',
      found: 'bad',
      title: isDead ? 'The Kafka consumer died' : 'A partition does not move',
      detail: reason,
      todo: 'Start the process anew: what is not committed is read again.',
      read: 'docs/faults.md, This process',
    },
  ];
}

function ofTopics({ breakers, gaps, leaderless, unreadable, unread }: Vitals): Matter[] {
  const found: Matter[] = [];
  for (const { topic, reason, since } of breakers) {
    found.push({
      key: `breaker:${topic}`,
      found: 'poor',
      title: `Paused: ${topic}`,
      detail: `too many of its events are refused, mostly for ${reason}`,
      todo: 'Roll the producer back, or mend what the reason names; dbw tries ten events every 30 s and goes on by itself.',
      read: 'docs/operations.md, 1',
      since,
    });
  }
  for (const { topic, partition, lost, to } of gaps) {
    found.push({
      key: `gap:${topic}:${partition}`,
      found: 'poor',
      title: `Events lost: ${topic}:${partition} waits`,
      detail: `retention deleted ${count(lost, 'event')} before they were read`,
      todo: `To go on without them, start every instance anew with: dbw consume --accept-gap ${topic}:${partition}:${to}`,
      read: 'docs/faults.md, Kafka',
    });
  }
  for (const { topic, partition, reason } of unreadable) {
    found.push({
      key: `unreadable:${topic}:${partition}`,
      found: 'poor',
      title: `A batch cannot be read: ${topic}:${partition} waits`,
      detail: reason,
      todo: 'Nothing is skipped, and the others go on. It is tried again every 30 s.',
      read: 'docs/monitoring.md, Partitions wait',
    });
  }
  if (leaderless.length > 0) {
    found.push({
      key: 'leaderless',
      found: 'poor',
      title: 'No broker leads some partitions: they wait',
      detail: `${count(leaderless.length, 'partition')}: ${namesOf(leaderless)}`,
      todo: 'Bring their broker back; the others go on meanwhile.',
      read: 'docs/faults.md, Kafka',
    });
  }
  const [first] = unread;
  if (first) {
    found.push({
      key: 'unread',
      found: 'poor',
      title: 'Nobody reads some partitions',
      detail: `${count(unread.length, 'partition')}, the first of them ${first.topic}:${first.partition}`,
      todo: 'Are there members with other --topics, or of an older version?',
      read: 'docs/faults.md, Kafka',
    });
  }
  return found;
}

function ofEvents(vitals: Vitals, deadLetters: number): Matter[] {
  const { parked } = vitals;
  const found: Matter[] = [];
  if (parked.full) {
    found.push({
      key: 'parked',
      found: 'bad',
      title: 'Nothing more is read: PARK_MAX is reached',
      detail: `${count(parked.waiting + parked.dead, 'event')} are parked`,
      todo: 'Find out which rows they wait for: dbw parked ls; or raise PARK_MAX.',
      read: 'docs/operations.md, 4',
    });
  } else if (parked.waiting > 0 && parked.oldestMs > PARKED_FOR_LONG_MS) {
    found.push({
      key: 'parked-old',
      found: 'poor',
      title: 'Events wait for a row for long',
      detail: `${count(parked.waiting, 'event')}, the oldest for ${spell(parked.oldestMs / 1000)}`,
      todo: 'Find out which rows they wait for: dbw parked ls',
      read: 'docs/operations.md, 4',
    });
  }
  const lags = [...lagByTopic(vitals)].filter(([, { held }]) => held === 0);
  const [furthest] = lags.sort(([, a], [, b]) => b.seconds - a.seconds);
  if (furthest && furthest[1].seconds > STALE_SECONDS) {
    const [topic, { seconds, events }] = furthest;
    found.push({
      key: 'behind',
      found: 'poor',
      title: 'Reads are stale',
      detail: `the next event of ${topic} has waited for ${spell(seconds)}; ${count(events, 'event')} to write`,
      todo: 'Does the lag fall? Then it is a question of time.',
      read: 'docs/operations.md, 6',
    });
  }
  if (deadLetters > 0) {
    found.push({
      key: 'dead-letters',
      found: 'poor',
      title: 'Events became dead letters',
      detail: `${deadLetters.toLocaleString('en-US')} in the last ten minutes`,
      todo: 'Find out why: dbw dlq summary',
      read: 'docs/operations.md, 1',
    });
  }
  return found;
}

const WEIGHT: Readonly<Record<Found, number>> = { good: 0, busy: 1, poor: 2, bad: 3 };

/**
 * What a person should know of a running `consume`, the worst first.
 *
 * @param deadLetters how many there were in the last ten minutes
 * @param now milliseconds since 1970
 */
export function mattersOf(vitals: Vitals, deadLetters: number, now: number): Matter[] {
  const all = [...ofServers(vitals), ...ofConsumer(vitals, now), ...ofTopics(vitals), ...ofEvents(vitals, deadLetters)];
  // That nothing is written explains why reads are stale.
  const isExplained = all.some(({ found }) => found === 'bad');
  return all.filter(({ key }) => !(isExplained && key === 'behind')).sort((a, b) => WEIGHT[b.found] - WEIGHT[a.found]);
}

/** The worst that is among them; good where there is none. */
export function worstOf(matters: readonly Matter[]): Found {
  return matters[0]?.found ?? 'good';
}

/** A matter that is over. */
export interface Past extends Matter {
  readonly since: number;
  readonly until: number;
}

/** Remembers since when a matter has been there, and which ended in the last ten minutes. It is to be shown them regularly. */
export class Sightings {
  private present = new Map<string, Matter & { readonly since: number }>();
  private ended: Past[] = [];

  /** @param now milliseconds since 1970 */
  look(matters: readonly Matter[], now: number): void {
    const before = this.present;
    this.present = new Map(
      matters.map((matter) => [matter.key, { ...matter, since: matter.since ?? before.get(matter.key)?.since ?? now }]),
    );
    for (const [key, matter] of before) {
      const isWorth = key !== 'starting' && now - matter.since >= BRIEF_MS;
      if (isWorth && !this.present.has(key)) this.ended.push({ ...matter, until: now });
    }
    this.ended = this.ended.filter(({ until }) => until > now - SPAN_MS).slice(-MOST);
  }

  /** Since when; in milliseconds since 1970. */
  since(key: string): number | undefined {
    return this.present.get(key)?.since;
  }

  /** What is over, the newest first. */
  get past(): readonly Past[] {
    return this.ended.toReversed();
  }
}

/** The first few, and how many more there are. */
export function few<T>(all: readonly T[]): { shown: readonly T[]; more: number } {
  return { shown: all.slice(0, MOST), more: Math.max(0, all.length - MOST) };
}
