import type { Event } from '../event/decode.js';
import { compareText, versionOf, type Version } from '../event/version.js';
import { differsFrom, sameValue } from '../postgres/stored.js';
import type { Change, Row, Table } from './table.js';

/** What a row does not hold although an event said so. */
export interface Lack {
  readonly table: string;
  /** Undefined where the row itself is not there. */
  readonly column?: string;
  readonly what: 'row missing' | 'created later' | 'older' | 'other value';
}

/** The column of which the greatest or the least that any event brought holds, and does not. */
function beyond(table: Table, held: Row, row: Row): Lack | undefined {
  const column = table.extremes.find((name) => {
    const value = row[name];
    if (typeof value !== 'number') return false;
    const stored = held[name];
    if (stored === null || stored === undefined) return true;
    return table.columns.get(name)?.rule === 'latest' ? Number(stored) < value : Number(stored) > value;
  });
  return column === undefined ? undefined : { table: table.name, column, what: 'older' };
}

function ofCreation(table: Table, held: Row, row: Row): Lack | undefined {
  const { name, created = '' } = table;
  const difference = Number(held[created]) - Number(row[created]);
  if (difference > 0) return { table: name, column: created, what: 'created later' };
  const column = difference === 0 ? differsFrom(table, held, row) : undefined;
  return column === undefined ? undefined : { table: name, column, what: 'other value' };
}

/** One version and the columns that it decides. */
function ofVersion(table: Table, held: Row, row: Row, by: string, columns: readonly string[], version: Version): Lack | undefined {
  const stored = held[by];
  const order = typeof stored === 'string' ? compareText(stored, version) : -1;
  if (order < 0) return { table: table.name, column: columns[0] ?? by, what: 'older' };
  const column = order > 0 ? undefined : columns.find((one) => !sameValue(table, one, held[one], row[one]));
  return column === undefined ? undefined : { table: table.name, column, what: 'other value' };
} // prettier-ignore

function lackOf({ verb, table, row }: Change, held: Row | undefined, version: Version): Lack | undefined {
  if (!held) return { table: table.name, what: 'row missing' };
  const extreme = beyond(table, held, row);
  if (extreme) return extreme;
  if (verb === 'insert') return ofCreation(table, held, row);
  const whole = [...table.columns.keys()].filter((column) => !table.key.includes(column));
  if (verb === 'put') return ofVersion(table, held, row, 'version', whole, version);
  for (const [by, columns] of table.versions) {
    const named = columns.filter((column) => row[column] !== undefined);
    const lack = named.length > 0 ? ofVersion(table, held, row, by, named, version) : undefined;
    if (lack) return lack;
  }
  return undefined;
}

/**
 * Whether rows hold at least what an event said: what they hold instead may be later, but not earlier.
 *
 * @param stored a row as it is, or undefined
 * @returns the first thing that is not so
 */
export function lackIn(event: Event, stored: (table: Table, key: string) => Row | undefined): Lack | undefined {
  const version = versionOf(event.time, event.id);
  for (const change of event.changes) {
    const lack = lackOf(change, stored(change.table, change.table.keyOf(change.row)), version);
    if (lack) return lack;
  }
  return undefined;
}
