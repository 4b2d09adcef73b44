import type { Header, Message } from '../event/message.js';
import { Texts, type Bytes } from './bytes.js';

/** What a header costs beside its bytes, roughly. */
const HEADER_COST = 200;

/** Most headers of one record that are read. Honest producers send some dozens, tracing included; a thousand are a fault already. */
export const MAX_HEADERS = 10_000;
/** What dead-lettering may add to them, whoever does it. */
const ADDED_HEADERS = 100;

/** One record on its way: valid until the next one is read. */
export interface RawRecord {
  topic: string;
  partition: number;
  offset: number;
  timestamp: number;
  /** Stands at the key, behind which the value and the headers follow. */
  readonly from: Bytes;
  readonly budget: Budget;
}

/** What was made of an answer until now, in bytes. */
export interface Budget {
  spent: number;
}

/** What somebody makes of a record. */
export type RecordReading<T> = (record: RawRecord) => T;

const names = new Texts();

function messageWithin({ topic, partition, offset, timestamp, from, budget }: RawRecord, most: number): Message {
  const key = from.optional();
  const value = from.optional();
  const headers: Header[] = [];
  const count = from.varint();
  if (count > most) {
    // Copied: a part would keep all those headers alive, as bytes.
    const copy = (part: Buffer | null) => part && Buffer.from(part);
    return { topic, partition, offset, key: copy(key), value: copy(value), headers, timestamp, headersLeftOut: count };
  }
  if (count > 0) budget.spent += count * HEADER_COST;
  for (let left = count; left > 0; left--) headers.push([names.read(from, from.varint()), from.optional()]);
  return { topic, partition, offset, key, value, headers, timestamp };
}

/** A record whole; of one with more than MAX_HEADERS they are left out. */
export function messageOf(record: RawRecord): Message {
  return messageWithin(record, MAX_HEADERS);
}

const NO_HEADERS: readonly Header[] = [];

/**
 * A record without headers whose key and value are cut out of its batch each time that somebody asks for them: a buffer is a
 * large object, and of what waits for a writer there are ten thousands, each of which the collector would have to move. Not for
 * who copies a message by its properties.
 */
class WaitingMessage implements Message {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: number;

  constructor(
    record: RawRecord,
    private readonly keyAt: number,
    private readonly keyLength: number,
    private readonly valueAt: number,
    private readonly valueLength: number,
    private readonly bytes: Buffer,
  ) {
    this.topic = record.topic;
    this.partition = record.partition;
    this.offset = record.offset;
    this.timestamp = record.timestamp;
  }

  get key(): Buffer | null {
    return this.keyLength < 0 ? null : this.bytes.subarray(this.keyAt, this.keyAt + this.keyLength);
  }

  get value(): Buffer | null {
    return this.valueLength < 0 ? null : this.bytes.subarray(this.valueAt, this.valueAt + this.valueLength);
  }

  get headers(): readonly Header[] {
    return NO_HEADERS;
  }

  get size(): number {
    return Math.max(0, this.keyLength) + Math.max(0, this.valueLength);
  }
}

/** A record for the queue: as `messageOf` has it, in less memory where it has no headers. */
export function waitingMessageOf(record: RawRecord): Message {
  const { from } = record;
  const start = from.at;
  const keyLength = from.skip();
  const keyAt = from.at - keyLength;
  const valueLength = from.skip();
  const valueAt = from.at - valueLength;
  if (from.varint() === 0) {
    return new WaitingMessage(record, keyAt, keyLength, valueAt, valueLength, from.bytes);
  }
  from.at = start;
  return messageOf(record);
}

/** A record whole that may be a dead letter: some more headers, so that a message that could be read makes a letter that can. */
export function letterRecordOf(record: RawRecord): Message {
  return messageWithin(record, MAX_HEADERS + ADDED_HEADERS);
}

/** Whether so many headers are more than those of a letter that is read. */
export function areTooMany(headers: number): boolean {
  return headers > MAX_HEADERS + ADDED_HEADERS;
}
