import { lowerEnum, money, time } from './values.js';
import type { Row } from './tables.js';

export type Data = Record<string, unknown>;

/** The name of one row: its table and its primary key. */
export type Ref = readonly [table: string, ...key: string[]];

/**
 * What one event says of one row. A column that some event gives as `latest` holds what the latest of them says; any other
 * holds what the earliest event that gives it as `first` says.
 */
export interface Write {
  ref: Ref;
  first?: Row;
  latest?: Row;
}

/**
 * What one event means: the rows that must be there before it applies, and what it says of rows. A row of which it says
 * something, though it does not need it, is there as soon as the event applies.
 */
export interface Meaning {
  needs: Ref[];
  writes: Write[];
}

/** A creation: all of the row's columns at once, and of several creations the first holds. */
export function created(ref: Ref, needs: Ref[], first: Row): Meaning {
  return { needs, writes: [{ ref, first }] };
}

/** A whole state: needs no row of its own, and the latest holds. */
export function state(ref: Ref, needs: Ref[], latest: Row): Meaning {
  return { needs, writes: [{ ref, latest }] };
}

/** A change of some columns of a row that must be there. */
export function changed(ref: Ref, latest: Row): Meaning {
  return { needs: [ref], writes: [{ ref, latest }] };
}

/** The users behind these ids, leaving out the ids that were not given. */
export function people(...ids: unknown[]): Ref[] {
  return ids.flatMap((id) => (typeof id === 'string' ? [['users', id] as const] : []));
}

/** A text that is there in every valid event. */
export function text(data: Data, field: string): string {
  const value = data[field];
  if (typeof value !== 'string') throw new Error(`The model takes valid events only; ${field} is no text`);
  return value;
}

/** A field of a creation, where null means the same as no field. */
export function optional(data: Data, field: string): unknown {
  return data[field] ?? null;
}

export const asIs = (value: unknown): unknown => value;
export const asMoney = (value: unknown): unknown => (typeof value === 'number' ? money(value) : null);
export const asTime = (value: unknown): unknown => (typeof value === 'string' ? time(value) : null);
export const asEnum = (value: unknown): unknown => (typeof value === 'string' ? lowerEnum(value) : null);

/** The currency, in upper case. */
export function currency(data: Data): string {
  const value = optional(data, 'currency');
  return typeof value === 'string' ? value.toUpperCase() : 'USD';
}

/** What each field of a change sets: its column, and how its value is stored. */
export type Fields = Record<string, readonly [column: string, convert: (value: unknown) => unknown]>;

/** The columns that a change names: an absent field says nothing, null says NULL. */
export function named(change: unknown, fields: Fields): Row {
  if (typeof change !== 'object' || change === null) throw new Error('The model takes valid events only; no object');
  const given = new Map<string, unknown>(Object.entries(change));
  return Object.fromEntries(
    Object.entries(fields).flatMap(([field, [column, convert]]) => {
      const value = given.get(field);
      return value === undefined ? [] : [[column, value === null ? null : convert(value)]];
    }),
  );
}

/** One person does something to another, or no longer does. */
export function pair(table: string, from: [field: string, column: string], to: [field: string, column: string]) {
  return (active: boolean) =>
    (data: Data, at: string): Meaning => {
      const [a, b] = [text(data, from[0]), text(data, to[0])];
      return state([table, a, b], people(a, b), { [from[1]]: a, [to[1]]: b, active, changed_at: at });
    };
}
