import { isUtf8 } from 'node:buffer';
import type { EventType } from '../event/event.js';
import type { Header, Message } from '../event/message.js';
import { fingerprintOf } from './letter.js';

/** Who wrote a letter: `dbw`, a Kafka Connect sink or something that follows its names, Spring Kafka, or nobody knows. */
export type Writer = 'dbw' | 'connect' | 'spring' | 'bare';

/** Where a message came from: what a letter is known by. */
export interface Origin {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

/** A dead letter as it was read. Texts out of headers of other writers may hold values of the event. */
export interface DeadLetter {
  /** The record that it is, in the dead-letter topic; of one out of `dbw.oversize_letters` the place is its origin. */
  readonly record: Message;
  readonly isOversize: boolean;
  readonly writer: Writer;
  readonly origin: Origin;
  /** One of `Reason`; `other` where another writer had its own. */
  readonly reason: string;
  /** A keyword, a SQLSTATE, or the class of another writer's exception. */
  readonly code: string;
  readonly path: string;
  readonly fingerprint: string;
  readonly eventId: string | undefined;
  readonly eventType: string | undefined;
  readonly attempts: number;
  readonly replays: number;
  /** Milliseconds since 1970. */
  readonly firstFailedAt: number;
  readonly failedAt: number;
}

/** A record that is no letter that this version can read, and why. */
export interface Unreadable {
  readonly record: Message;
  readonly why: string;
}

interface Context {
  readonly registry: ReadonlyMap<string, EventType>;
  readonly prefix: string;
}

const OURS = 'dbw.dlq.';
/** Kafka Connect's family, and those that use its names with their own beginning: share groups, Kafka Streams. */
const FAMILIES = ['__connect.errors.', '__dlq.errors.', '__streams.errors.'];
const SPRING = 'kafka_dlt-';
const VERSION = '1';

/** Headers that dead-lettering added, whoever did it: they are no part of the message. */
export function isAdded(name: string): boolean {
  return name.startsWith(OURS) || name.startsWith(SPRING) || FAMILIES.some((family) => name.startsWith(family));
}

/** The headers that dead-lettering added; of several with one name the last counts. */
function addedTo(record: Message): Map<string, Buffer> {
  const added = new Map<string, Buffer>();
  for (const [name, value] of record.headers) if (value !== null && isAdded(name)) added.set(name, value);
  return added;
}

function numberOf(text: string | undefined, otherwise: number): number {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : otherwise;
}

function timeOf(text: string | undefined, otherwise: number): number {
  const time = text === undefined ? NaN : Date.parse(text);
  return Number.isNaN(time) ? otherwise : time;
}

/** What the message says of itself, where no header does. */
function peek({ value }: Message): { eventId?: string; eventType?: string } {
  if (value === null || !isUtf8(value)) return {};
  try {
    const document: unknown = JSON.parse(value.toString('utf8').replace(/^\uFEFF/, ''));
    if (typeof document !== 'object' || document === null) return {};
    const text = (name: string): string | undefined => {
      const found: unknown = Reflect.get(document, name);
      return typeof found === 'string' && /\S/.test(found) && found.length <= 255 ? found : undefined;
    };
    const [eventId, eventType] = [text('eventId'), text('eventType')];
    return { ...(eventId === undefined ? {} : { eventId }), ...(eventType === undefined ? {} : { eventType }) };
  } catch {
    return {};
  }
}

/** Where Spring says that a message came from: a text and two big-endian numbers. */
function springOrigin(added: ReadonlyMap<string, Buffer>): Origin | undefined {
  const topic = added.get(`${SPRING}original-topic`)?.toString('utf8');
  const partition = added.get(`${SPRING}original-partition`);
  const offset = added.get(`${SPRING}original-offset`);
  if (topic === undefined || partition?.length !== 4 || offset?.length !== 8) return undefined;
  return { topic, partition: partition.readInt32BE(), offset: Number(offset.readBigInt64BE()) };
}

function lastPart(name: string): string {
  return name.split('.').at(-1) ?? name;
}

/**
 * Reads a record of a dead-letter topic, whoever wrote it.
 *
 * @param isOversize whether it was kept in `dbw.oversize_letters`
 */
export function readLetter(
  record: Message,
  { registry, prefix }: Context,
  isOversize = false,
): DeadLetter | Unreadable {
  const added = addedTo(record);
  const text = (name: string) => added.get(name)?.toString('utf8');
  const version = text(`${OURS}version`);
  if (version !== undefined && version !== VERSION) {
    return { record, why: `it is a letter of version ${version.slice(0, 20)}; this dbw knows version ${VERSION}` };
  }
  const common = { record, isOversize, attempts: 1, replays: numberOf(text(`${OURS}replays`), 0) };
  const family = FAMILIES.find((one) => added.has(`${one}topic`));
  const named = (of: string) => (family === undefined ? undefined : text(family + of));
  const [topic, partition, offset] = [named('topic'), numberOf(named('partition'), -1), numberOf(named('offset'), -1)];
  const place = topic === undefined || partition < 0 || offset < 0 ? undefined : { topic, partition, offset };
  if (version !== undefined) {
    if (!place) return { record, why: 'it does not say where its message came from' };
    const failedAt = timeOf(text(`${OURS}failed-at`), record.timestamp);
    return {
      ...common,
      writer: 'dbw',
      origin: place,
      reason: text(`${OURS}reason`) ?? 'other',
      code: text(`${OURS}code`) ?? '',
      path: text(`${OURS}path`) ?? '',
      fingerprint: text(`${OURS}fingerprint`) ?? '',
      eventId: text(`${OURS}event-id`),
      eventType: text(`${OURS}event-type`),
      attempts: numberOf(text(`${OURS}attempts`), 1),
      failedAt,
      firstFailedAt: timeOf(text(`${OURS}first-failed-at`), failedAt),
    };
  }
  const spring = springOrigin(added);
  const exception =
    text(`${SPRING}exception-cause-fqcn`) ??
    text(`${SPRING}exception-fqcn`) ??
    named('exception.class.name') ??
    named('exception');
  const { eventId, eventType } = peek(record);
  const code = exception === undefined ? '' : lastPart(exception).slice(0, 100);
  const isKnown = eventType !== undefined && registry.has(eventType);
  // Nobody says where a bare message came from: it is known by its own place, and its type says where it belongs.
  const origin = place ?? spring ?? { topic: record.topic, partition: record.partition, offset: record.offset };
  return {
    ...common,
    writer: place ? 'connect' : spring ? 'spring' : 'bare',
    origin,
    reason: 'other',
    code,
    path: '',
    fingerprint: fingerprintOf({ reason: 'other', code, path: '', ...(isKnown ? { eventType } : {}) }),
    eventId,
    eventType: isKnown
      ? eventType
      : registry.has(origin.topic.slice(prefix.length))
        ? origin.topic.slice(prefix.length)
        : undefined,
    failedAt: record.timestamp,
    firstFailedAt: record.timestamp,
  };
}

export function isLetter(read: DeadLetter | Unreadable): read is DeadLetter {
  return 'writer' in read;
}

/** What stands for a letter's message: the same for all letters of one message. */
export function originOf({ origin }: Pick<DeadLetter, 'origin'>): string {
  return `${origin.topic}:${origin.partition}:${origin.offset}`;
}

/**
 * The message that died, as it was before: its bytes, and its headers without what dead-lettering added; null where they
 * were. A bare message gets the topic of its event type.
 */
export function messageOf(letter: DeadLetter, prefix: string): Message {
  const { record, isOversize, origin, eventType } = letter;
  const nulls = new Set(
    record.headers
      .findLast(([name]) => name === `${OURS}null-headers`)?.[1]
      ?.toString('utf8')
      .split(',') ?? [],
  );
  const headers = record.headers
    .filter(([name]) => !isAdded(name))
    .map(([name, value]): Header => [name, value?.length === 0 && nulls.has(name) ? null : value]);
  const isBare = origin.topic === record.topic && !isOversize;
  const topic = isBare && eventType !== undefined ? prefix + eventType : origin.topic;
  return { ...record, topic, partition: origin.partition, offset: origin.offset, headers };
}
