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

const NO_HEADERS: readonly Header[] = [];

/**
 * A record whose key and value are cut out of its batch when somebody asks for them: a buffer is a large object, and of those
 * that wait for a writer there are ten thousands, each of which the collector would have to move.
 */
class WaitingMessage implements Message {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: number;

  constructor(
    record: RawRecord,
    private readonly keyFrom: number,
    private readonly keyLength: number,
    private readonly valueFrom: number,
    private readonly valueLength: number,
    readonly headers: readonly Header[],
    private readonly bytes: Buffer,
  ) {
    this.topic = record.topic;
    this.partition = record.partition;
    this.offset = record.offset;
    this.timestamp = record.timestamp;
  }

  get key(): Buffer | null {
    return this.keyLength < 0 ? null : this.bytes.subarray(this.keyFrom, this.keyFrom + this.keyLength);
  }

  get value(): Buffer | null {
    return this.valueLength < 0 ? null : this.bytes.subarray(this.valueFrom, this.valueFrom + this.valueLength);
  }

  get size(): number {
    return Math.max(0, this.keyLength) + Math.max(0, this.valueLength);
  }
}

function headersWithin({ from, budget }: RawRecord, count: number): readonly Header[] {
  if (count <= 0) return NO_HEADERS;
  budget.spent += count * HEADER_COST;
  return Array.from({ length: count }, (): Header => [names.read(from, from.varint()), from.optional()]);
}

function messageWithin(record: RawRecord, most: number): Message {
  const { topic, partition, offset, timestamp, from } = record;
  const keyLength = from.skip();
  const keyFrom = from.at - Math.max(0, keyLength);
  const valueLength = from.skip();
  const valueFrom = from.at - Math.max(0, valueLength);
  const count = from.varint();
  if (count > most) {
    // Copied: a part would keep all those headers alive, as bytes.
    const copy = (at: number, length: number) =>
      length < 0 ? null : Buffer.from(from.bytes.subarray(at, at + length));
    const [key, value] = [copy(keyFrom, keyLength), copy(valueFrom, valueLength)];
    return { topic, partition, offset, key, value, headers: NO_HEADERS, timestamp, headersLeftOut: count };
  }
  const headers = headersWithin(record, count);
  return new WaitingMessage(record, keyFrom, keyLength, valueFrom, valueLength, headers, from.bytes);
}

/** A record whole; of one with more than MAX_HEADERS they are left out. */
export function messageOf(record: RawRecord): Message {
  return messageWithin(record, MAX_HEADERS);
}

/** A record whole that may be a dead letter: some more headers, so that a message that could be read makes a letter that can. */
export function letterRecordOf(record: RawRecord): Message {
  return messageWithin(record, MAX_HEADERS + ADDED_HEADERS);
}

/** Whether so many headers are more than those of a letter that is read. */
export function areTooMany(headers: number): boolean {
  return headers > MAX_HEADERS + ADDED_HEADERS;
}
