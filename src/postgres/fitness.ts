import type { Logger } from 'pino';
import type { DataSource } from 'typeorm';
import { AwayError, EXIT, UserError } from '../errors.js';
import { refuseMissingRights, type Duty } from './rights.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** Clocks further apart are refused, and told of. Milliseconds. */
const REFUSED_APART = HOUR_MS;
const TOLD_APART = 5_000;

/**
 * Makes sure that this PostgreSQL, and this machine's clock beside it, can be trusted with the only copy of events.
 *
 * @throws AwayError where it takes no writes now, UserError where it may lose commits, where rights are missing, or where
 *   the clocks are more than an hour apart
 */
export async function refuseUnfit(dataSource: DataSource, log: Logger, duty: Duty = 'keep house'): Promise<void> {
  await refuseReadOnly(dataSource);
  await refuseUnsafe(dataSource);
  await refuseMissingRights(dataSource, duty);
  await compareClocks(dataSource, log);
}

/** A standby that waits for its promotion, or a database that somebody has closed for a while, will write again. */
async function refuseReadOnly(dataSource: DataSource): Promise<void> {
  const [row]: { recovery: boolean; closed: boolean }[] = await dataSource.query(
    `SELECT pg_is_in_recovery() AS recovery, current_setting('transaction_read_only') = 'on' AS closed`,
  );
  if (!row?.closed) return;
  const { options } = dataSource;
  const place = options.type === 'postgres' ? `${options.host ?? ''}:${options.port ?? ''}` : '';
  const [what, remedy] = row.recovery
    ? ['is in recovery (a standby)', 'Promote it, or set DB_HOST to the primary.']
    : ['is set to be read-only', 'Set default_transaction_read_only=off for this database and role.'];
  throw new AwayError('A PostgreSQL that takes writes', place, `the one there ${what}`, remedy);
}

/** A server that may lose commits is no place for the only copy. */
async function refuseUnsafe(dataSource: DataSource): Promise<void> {
  for (const setting of ['fsync', 'synchronous_commit']) {
    const rows: Record<string, string>[] = await dataSource.query(`SHOW ${setting}`);
    if (rows[0]?.[setting] !== 'off') continue;
    const why = `PostgreSQL runs with ${setting}=off: it may lose rows whose offsets are committed`;
    throw new UserError(`${why}. Turn it on; dbw does not write to such a server.`, EXIT.refused);
  }
}

/** A length of time for people, in the largest unit of which it has two, or all but. */
function span(ms: number): string {
  if (ms >= 1.95 * DAY_MS) return `${Math.round(ms / DAY_MS)} days`;
  if (ms >= 1.95 * HOUR_MS) return `${Math.round(ms / HOUR_MS)} hours`;
  if (ms >= 1.95 * MINUTE_MS) return `${Math.round(ms / MINUTE_MS)} minutes`;
  return `${Math.round(ms / 1000)} s`;
}

/** Whether an event's time can be true is decided by this machine's clock; PostgreSQL's is the second opinion. */
async function compareClocks(dataSource: DataSource, log: Logger): Promise<void> {
  const before = Date.now();
  const [row]: { ms: number }[] = await dataSource.query(
    'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS ms',
  );
  const after = Date.now();
  const theirs = row?.ms ?? after;
  // Its answer was made between the two: only what lies outside is certain.
  const apart = Math.max(theirs - after, before - theirs, 0);
  if (apart <= TOLD_APART) return;
  const behind = theirs > after;
  const what = `The clock of this machine is ${span(apart)} ${behind ? 'behind' : 'ahead of'} PostgreSQL's`;
  const remedy = 'Set the wrong one right (NTP)';
  if (apart <= REFUSED_APART) {
    log.warn({ milliseconds: Math.round(behind ? -apart : apart) }, `${what}. ${remedy}`);
    return;
  }
  const harm = behind
    ? 'valid events would be refused as events of the future'
    : 'events of the future would be taken as valid, and dead letters would have false times';
  throw new UserError(`${what}: ${harm}. ${remedy}, then start again.`, EXIT.refused);
}
