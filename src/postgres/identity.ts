import type { Session } from './session.js';

/**
 * Which database a connection leads to: the cluster, the database, the server's start, its WAL timeline, and the file that
 * the oldest processed ids are in. A copy that was restored, a replica that was promoted, a database or a table that was
 * made anew or emptied is another one, even where name and address are the same.
 */
export type Identity = string;

// A standby has no timeline of its own to tell; asked for it, it says 55000, which may be anything. The statements that
// write say 25006 there, which is clear.
const PLACE = `current_database(), (SELECT oid FROM pg_database WHERE datname = current_database()),
  extract(epoch FROM pg_postmaster_start_time()),
  CASE WHEN pg_is_in_recovery() THEN 'standby' ELSE substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) END,
  pg_relation_filenode('dbw.processed_events_old')`;

const IDENTITY = `SELECT concat_ws('/', (SELECT system_identifier FROM pg_control_system()), ${PLACE})`;

/** For a role without the right to read the control file. */
const PLAIN_IDENTITY = `SELECT concat_ws('/', ${PLACE})`;

const known = new WeakMap<object, Identity>();

/** Asks the server. */
export async function askIdentity(session: Session): Promise<Identity> {
  const { rows } = await session.query(IDENTITY).catch(() => session.query(PLAIN_IDENTITY));
  const identity = String(rows[0]?.[0]);
  known.set(session.connection, identity);
  return identity;
}

/** What the server said when the connection was new: when it restarts or is replaced, its connections are gone. */
export async function identityOf(session: Session): Promise<Identity> {
  return known.get(session.connection) ?? askIdentity(session);
}
