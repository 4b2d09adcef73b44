// `dbw` as a process of its own: what it says, how long it takes, and how much memory and CPU it needs.
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { startDbw } from '../../test/support/cli.js';
import { unique } from '../../test/support/unique.js';
import { dropDatabase, newDatabase } from './databases.js';

export interface Consumed {
  /** From the first batch that is taken to the last that is finished, as it says itself. */
  readonly eventsPerSecond: number;
  /** The most memory that the process held, in MiB. */
  readonly peakMiB: number;
}

/** The most memory that a process has held so far, in MiB; 0 when it is gone. */
async function peakOf(pid: number | undefined): Promise<number> {
  const status = await readFile(`/proc/${pid ?? 0}/status`, 'utf8').catch(() => '');
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024;
}

/** Runs a command to its end, and reads what it prints as JSON. */
async function runJson(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<{ result: Record<string, unknown>; peakMiB: number }> {
  const { child, ended } = startDbw([...args, '--json'], { LOG_LEVEL: 'error', ...env });
  let peakMiB = 0;
  const closed = ended.then(() => true);
  while (!(await Promise.race([closed, delay(100, false)]))) peakMiB = Math.max(peakMiB, await peakOf(child.pid));
  const { stdout, stderr } = await ended;
  const result: unknown = JSON.parse(stdout);
  if (typeof result !== 'object' || result === null) throw new Error(`dbw ${args.join(' ')} failed: ${stderr}`);
  return { result: result as Record<string, unknown>, peakMiB };
}

/** Reads topics to their end into a new database. */
export async function consume(prefix: string, env: Readonly<Record<string, string>> = {}): Promise<Consumed> {
  const database = await newDatabase();
  const place = { DB_DATABASE: database, KAFKA_TOPIC_PREFIX: prefix, KAFKA_GROUP_ID: unique('group') };
  const { result, peakMiB } = await runJson(['consume', '--until-caught-up'], { ...place, ...env });
  await dropDatabase(database);
  const { eventsPerSecond, outcomes } = result;
  if (typeof eventsPerSecond !== 'number') throw new Error(`consume failed: ${JSON.stringify(outcomes)}`);
  return { eventsPerSecond, peakMiB };
}
