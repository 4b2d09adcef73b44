import type { Session } from './session.js';

/**
 * Which database a connection leads to: the cluster, the database, the server's start and its WAL timeline. A copy that
 * was restored, or a replica that was promoted, is another one even where name and address are the same.
 */
export type Identity = string;

const IDENTITY = `SELECT concat_ws('/', (SELECT system_identifier FROM pg_control_system()), current_database(),
  extract(epoch FROM pg_postmaster_start_time()), substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))`;

/** A role without the right to read the control file still tells copies apart by their start and timeline. */
const PLAIN_IDENTITY = `SELECT concat_ws('/', current_database(), (SELECT oid FROM pg_database WHERE datname = current_database()),
  extract(epoch FROM pg_postmaster_start_time()), substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))`;

const known = new WeakMap<object, Identity>();

/** Asks once a connection: when the server restarts or is replaced, its connections are gone. */
export async function identityOf(session: Session): Promise<Identity> {
  const held = known.get(session.connection);
  if (held !== undefined) return held;
  const { rows } = await session.query(IDENTITY).catch(() => session.query(PLAIN_IDENTITY));
  const identity = String(rows[0]?.[0]);
  known.set(session.connection, identity);
  return identity;
}
