import type { FailureClass, Fault } from './fault.js';
import { FAULTS } from './faults.js';
import { tables } from '../handlers/index.js';
import { OWN_TABLES } from '../postgres/faults.js';

export type { FailureClass } from './fault.js';

const OF_EVENTS: ReadonlySet<string> = new Set(tables.map(({ name }) => name));
const SQLSTATE = /^[0-9A-Z]{5}$/;
const SQLSTATE_LENGTH = 5;
/** Deeper than any library wraps its errors. */
const MAX_WRAPPED = 32;

/** What the database said about where it failed; never what it said about values. */
export interface DatabaseFault {
  readonly sqlState: string;
  readonly schema: string | undefined;
  readonly table: string | undefined;
  readonly constraint: string | undefined;
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
  /** What the operator does now, where there is anything to do. */
  readonly remedy?: string;
}

/** An own property that is a text, whatever the object is. */
function textOf(error: object, name: string): string | undefined {
  const value: unknown = Object.getOwnPropertyDescriptor(error, name)?.value;
  return typeof value === 'string' ? value : undefined;
}

/** The error and those that it wraps, outermost first: TypeORM's `driverError`, a `cause`, several `errors`. */
function unwrapped(error: unknown): object[] {
  const found = new Set<object>();
  const queue: unknown[] = [error];
  for (const next of queue) {
    if (typeof next !== 'object' || next === null || found.has(next)) continue;
    if (found.size === MAX_WRAPPED) break;
    found.add(next);
    if ('driverError' in next) queue.push(next.driverError);
    if ('cause' in next) queue.push(next.cause);
    if ('errors' in next && Array.isArray(next.errors)) queue.push(...(next.errors as unknown[]));
  }
  return [...found];
}

/** What one error says if PostgreSQL sent it: its errors have a severity; the network's codes come without. */
function reportOf(error: object): DatabaseFault | undefined {
  const sqlState = textOf(error, 'code');
  if (sqlState === undefined || !SQLSTATE.test(sqlState) || textOf(error, 'severity') === undefined) return undefined;
  return {
    sqlState,
    schema: textOf(error, 'schema'),
    table: textOf(error, 'table'),
    constraint: textOf(error, 'constraint'),
  };
}

/** The fault that PostgreSQL reported, or undefined where the error is none of its own. */
export function faultOf(error: unknown): DatabaseFault | undefined {
  for (const one of unwrapped(error)) {
    const fault = reportOf(one);
    if (fault) return fault;
  }
  return undefined;
}

function placeOf({ schema, table }: DatabaseFault): Fault['table'] {
  if (schema === 'dbw') return 'of dbw';
  return schema === 'public' && table !== undefined && OF_EVENTS.has(table) ? 'of events' : undefined;
}

function rowOfServer(fault: DatabaseFault): Fault | undefined {
  const place = placeOf(fault);
  const rows = FAULTS.filter(({ of, table }) => of === 'SQLSTATE' && (table === undefined || table === place));
  let row: Fault | undefined;
  for (let length = SQLSTATE_LENGTH; length > 0 && !row; length--) {
    const beginning = fault.sqlState.slice(0, length);
    row = rows.find(({ match }) => match.includes(beginning));
  }
  // Not even a value out of range says anything about the event when it is the writer's own.
  const isOfEvent = row?.class !== 'transient' && row?.class !== 'systemic';
  return place === 'of dbw' && isOfEvent ? OWN_TABLES : row;
}

/** Of JavaScript itself: what they say is never about a server. */
const MISTAKES = new Set(['TypeError', 'RangeError', 'ReferenceError', 'SyntaxError']);

function rowOfLibrary(error: object): Fault | undefined {
  const codes = [textOf(error, 'code'), textOf(error, 'type')];
  // An error's name may be its class's.
  const name = error instanceof Error ? error.name : undefined;
  const message = name !== undefined && MISTAKES.has(name) ? undefined : textOf(error, 'message');
  return FAULTS.find(({ of, match }) => {
    if (of === 'code') return match.some((code) => codes.includes(code));
    if (of === 'name') return name !== undefined && match.includes(name);
    return of === 'message' && message !== undefined && match.some((beginning) => message.startsWith(beginning));
  });
}

/** What an error says, and what to do about it. What the server reports counts more than what a library makes of it. */
export function failureOf(error: unknown): Failure {
  const fault = faultOf(error);
  let row: Fault | undefined;
  if (fault) row = rowOfServer(fault);
  else for (const one of unwrapped(error)) row ??= rowOfLibrary(one);
  return {
    class: row?.class ?? 'unknown',
    reason: row?.reason ?? 'no error that dbw knows',
    halve: row?.halve ?? false,
    reconnect: row?.reconnect ?? false,
    ...(row?.remedy === undefined ? {} : { remedy: row.remedy }),
  };
}

/** Which class an error of the database, of the brokers or of the way to them belongs to. */
export function classOf(error: unknown): FailureClass {
  return failureOf(error).class;
}
