import { faultOf } from '../failures/failure.js';
import type { Session } from './session.js';
import { statement, type Statement } from './statements.js';

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

const IDENTITY = `concat_ws('/', (SELECT system_identifier FROM pg_control_system()), ${PLACE})`;

/** For a role without the right to read the control file. */
const PLAIN_IDENTITY = `concat_ws('/', ${PLACE})`;

/** What was answered on a connection, to what its role may ask. */
const known = new WeakMap<object, { readonly identity: Identity; readonly asked: string }>();

/** Asks the server. */
export async function askIdentity(session: Session): Promise<Identity> {
  const ask = async (asked: string) => {
    const { rows } = await session.query(`SELECT ${asked}`);
    const identity = String(rows[0]?.[0]);
    known.set(session.connection, { identity, asked });
    return identity;
  };
  return ask(IDENTITY).catch(() => ask(PLAIN_IDENTITY));
}

const DIVISION_BY_ZERO = '22012';

/**
 * Fails, and with it the transaction, where a connection leads to another database by now than it did when it was asked; see
 * `isElsewhere`. To be sent together with statements that count on that.
 */
export function stillThere(session: Session): Statement {
  const { asked = PLAIN_IDENTITY, identity = '' } = known.get(session.connection) ?? {};
  // Plain SQL has no other way to fail.
  return statement(`SELECT 1 / (${asked} = $1)::integer`, [Buffer.from(identity)]);
}

/** Whether that is what has failed: no other statement of ours divides. */
export function isElsewhere(error: unknown): boolean {
  return faultOf(error)?.sqlState === DIVISION_BY_ZERO;
}

/** What the server said when the connection was new: when it restarts or is replaced, its connections are gone. */
export async function identityOf(session: Session): Promise<Identity> {
  return known.get(session.connection)?.identity ?? askIdentity(session);
}
