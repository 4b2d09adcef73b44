import Type, { type TSchema, type TUnsafe } from 'typebox';
import { decimal, type Decimal } from './money.js';
import { parseTime, type AnyMicros } from './time.js';

/**
 * The kinds of field that events are made of. Each is a JSON Schema; those with an `x-convert` keyword are turned into
 * the value that the database takes once they were found valid, and their static type is that value's.
 */
export type Conversion = 'time' | 'amount' | 'positive' | 'balance' | 'upper';

/** How to spell an enum's values: lower case of every accepted spelling to the one that is stored. */
export type Spellings = ReadonlyMap<string, string>;

/** An id: 1 to 255 characters (code points), not blank. */
export const Id = Type.String({ minLength: 1, maxLength: 255, pattern: '\\S' });

/** Text that is indexed, and so bounded. */
export const ShortText = Type.String({ maxLength: 255 });

/** Text bounded by the size of a message only. */
export const Text = Type.String();

export const Email = Type.String({ maxLength: 320 });

/** RFC 3339 with a zone, cut to microseconds. */
export const Time = Type.Unsafe<AnyMicros>({ type: 'string', format: 'rfc3339', 'x-convert': 'time' });

/** Money, not negative. */
export const Amount = Type.Unsafe<Decimal>({ type: 'number', minimum: 0, 'x-convert': 'amount' });

/** Money, more than zero after rounding to two digits. */
export const PositiveAmount = Type.Unsafe<Decimal>({ type: 'number', exclusiveMinimum: 0, 'x-convert': 'positive' });

/** Money of any sign. */
export const Balance = Type.Unsafe<Decimal>({ type: 'number', 'x-convert': 'balance' });

/** ISO 4217, stored in upper case. */
export const Currency = Type.Unsafe<string>({ type: 'string', pattern: '^[A-Za-z]{3}$', 'x-convert': 'upper' });

/** A whole number that fits PostgreSQL's `integer`. */
export const Integer = Type.Integer({ minimum: -2_147_483_648, maximum: 2_147_483_647 });

/** A whole number of seconds, not negative. */
export const Seconds = Type.Integer({ minimum: 0, maximum: 2_147_483_647 });

/** Any JSON object. */
export const Json = Type.Unsafe<Readonly<Record<string, unknown>>>({ type: 'object' });

/** One of `values`, compared without case; `aliases` are further spellings (in lower case) of a value. */
export function OneOf<const V extends string>(
  values: readonly V[],
  aliases: Readonly<Record<string, V>> = {},
): TUnsafe<V> {
  const named = Object.keys(aliases).length > 0 ? { 'x-aliases': aliases } : {};
  return Type.Unsafe<V>({ type: 'string', enum: [...values], ...named });
}

/** A field that may be null. */
export function Nullable<T extends TSchema>(schema: T) {
  return Type.Union([schema, Type.Null()]);
}

/** A field that may be absent; null says the same. */
export function Maybe<T extends TSchema>(schema: T) {
  return Type.Optional(Nullable(schema));
}

/** Every spelling that an enum's schema accepts, or undefined where the schema is no enum. */
export function spellingsOf(schema: Readonly<Record<string, unknown>>): Spellings | undefined {
  if (!Array.isArray(schema.enum)) return undefined;
  const spellings = new Map<string, string>();
  for (const value of schema.enum) if (typeof value === 'string') spellings.set(value.toLowerCase(), value);
  for (const [alias, value] of Object.entries(schema['x-aliases'] ?? {}))
    if (typeof value === 'string') spellings.set(alias, value);
  return spellings;
}

/** What a conversion makes of a value that its schema accepted, or undefined where it must be refused after all. */
export function convert(conversion: Conversion, value: string | number): string | AnyMicros | undefined {
  if (typeof value === 'string') return conversion === 'time' ? parseTime(value) : value.toUpperCase();
  const amount = decimal(value);
  return conversion === 'positive' && amount === '0.00' ? undefined : amount;
}

/** The schema keyword that a failed conversion is reported under. */
export function refusalOf(conversion: Conversion, value: string | number): { code: string; expected: string } {
  if (conversion === 'time') return { code: 'format', expected: 'an RFC 3339 time with a zone' };
  if (conversion === 'positive' && Number(value) < 1)
    return { code: 'exclusiveMinimum', expected: 'at least 0.01 and below 1e12' };
  return { code: 'exclusiveMaximum', expected: 'below 1e12' };
}
