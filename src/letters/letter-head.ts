import type { EventType } from '../event/event.js';
import { Texts, type Bytes } from '../kafka/bytes.js';
import { areTooMany, letterRecordOf, type RawRecord } from '../kafka/raw-record.js';
import { readLetter, type DeadLetter, type Unreadable } from './dead-letter.js';

/** What counting letters needs of one: it is read without the message. Every `DeadLetter` is one too. */
export interface LetterHead extends Omit<DeadLetter, 'record' | 'writer' | 'attempts' | 'replays'> {
  readonly record: { readonly partition: number; readonly offset: number };
}

interface Context {
  readonly registry: ReadonlyMap<string, EventType>;
  readonly prefix: string;
}

/** The headers that are looked at, in the order of their places in `starts` and `lengths`. */
const NAMES = [
  '__connect.errors.topic',
  '__connect.errors.partition',
  '__connect.errors.offset',
  'dbw.dlq.version',
  'dbw.dlq.reason',
  'dbw.dlq.code',
  'dbw.dlq.path',
  'dbw.dlq.fingerprint',
  'dbw.dlq.event-id',
  'dbw.dlq.event-type',
  'dbw.dlq.failed-at',
  'dbw.dlq.first-failed-at',
] as const;
type Name = (typeof NAMES)[number];
const PLACES: ReadonlyMap<string, number> = new Map(NAMES.map((name, i) => [name, i]));
const ABSENT = -1;

/** Where the values of the headers that are looked at are in the record under way. */
class Found {
  private readonly names = new Texts();
  private readonly texts = new Texts();
  private readonly starts = new Int32Array(NAMES.length);
  private readonly lengths = new Int32Array(NAMES.length);
  private minute = { bytes: Buffer.alloc(0), at: 0 };

  constructor(private from: Bytes) {}

  /** Looks through the headers of a record; of several with one name the last counts. False where they are too many. */
  look(from: Bytes): boolean {
    this.from = from;
    this.lengths.fill(ABSENT);
    from.skip(); // key
    from.skip(); // value
    const count = from.varint();
    if (areTooMany(count)) return false;
    for (let left = count; left > 0; left--) {
      const place = PLACES.get(this.names.read(from, from.varint()));
      const length = from.varint();
      if (place !== undefined && length >= 0) {
        this.starts[place] = from.at;
        this.lengths[place] = length;
      }
      from.at += Math.max(0, length);
    }
    return true;
  }

  private placeOf(name: Name): number {
    return PLACES.get(name) ?? 0;
  }

  private goTo(name: Name): number {
    const place = this.placeOf(name);
    this.from.at = this.starts[place] ?? 0;
    return this.lengths[place] ?? ABSENT;
  }

  /** A text of which there are few. */
  text(name: Name): string | undefined {
    const length = this.goTo(name);
    return length < 0 ? undefined : this.texts.read(this.from, length);
  }

  /** A text that each record has for itself. */
  ownText(name: Name): string | undefined {
    const length = this.goTo(name);
    return length < 0 ? undefined : this.from.bytes.toString('utf8', this.from.at, this.from.at + length);
  }

  number(name: Name): number {
    const length = this.goTo(name);
    return length < 1 || length > 15 ? NaN : digits(this.from.bytes, this.from.at, length);
  }

  /** A time as dbw writes it; NaN for everything else. */
  time(name: Name): number {
    const length = this.goTo(name);
    const { bytes, at } = this.from;
    const { minute } = this;
    if (length !== 27) return length < 0 ? NaN : Date.parse(bytes.toString('utf8', at, at + length));
    if (minute.bytes.length === 0 || minute.bytes.compare(bytes, at, at + 17) !== 0) {
      const text = bytes.toString('latin1', at, at + 17);
      this.minute = { bytes: Buffer.from(text, 'latin1'), at: Date.parse(`${text}00.000Z`) };
    }
    return this.minute.at + digits(bytes, at + 17, 2) * 1000 + digits(bytes, at + 20, 3);
  }
}

function digits(bytes: Buffer, at: number, length: number): number {
  let value = 0;
  for (let i = at; i < at + length; i++) {
    const digit = (bytes[i] ?? 0) - 48;
    if (digit < 0 || digit > 9) return NaN;
    value = value * 10 + digit;
  }
  return value;
}

/**
 * What reads the heads of letters: those that dbw wrote by a short way that makes next to nothing of what is not needed, a million in
 * seconds; all others as `readLetter` does.
 */
export function headReading({ registry, prefix }: Context): (record: RawRecord) => LetterHead | Unreadable {
  let found: Found | undefined;
  return (record) => {
    const { from, partition, offset, timestamp } = record;
    const start = from.at;
    found ??= new Found(from);
    const isLooked = found.look(from);
    const [at, next] = [found.number('__connect.errors.partition'), found.number('__connect.errors.offset')];
    const topic = found.text('__connect.errors.topic');
    if (!isLooked || found.text('dbw.dlq.version') !== '1' || topic === undefined || Number.isNaN(at + next)) {
      from.at = start;
      return readLetter(letterRecordOf(record), { registry, prefix });
    }
    const [failedAt, firstFailedAt] = [found.time('dbw.dlq.failed-at'), found.time('dbw.dlq.first-failed-at')];
    const died = Number.isNaN(failedAt) ? timestamp : failedAt;
    return {
      record: { partition, offset },
      isOversize: false,
      origin: { topic, partition: at, offset: next },
      reason: found.text('dbw.dlq.reason') ?? 'other',
      code: found.text('dbw.dlq.code') ?? '',
      path: found.text('dbw.dlq.path') ?? '',
      fingerprint: found.text('dbw.dlq.fingerprint') ?? '',
      eventId: found.ownText('dbw.dlq.event-id'),
      eventType: found.text('dbw.dlq.event-type'),
      failedAt: died,
      firstFailedAt: Number.isNaN(firstFailedAt) ? died : firstFailedAt,
    };
  };
}
