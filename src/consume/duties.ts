import type { CatchUp } from '../writing/catch-up.js';
import type { Config } from '../config.js';
import type { Committer } from '../reading/committer.js';
import type { Surroundings } from './run.js';
import type { Sources } from '../reading/sources.js';
import { unstableOf } from '../health/health.js';
import type { Vitals } from '../health/vitals.js';
import type { Writing } from '../writing/writing.js';
import { reasonOf } from '../errors.js';
import { unreadPartitions } from '../kafka/readers.js';
import type { Positions } from '../postgres/positions.js';
import { Session } from '../postgres/session.js';
import type { Reading } from '../reading/reading.js';
import { keepHouse } from '../servers.js';
import { repeat } from '../waiting/repeat.js';
import { partitionName, type TopicPartition } from '../kafka/topic-partition.js';

const COMMIT_MS = 1_000;
const SWEEP_MS = 1_000;
const WAKE_MS = 20;
const FULL_SWEEP_MS = 60_000;
const REPORT_MS = 10_000;
const TOPIC_WATCH_MS = 5_000;
const LOG_WATCH_MS = 5_000;
const RECOVER_MS = 250;
const PING_MS = 1_000;
const BREAKERS_MS = 5_000;
const TRIALS_MS = 1_000;
const READERS_MS = 5_000;
const PARTITIONS_MS = 3_600_000;
const BOUNDED_COMMIT_MS = 100;

/** What the duties are done for. */
interface Worker {
  readonly committer: Committer;
  readonly reading: Reading;
  readonly writing: Writing;
  readonly positions: Positions;
  readonly sources: Sources;
  /** Partitions that nobody in the group reads. */
  unread: readonly TopicPartition[];
  readonly vitals: () => Vitals;
  readonly countParked: () => Promise<void>;
  readonly databaseMoved: () => void;
}

interface Parts {
  readonly catchUp: CatchUp;
  readonly config: Config;
  readonly around: Surroundings;
  readonly signal: AbortSignal;
  /** An eternal consumer notices new topics; a bounded one works on what was there at its start. */
  readonly isBounded: boolean;
}

/** What is done from the start on, so that health tells the truth also while it is waited for something. */
export async function watchServers(worker: Worker, { signal, around }: Parts): Promise<void> {
  await Promise.all([
    repeat(LOG_WATCH_MS, signal, around.log, 'watch of the logs', () => worker.reading.watch()),
    repeat(PING_MS, signal, around.log, 'question to PostgreSQL', () => ping(worker, around)),
  ]);
}

/** What is done regularly beside the writing: commit, sweep, watch, report, keep house. Resolves when the signal is aborted. */
export async function dutiesOf(worker: Worker, parts: Parts): Promise<void> {
  const { signal, isBounded, around } = parts;
  const { servers, log } = around;
  const { committer, reading, writing } = worker;
  const duty = (name: string, everyMs: number, work: () => Promise<unknown>) =>
    repeat(everyMs, signal, log, name, work);
  await Promise.all([
    duty('commit of offsets', isBounded ? BOUNDED_COMMIT_MS : COMMIT_MS, () => committer.run()),
    duty('wake of parked events', WAKE_MS, () => writing.wake()),
    duty('sweep of parked events', SWEEP_MS, sweep(worker, parts)),
    duty('search for where to go on', RECOVER_MS, () => reading.recover()),
    duty('records of breakers', BREAKERS_MS, () => writing.breakers.refresh()),
    duty('trials of open topics', TRIALS_MS, () => beginTrials(worker)),
    duty('look for partitions that nobody reads', READERS_MS, lookForReaders(worker, parts)),
    duty('report', REPORT_MS, report(worker, parts)),
    duty('upkeep of processed ids', PARTITIONS_MS, () => keepHouse(servers, reading.topics)),
    duty('watch for new topics', TOPIC_WATCH_MS, () => watchTopics(worker, parts)),
  ]);
}

function sweep(worker: Worker, parts: Parts): () => Promise<void> {
  const { parking } = worker.writing;
  let lastFull = Date.now();
  return async () => {
    await worker.writing.wake();
    if (!(await parking.isOccupied())) return;
    const full = Date.now() - lastFull > FULL_SWEEP_MS;
    if (full) lastFull = Date.now();
    await worker.writing.sweep(full);
    await giveUp(worker, parts);
    if (parking.size >= parts.config.park.max) await worker.countParked();
  };
}

/** Writes letters for what has waited in vain, where everything that could have brought it is read. */
async function giveUp({ writing }: Worker, { catchUp, config, around }: Parts): Promise<void> {
  const { parking } = writing;
  for (const table of await parking.tablesWithDue(config.park.timeoutMs)) {
    const reached = await catchUp.reached(table);
    if (reached === undefined) continue;
    const count = await parking.giveUp(table, Date.now() - reached + config.park.timeoutMs);
    const what = 'events have waited in vain for a row; their letters are written';
    if (count > 0) around.log.warn({ table: table.name, count }, what);
  }
}

/** Whether PostgreSQL answers, also while there is nothing to write; and how the process is, for what stood still. */
async function ping(worker: Worker, { database, servers, log }: Surroundings): Promise<void> {
  try {
    const hasMoved = await Session.with(servers.dataSource, (session) => worker.positions.haveMoved(session));
    if (database.heard()) {
      log.info('PostgreSQL answers again');
      worker.writing.store.condition.answered();
    }
    if (hasMoved) worker.databaseMoved();
  } catch (error) {
    if (database.failed(reasonOf(error)))
      log.warn(`PostgreSQL is away: ${reasonOf(error)}; tried again until it answers`);
  }
  worker.vitals();
}

/** Reads a few events of topics whose trial is due. */
function beginTrials({ writing, reading }: Worker): Promise<void> {
  for (const { topic } of writing.breakers.list()) {
    const trial = writing.breakers.trial(topic);
    if (trial?.messages.length === 0 && reading.isTopicHeld(topic)) reading.resumeTopic(topic);
  }
  return Promise.resolve();
}

/** Looks for partitions of all source topics, also of those that this process does not read. */
function lookForReaders(worker: Worker, { around, config }: Parts): () => Promise<void> {
  const { admin } = around.servers;
  let before = new Set<string>();
  return async () => {
    const found = await unreadPartitions(admin, config.kafka.groupId, await worker.sources.all());
    if (found === undefined) return; // the group is sharing its partitions
    // A topic or partition that was just made is found by its readers within seconds.
    const unread = found.filter((at) => before.has(partitionName(at)));
    before = new Set(found.map(partitionName));
    if (unread.length > 0 && worker.unread.length === 0) {
      const remedy = 'are there members with other --topics, or of an older version?';
      const about = { partitions: unread.length, first: unread[0] };
      around.log.error(about, `nobody in the group reads some partitions; ${remedy}`);
    }
    if (unread.length === 0 && worker.unread.length > 0) around.log.info('somebody in the group reads every partition');
    worker.unread = unread;
  };
}

/** Reads topics that have come to exist, and no more those that are gone. A bounded run works on what was there at its start. */
async function watchTopics({ sources, reading }: Worker, { around, isBounded }: Parts): Promise<void> {
  const present = await sources.present();
  const fresh = isBounded ? [] : await sources.fit(present.filter((topic) => !reading.topics.includes(topic)));
  const gone = reading.topics.filter((topic) => !present.includes(topic));
  if (fresh.length > 0) around.log.info({ topics: fresh }, 'new topics are read from now on');
  if (gone.length > 0)
    around.log.warn({ topics: gone }, 'topics were deleted; they are read again when they are made again');
  if (fresh.length + gone.length > 0) {
    await reading.reopen([...reading.topics.filter((topic) => present.includes(topic)), ...fresh]);
  }
}

/** A line every 10 s. */
function report(worker: Worker, { around }: Parts): () => Promise<void> {
  const { tally, log } = around;
  let last = { messages: 0, batches: 0, at: Date.now() };
  return async () => {
    const at = Date.now();
    const messages = tally.messages - last.messages;
    const batches = tally.batches - last.batches;
    await worker.countParked().catch(() => undefined);
    const { parked, partitions, trouble } = worker.vitals();
    const unstable = unstableOf({ partitions });
    const { applied, duplicate, collision, dead_letter: deadLetters } = tally.byOutcome;
    const line = {
      eventsPerSecond: Math.round((messages / (at - last.at)) * 1000),
      lag: partitions.reduce((sum, { lag }) => sum + lag, 0),
      ...(unstable > 0 ? { unstable } : {}),
      batchSize: batches > 0 ? Math.round(messages / batches) : 0,
      applied,
      duplicates: duplicate + collision,
      deadLetters,
      parked: parked.waiting + parked.dead,
      retries: tally.retries,
      rssMiB: Math.round(process.memoryUsage.rss() / 1024 / 1024),
      ...(trouble ? { trouble: trouble.reason } : {}),
    };
    last = { messages: tally.messages, batches: tally.batches, at };
    log.info(line, 'progress');
  };
}
