import { codeOf } from './errors.js';

/**
 * What a failure says about: the moment (`transient`), a row that is not there yet (`dependency`), the event (`data`), or
 * our own code (`bug`), or
 * the database as a whole (`systemic`). `unknown` may be either.
 */
export type FailureClass = 'transient' | 'dependency' | 'data' | 'bug' | 'systemic' | 'unknown';

/** SQLSTATEs by their beginning; the longest that fits decides. Source: PostgreSQL's manual, appendix A. */
const SQLSTATES: Readonly<Record<string, FailureClass>> = {
  '08': 'transient', // connection exceptions
  '25006': 'transient', // read-only transaction: we talk to a replica, another connection may lead elsewhere
  '25P03': 'transient', // idle-in-transaction timeout: we were too slow
  '40001': 'transient', // serialization failure
  '40P01': 'transient', // deadlock
  '53300': 'transient', // too many connections
  '55P03': 'transient', // lock timeout
  '54001': 'transient', // statement too complex: a smaller batch
  '57014': 'transient', // statement timeout: a smaller batch
  '57P0': 'transient', // shutdown, crash, starting up
  '23503': 'dependency', // foreign key
  '21000': 'bug', // one row twice in a statement
  '22': 'data', // data exceptions
  '54000': 'data', // an index row too large
  '23502': 'data', // not null
  '23505': 'data', // unique
  '23514': 'data', // check
  '28': 'systemic', // authorization
  '3D000': 'systemic', // no such database
  '42': 'systemic', // syntax error or access rule violation: our statements or our rights
  '53': 'systemic', // disk full, out of memory
  '58': 'systemic', // I/O errors
  XX: 'systemic', // internal errors, corruption
};

/** Errors of sockets and of the libraries that use them. */
const NETWORK = /^E(CONN|PIPE|TIMEDOUT|HOSTUNREACH|NETUNREACH|NOTFOUND|AI_AGAIN)/;
const NETWORK_TEXT =
  /timeout|terminated|connection (error|ended|closed)|not queryable|closed the connection|Query read timeout/i;

/** Five letters are not enough: EPIPE is the network's. */
const SQLSTATE = /^(\d[0-9A-Z]|F0|HV|P0|XX)[0-9A-Z]{3}$/;

/** What the database said about where it failed; never what it said about values. */
export interface DatabaseFault {
  readonly sqlState: string;
  readonly schema: string | undefined;
  readonly table: string | undefined;
  readonly constraint: string | undefined;
}

function textOf(error: object, name: string): string | undefined {
  const value: unknown = Object.getOwnPropertyDescriptor(error, name)?.value;
  return typeof value === 'string' ? value : undefined;
}

/** The fault that PostgreSQL reported, or undefined where the error is none of its own. */
export function faultOf(error: unknown): DatabaseFault | undefined {
  const code = codeOf(error);
  if (typeof error !== 'object' || error === null || code === undefined || !SQLSTATE.test(code)) return undefined;
  if (!('severity' in error) && !('driverError' in error)) return undefined;
  const source =
    'driverError' in error && typeof error.driverError === 'object' && error.driverError ? error.driverError : error;
  return {
    sqlState: code,
    schema: textOf(source, 'schema'),
    table: textOf(source, 'table'),
    constraint: textOf(source, 'constraint'),
  };
}

/** Which class an error of the database or of the way to it belongs to. */
export function classOf(error: unknown): FailureClass {
  const fault = faultOf(error);
  if (!fault) {
    const message = error instanceof Error ? error.message : '';
    return NETWORK.test(codeOf(error) ?? '') || NETWORK_TEXT.test(message) ? 'transient' : 'unknown';
  }
  // A fault in the writer's own tables (a missing partition is a 23514) says nothing about the event.
  if (fault.schema === 'dbw' && !/^(08|40|53300|55P03|57)/.test(fault.sqlState)) return 'systemic';
  for (let length = 5; length >= 2; length--) {
    const found = SQLSTATES[fault.sqlState.slice(0, length)];
    if (found) return found;
  }
  return 'unknown';
}

/** What to do about a failure. */
export interface Failure {
  readonly class: FailureClass;
  /** Why it belongs to its class, for people. */
  readonly reason: string;
  /** Half of the batch may succeed where all of it does not: it is halved before it is tried again. */
  readonly halve: boolean;
  /** The connection leads to the wrong server, or nowhere: it is thrown away. */
  readonly reconnect: boolean;
  /** What the operator can do about it. */
  readonly remedy?: string;
}

/** What an error says, and what to do about it. */
export function failureOf(error: unknown): Failure {
  const fault = faultOf(error);
  const kind = classOf(error);
  const state = fault?.sqlState ?? '';
  return {
    class: kind,
    reason: '',
    halve: state === '54001' || state === '57014',
    reconnect: kind === 'transient' && (fault === undefined || /^(08|25006|57P0)/.test(state)),
  };
}
