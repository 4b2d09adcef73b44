import { setTimeout as sleep } from 'node:timers/promises';
import { LogEnds } from '../../src/kafka/log-ends.js';
import { committedOffsets } from '../../src/kafka/topics.js';
import { until } from '../support/services/until.js';
import { testKafka } from '../support/topics.js';
import type { Stage } from './stage.js';

const POLL_MS = 500;
/** Nothing moved for so long, and every server is well: it hangs. */
const STALL_MS = 150_000;

/** How far a group is in one partition: what Kafka knows, what PostgreSQL knows, and the end. */
interface Standing {
  readonly at: string;
  readonly committed: number;
  readonly position: number;
  readonly end: number;
}

/** How far a group is in every partition that holds anything. */
export async function standings(stage: Stage, group: string): Promise<Standing[]> {
  const [ends, offsets] = await Promise.all([
    LogEnds.with(testKafka(), (logEnds) => logEnds.ask(stage.topics)),
    stage.admin((admin) => committedOffsets(admin, group, stage.topics)),
  ]);
  const rows: { topic: string; partition: number; next: number }[] = await stage.dataSource.query(
    'SELECT topic, partition, next_offset::float8 AS next FROM dbw.positions WHERE group_id = $1',
    [group],
  );
  const nameOf = (at: { topic: string; partition: number }) => `${at.topic}:${at.partition}`;
  const committed = new Map(offsets.map((at) => [nameOf(at), at.offset]));
  const positions = new Map(rows.map((at) => [nameOf(at), at.next]));
  return ends.flatMap((end) => {
    const at = nameOf(end);
    if (end.high === 0) return [];
    return [{ at, committed: committed.get(at) ?? 0, position: positions.get(at) ?? 0, end: end.high }];
  });
}

/** How many records are still to come. */
export function leftOf(all: readonly Standing[]): number {
  return all.reduce((sum, { committed, position, end }) => sum + end - Math.min(committed, position), 0);
}

/** Partitions whose end the group has not committed, or has not in PostgreSQL. */
export function behind(all: readonly Standing[]): string[] {
  return all
    .filter(({ committed, position, end }) => committed !== end || position !== end)
    .map(({ at, committed, position, end }) => `${at}: committed ${committed}, position ${position}, end ${end}`);
}

/** Waits until the group has committed something: faults before that would meet nobody at work. */
export async function atWork(stage: Stage, group: string): Promise<void> {
  const began = async () => (await standings(stage, group)).some(({ committed }) => committed > 0);
  await until('the first commit of offsets', began, { seconds: 180 });
}

/**
 * Waits until the group has done everything and only `waiting` events stay parked, or until nothing moves any more.
 * Returns the seconds that it took, undefined where it hangs, and how things stand then.
 */
export async function caughtUp(
  stage: Stage,
  group: string,
  waiting: number,
  report: (line: string) => void,
): Promise<{ seconds: number | undefined; state: string }> {
  const began = Date.now();
  let [moved, last, told] = [began, '', began];
  for (;;) {
    const all = await standings(stage, group);
    const left = leftOf(all);
    const parked = await parkedCount(stage);
    const now = Date.now();
    const state = `${left} to come, ${parked} parked (${waiting} for good)`;
    if (left === 0 && parked === waiting) return { seconds: (now - began) / 1000, state };
    if (state !== last) [moved, last] = [now, state];
    if (now - moved > STALL_MS) return { seconds: undefined, state };
    if (now - told > 10_000) {
      report(state);
      told = now;
    }
    await sleep(POLL_MS);
  }
}

async function parkedCount(stage: Stage): Promise<number> {
  const [row]: { count: number }[] = await stage.dataSource.query(
    'SELECT count(*)::float8 AS count FROM dbw.parked_events',
  );
  return row?.count ?? 0;
}
