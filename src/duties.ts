import type { Logger } from 'pino';
import type { CatchUp } from './catch-up.js';
import type { Config } from './config.js';
import type { Committer } from './committer.js';
import type { Lag } from './lag.js';
import type { Parking } from './parking.js';
import { repeat } from './repeat.js';
import type { Servers } from './servers.js';
import type { Tally } from './tally.js';

const COMMIT_MS = 1_000;
const SWEEP_MS = 1_000;
const FULL_SWEEP_MS = 60_000;
const REPORT_MS = 10_000;
const TOPIC_WATCH_MS = 5_000;
const PARTITIONS_MS = 3_600_000;
const BOUNDED_COMMIT_MS = 100;

/** What the duties are done for. */
interface Worker {
  readonly parking: Parking;
  readonly committer: Committer;
  readonly tally: Tally;
  readonly lag: Lag;
  readonly boundParked: () => void;
  readonly watchTopics: () => Promise<void>;
}

interface Parts {
  readonly catchUp: CatchUp;
  readonly config: Config;
  readonly servers: Servers;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** An eternal consumer notices new topics; a bounded one works on what was there at its start. */
  readonly watchTopics: boolean;
}

/** What is done regularly beside the writing: commit, sweep, give up, report, keep house. Resolves when the signal is aborted. */
export async function dutiesOf(worker: Worker, parts: Parts): Promise<void> {
  const { config, log, signal, servers, watchTopics } = parts;
  const duty = (name: string, everyMs: number, work: () => Promise<unknown>) =>
    repeat(everyMs, signal, log, name, work);
  const { parking, committer } = worker;
  let lastFull = Date.now();
  const sweep = async () => {
    await parking.wakeWanted();
    if (!(await parking.isOccupied())) return;
    const full = Date.now() - lastFull > FULL_SWEEP_MS;
    if (full) lastFull = Date.now();
    await parking.sweep(full);
    await giveUp(worker, parts);
    if (parking.size >= config.park.max) {
      await parking.count();
      worker.boundParked();
    }
  };
  await Promise.all([
    duty('commit of offsets', watchTopics ? COMMIT_MS : BOUNDED_COMMIT_MS, () => committer.run()),
    duty('sweep of parked events', SWEEP_MS, sweep),
    duty('wake of parked events', 20, () => parking.wakeWanted()),
    duty('report', REPORT_MS, report(worker, log)),
    duty('upkeep of processed ids', PARTITIONS_MS, () => servers.processed.load(servers.dataSource)),
    ...(watchTopics ? [duty('watch for new topics', TOPIC_WATCH_MS, () => worker.watchTopics())] : []),
  ]);
}

/** Writes letters for what has waited in vain, where everything that could have brought it is read. */
async function giveUp({ parking }: Worker, { catchUp, config, log }: Parts): Promise<void> {
  for (const table of await parking.tablesWithDue(config.park.timeoutMs)) {
    const reached = await catchUp.reached(table);
    if (reached === undefined) continue;
    const count = await parking.giveUp(table, Date.now() - reached + config.park.timeoutMs);
    if (count > 0)
      log.warn({ table: table.name, count }, 'events have waited in vain for a row; their letters are written');
  }
}

/** A line every 10 s, where anything happened or waits. */
function report(worker: Worker, log: Logger): () => Promise<void> {
  let last = { messages: 0, batches: 0, at: Date.now() };
  return async () => {
    const { tally, lag, parking } = worker;
    const at = Date.now();
    const messages = tally.messages - last.messages;
    const batches = tally.batches - last.batches;
    const parked = await parking.count();
    const line = {
      eventsPerSecond: Math.round((messages / (at - last.at)) * 1000),
      lag: lag.events,
      batchSize: batches > 0 ? Math.round(messages / batches) : 0,
      applied: tally.byOutcome.applied,
      duplicates: tally.byOutcome.duplicate + tally.byOutcome.collision,
      deadLetters: tally.byOutcome.dead_letter,
      parked: parked.waiting + parked.dead,
      retries: tally.retries,
      rssMiB: Math.round(process.memoryUsage.rss() / 1024 / 1024),
    };
    last = { messages: tally.messages, batches: tally.batches, at };
    log.info(line, 'progress');
  };
}
