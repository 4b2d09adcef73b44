// `dbw` as a process of its own: what it says, how long it takes, and how much memory and CPU it needs.
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { startDbw } from '../../test/support/cli.js';
import { unique } from '../../test/support/unique.js';
import { inNewDatabase } from './databases.js';
import { dropTopics, emptyTopics, POST_TOPICS } from './staging.js';

type Environment = Readonly<Record<string, string>>;

/** What a process has used, as Linux counts it; zeros elsewhere. */
export interface Used {
  /** The most memory that it held, in MiB. */
  readonly peakMiB: number;
  /** CPU of all its threads, in seconds. */
  readonly cpuSeconds: number;
}

const LOOK_EVERY_MS = 100;
/** Linux tells CPU time in ticks of 1/100 s, whatever the kernel's own. */
const TICKS_PER_SECOND = 100;

/** What a process has used so far; undefined when it is gone. */
async function look(pid: number): Promise<Used | undefined> {
  const read = (file: string) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '');
  const [status, stat] = await Promise.all([read('status'), read('stat')]);
  const peak = /^VmHWM:\s+(\d+) kB/m.exec(status)?.[1];
  if (peak === undefined) return undefined;
  // Fields 14 and 15; the second, in brackets, may hold anything.
  const [user, system] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13);
  return { peakMiB: Number(peak) / 1024, cpuSeconds: (Number(user) + Number(system)) / TICKS_PER_SECOND };
}

/**
 * Runs a command to its end, and reads what it prints as JSON.
 *
 * @throws Error when it fails: what failed would be measured as very fast
 */
export async function runJson(
  args: readonly string[],
  env: Environment,
): Promise<{ result: ReadonlyMap<string, unknown>; seconds: number; used: Used }> {
  const started = performance.now();
  const { child, ended } = startDbw([...args, '--json'], { LOG_LEVEL: 'error', ...env });
  let used: Used = { peakMiB: 0, cpuSeconds: 0 };
  const closed = ended.then(() => true);
  while (!(await Promise.race([closed, delay(LOOK_EVERY_MS, false)]))) used = (await look(child.pid ?? 0)) ?? used;
  const { status, stdout, stderr } = await ended;
  const seconds = (performance.now() - started) / 1000;
  if (status !== 0) throw new Error(`dbw ${args.join(' ')} ended with status ${status}: ${stderr}${stdout}`);
  const result: unknown = JSON.parse(stdout);
  if (typeof result !== 'object' || result === null) throw new Error(`dbw ${args.join(' ')} printed ${stdout}`);
  return { result: new Map<string, unknown>(Object.entries(result)), seconds, used };
}

/** A number that a command has printed. */
export function numberOf(value: unknown, name: string): number {
  if (typeof value !== 'number') throw new Error(`dbw printed no ${name}`);
  return value;
}

/** What `consume` is told. */
export interface Consuming {
  /** What the names of the topics begin with. */
  readonly prefix: string;
  readonly args?: readonly string[];
  readonly env?: Environment;
}

async function readToTheEnd(database: string, { prefix, args = [], env = {} }: Consuming) {
  const place = { DB_DATABASE: database, KAFKA_TOPIC_PREFIX: prefix, KAFKA_GROUP_ID: unique('group') };
  return runJson(['consume', '--until-caught-up', ...args], { ...place, ...env });
}

let idle: Promise<number> | undefined;

/** The CPU that `consume` needs to come and go with nothing to do, in seconds; measured once. */
function idleCpu(): Promise<number> {
  idle ??= emptyTopics(POST_TOPICS).then(async (prefix) => {
    const { used } = await inNewDatabase((database) => readToTheEnd(database, { prefix }));
    await dropTopics([prefix]);
    return used.cpuSeconds;
  });
  return idle;
}

/**
 * Reads topics to their end into a database.
 *
 * @param events how many messages there are
 * @returns events a second from the first batch that is taken to the last that is finished, as dbw says itself; its CPU for
 *   one event, without that of its start, in microseconds; the most memory that it held
 */
export async function consumeInto(database: string, events: number, what: Consuming) {
  const without = await idleCpu();
  const { result, used } = await readToTheEnd(database, what);
  return {
    eventsPerSecond: numberOf(result.get('eventsPerSecond'), 'eventsPerSecond'),
    cpuMicros: (Math.max(0, used.cpuSeconds - without) / events) * 1e6,
    peakMiB: used.peakMiB,
  };
}

/** The same into a new database. */
export async function consume(events: number, what: Consuming) {
  await idleCpu(); // not while another database lies about
  return inNewDatabase((database) => consumeInto(database, events, what));
}
