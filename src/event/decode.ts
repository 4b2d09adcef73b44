import { isUtf8 } from 'node:buffer';
import { crc32 } from 'node:zlib';
import type { EventType, SchemaError } from './event.js';
import { convert, refusalOf } from './fields.js';
import type { Message } from './message.js';
import type { Change } from '../tables/table.js';
import { now, parseTime, type Micros } from './time.js';

/** A message that was understood: who it is, and the rows that it leaves. */
export interface Event {
  readonly message: Message;
  readonly type: EventType;
  readonly id: string;
  readonly time: Micros;
  /** CRC-32 of the message's bytes: tells a redelivery from another event under the same id. */
  readonly hash: number;
  readonly changes: readonly Change[];
}

export type Reason =
  'malformed' | 'invalid' | 'unknown_type' | 'type_mismatch' | 'missing_reference' | 'database' | 'bug';

/** Why a message cannot become rows. Never holds a value of the message, except an id and type that were found valid. */
export interface Refusal {
  readonly reason: Reason;
  /** A schema keyword, a SQLSTATE, or a word for what no schema can say. */
  readonly code: string;
  /** JSON pointer into the message, or table.constraint. */
  readonly path: string;
  readonly message: string;
  readonly eventId?: string;
  readonly eventType?: string;
}

/** What became of a message's bytes. A tombstone (no value) is neither event nor refusal. */
export type Decoded =
  | { readonly kind: 'event'; readonly event: Event }
  | { readonly kind: 'refusal'; readonly refusal: Refusal }
  | { readonly kind: 'tombstone' };

const MAX_DEPTH = 64;
const EARLIEST: Micros = Date.UTC(2000, 0, 1) * 1000;
const DAY: Micros = 86_400_000_000;

/** Thrown within this file only: `decode` turns it into its result. */
class Refused extends Error {
  constructor(
    readonly reason: Reason,
    readonly code: string,
    readonly path: string,
    message: string,
  ) {
    super(message);
  }
}

function invalid(code: string, path: string, message: string): Refused {
  return new Refused('invalid', code, path, message);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether objects and arrays are nested deeper than we hold. Makes nothing: most messages need no other look. */
function isDeep(value: object, depth: number): boolean {
  if (depth > MAX_DEPTH) return true;
  if (Array.isArray(value)) {
    for (const part of value as unknown[]) {
      if (typeof part === 'object' && part !== null && isDeep(part, depth + 1)) return true;
    }
    return false;
  }
  for (const name in value) {
    const part: unknown = value[name as keyof typeof value];
    if (typeof part === 'object' && part !== null && isDeep(part, depth + 1)) return true;
  }
  return false;
}

/** Looks for what JSON can say and PostgreSQL or we cannot hold, where an escape makes a look at every text needful. */
function inspect(value: unknown, path: string, depth: number): void {
  if (typeof value === 'string') {
    if (value.includes('\0')) throw invalid('nul', path, 'text contains U+0000');
    if (!value.isWellFormed()) throw invalid('surrogate', path, 'text contains a lone surrogate');
  } else if (typeof value === 'object' && value !== null) {
    if (depth > MAX_DEPTH) throw invalid('depth', '', `nested deeper than ${MAX_DEPTH}`);
    for (const [name, part] of Object.entries(value)) {
      inspect(name, path, depth);
      inspect(part, `${path}/${pointer(name)}`, depth + 1);
    }
  }
}

/** A name as a part of a JSON pointer; what looks like no name of a field may be somebody's data and is not told. */
function pointer(name: string): string {
  return /^(\d{1,9}|[A-Za-z_]\w{0,63})$/.test(name) ? name : '*';
}

function parse(value: Buffer): Record<string, unknown> {
  if (value.length === 0) throw new Refused('malformed', 'empty', '', 'the message has no bytes');
  if (!isUtf8(value)) throw new Refused('malformed', 'encoding', '', 'the message is not UTF-8');
  let text = value.toString('utf8');
  if (text.startsWith('\uFEFF')) text = text.slice(1);
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    if (error instanceof RangeError) throw invalid('depth', '', `nested deeper than ${MAX_DEPTH}`);
    // V8 quotes the text around the fault: only the place may be told.
    const place = / at position (\d+)(?: \(line \d+ column \d+\))?$/.exec(
      error instanceof Error ? error.message : '',
    )?.[1];
    throw new Refused('malformed', 'syntax', '', `the message is not JSON${place ? ` (at character ${place})` : ''}`);
  }
  if (!isRecord(document)) throw invalid('type', '', 'the message is not a JSON object');
  if (text.includes('\\u')) inspect(document, '', 1);
  else if (isDeep(document, 1)) throw invalid('depth', '', `nested deeper than ${MAX_DEPTH}`);
  return document;
}

function eventIdOf(envelope: Record<string, unknown>): string {
  const id = envelope.eventId;
  if (id === undefined) throw invalid('required', '/eventId', 'eventId is missing');
  if (typeof id !== 'string') throw invalid('type', '/eventId', 'eventId must be a string');
  if (!/\S/.test(id)) throw invalid('pattern', '/eventId', 'eventId must not be blank');
  if (id.length > 255 && Array.from(id).length > 255) {
    throw invalid('maxLength', '/eventId', 'eventId must not be longer than 255 characters');
  }
  return id;
}

function timeOf(envelope: Record<string, unknown>): Micros {
  const path = '/timestamp';
  const { timestamp } = envelope;
  if (timestamp === undefined) throw invalid('required', path, 'timestamp is missing');
  if (typeof timestamp !== 'string') throw invalid('type', path, 'timestamp must be a string');
  const time = parseTime(timestamp);
  if (time === undefined) throw invalid('format', path, 'timestamp must be an RFC 3339 time with a zone');
  if (typeof time === 'bigint')
    throw invalid(time < 0n ? 'minimum' : 'maximum', path, 'timestamp is far from the clock');
  if (time < EARLIEST) throw invalid('minimum', path, 'timestamp is before the year 2000');
  if (time > now() + DAY) throw invalid('maximum', path, 'timestamp is more than 24 h ahead of the clock');
  return time;
}

/** Of several complaints the one to report: of alternatives (`anyOf`), what is wrong with the one that is not null. */
function firstOf(errors: readonly SchemaError[]): SchemaError {
  const telling = errors.find(({ code, message }) => code !== 'anyOf' && message !== 'must be null');
  return telling ?? errors[0] ?? { code: 'schema', path: '', message: 'does not match the schema' };
}

/** The object that holds a field, or undefined where it is absent. */
function holderOf(data: Record<string, unknown>, path: readonly string[]): Record<string, unknown> | undefined {
  if (path.length === 1) return data;
  const holder = data[path[0] ?? ''];
  return isRecord(holder) ? holder : undefined;
}

/** Checks the data and turns its enums, times and amounts, in place, into what the database takes. */
function readData(type: EventType, data: unknown): Record<string, unknown> {
  if (data === undefined) throw invalid('required', '/data', 'data is missing');
  if (!isRecord(data)) throw invalid('type', '/data', 'data must be an object');
  for (const { path, spellings } of type.fields) {
    const name = path.at(-1) ?? '';
    const holder = spellings && holderOf(data, path);
    const given = holder?.[name];
    const spelled = typeof given === 'string' ? spellings?.get(given.toLowerCase()) : undefined;
    if (holder && spelled !== undefined) holder[name] = spelled;
  }
  if (!type.accepts(data)) {
    const { code, path, message } = firstOf(type.errors(data));
    throw invalid(code, `/data${path}`, `${path.slice(1) || 'data'} ${message}`);
  }
  for (const { path, conversion } of type.fields) {
    const name = path.at(-1) ?? '';
    const holder = conversion && holderOf(data, path);
    const given = holder?.[name];
    if (!holder || (typeof given !== 'string' && typeof given !== 'number')) continue;
    const converted = convert(conversion, given);
    if (converted === undefined) {
      const { code, expected } = refusalOf(conversion, given);
      throw invalid(code, `/data/${path.join('/')}`, `${path.join('/')} must be ${expected}`);
    }
    holder[name] = converted;
  }
  for (const [one, other] of type.distinct) {
    if (data[one] === data[other])
      throw invalid('distinct', `/data/${other}`, `${other} must not be the same as ${one}`);
  }
  return data;
}

/**
 * Makes bytes into an event, or says why they cannot become one. Pure, but for the clock; never throws.
 *
 * @param message the record; its topic without the prefix must be the event's type
 * @param registry the event types that are known
 * @param prefix what stands before the event type in the name of a topic
 */
export function decode(message: Message, registry: ReadonlyMap<string, EventType>, prefix = ''): Decoded {
  const { value } = message;
  if (value === null) return { kind: 'tombstone' };
  let eventId: string | undefined;
  let eventType: string | undefined;
  try {
    const envelope = parse(value);
    eventId = eventIdOf(envelope);
    const name = envelope.eventType;
    if (name === undefined) throw invalid('required', '/eventType', 'eventType is missing');
    if (typeof name !== 'string') throw invalid('type', '/eventType', 'eventType must be a string');
    const type = registry.get(name);
    if (!type) throw new Refused('unknown_type', 'unknown', '/eventType', 'no handler knows this event type');
    eventType = name;
    if (message.topic !== prefix + name) {
      throw new Refused('type_mismatch', 'topic', '/eventType', `${name} does not belong on topic ${message.topic}`);
    }
    if (message.headersLeftOut !== undefined) {
      throw invalid('too_many_headers', '', `the message has ${message.headersLeftOut} headers, which are left out`);
    }
    const time = timeOf(envelope);
    const data = readData(type, envelope.data);
    const changes = type.write(data, { eventId, timestamp: time });
    return { kind: 'event', event: { message, type, id: eventId, time, hash: crc32(value) | 0, changes } };
  } catch (error) {
    const known = { ...(eventId === undefined ? {} : { eventId }), ...(eventType === undefined ? {} : { eventType }) };
    if (error instanceof Refused) {
      const { reason, code, path, message: why } = error;
      return { kind: 'refusal', refusal: { reason, code, path, message: why, ...known } };
    }
    const name = error instanceof Error ? error.name : 'unknown error';
    const refusal: Refusal = {
      reason: 'bug',
      code: name,
      path: '',
      message: `the handler failed with ${name}`,
      ...known,
    };
    return { kind: 'refusal', refusal };
  }
}
