// `dbw` as a process of its own: what it says, how long it takes, and how much memory and CPU it needs.
import { setTimeout as delay } from 'node:timers/promises';
import { startDbw } from '../../test/support/cli.js';
import { unique } from '../../test/support/unique.js';
import { postgresCpu, usedBy, type Used } from './cpu.js';
import { inNewDatabase } from './databases.js';
import type { Sample } from './rounds.js';
import { emptyTopics, POST_TOPICS } from './staging.js';

type Environment = Readonly<Record<string, string>>;

const LOOK_EVERY_MS = 100;

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
  while (!(await Promise.race([closed, delay(LOOK_EVERY_MS, false)]))) used = (await usedBy(child.pid ?? 0)) ?? used;
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
  /** Whether some of the events are refused, or wait for a row, as they should. */
  readonly dirty?: boolean;
}

/** What the outcome of the clean events must be: others would cost something else. */
function expectClean(result: ReadonlyMap<string, unknown>): void {
  const { deadLettersByReason, stillParked } = Object.fromEntries(result);
  const refused = JSON.stringify(deadLettersByReason);
  if (refused !== '{}' || stillParked !== 0)
    throw new Error(`clean events: refused ${refused}, parked ${String(stillParked)}`);
}

/** What was used to read topics to their end. */
interface Spent {
  readonly result: ReadonlyMap<string, unknown>;
  readonly peakMiB: number;
  /** Seconds of CPU. */
  readonly dbw: number;
  /** Undefined where PostgreSQL is not on this machine. */
  readonly postgres: number | undefined;
}

export async function readToTheEnd(database: string, { prefix, args = [], env = {} }: Consuming): Promise<Spent> {
  const place = { DB_DATABASE: database, KAFKA_TOPIC_PREFIX: prefix, KAFKA_GROUP_ID: unique('group') };
  const before = await postgresCpu(database);
  const { result, used } = await runJson(['consume', '--until-caught-up', ...args], { ...place, ...env });
  const after = await postgresCpu(database);
  const postgres = before === undefined || after === undefined ? undefined : after - before;
  return { result, peakMiB: used.peakMiB, dbw: used.cpuSeconds, postgres };
}

let idle: Promise<Spent> | undefined;

/** `consume` with nothing to do; measured once. */
function idleRun(): Promise<Spent> {
  idle ??= emptyTopics(POST_TOPICS).then((prefix) => {
    return inNewDatabase((database) => readToTheEnd(database, { prefix }));
  });
  return idle;
}

/**
 * Reads topics to their end into a database.
 *
 * @param events how many messages there are
 * @returns events a second from the first batch that is taken to the last that is finished, as dbw says itself; CPU for one
 *   event, without what it takes to come and go, in microseconds; the most memory that dbw held
 */
export async function consumeInto(database: string, events: number, what: Consuming): Promise<Sample> {
  const without = await idleRun();
  const { result, peakMiB, dbw, postgres } = await readToTheEnd(database, what);
  if (!what.dirty) expectClean(result);
  const micros = (all: number, idle = 0) => (Math.max(0, all - idle) / events) * 1e6;
  return {
    eventsPerSecond: numberOf(result.get('eventsPerSecond'), 'eventsPerSecond'),
    cpuMicros: micros(dbw, without.dbw),
    ...(postgres === undefined ? {} : { postgresMicros: micros(postgres, without.postgres) }),
    peakMiB,
  };
}

/** The same into a new database. */
export async function consume(events: number, what: Consuming): Promise<Sample> {
  await idleRun(); // not while another database lies about
  return inNewDatabase((database) => consumeInto(database, events, what));
}
