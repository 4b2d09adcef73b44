/** One Kafka record, as it was read. */
export interface Message {
  readonly topic: string;
  readonly partition: number;
  /** Exact: offsets stay far below 2^53. */
  readonly offset: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  /** In their order; a name may occur more than once. */
  readonly headers: readonly Header[];
  /** The record's own timestamp, in milliseconds since 1970. */
  readonly timestamp: number;
  /** How many headers it has that were not read, for they are too many: `headers` is empty then. */
  readonly headersLeftOut?: number;
  /** Bytes of key and value together, where they need not be looked at for that. */
  readonly size?: number;
}

export type Header = readonly [name: string, value: Buffer | null];

/** Where a message came from, in one text: what a dead letter is known by, and what logs say. */
export function placeOf(message: { topic: string; partition: number; offset: number }): string {
  return `${message.topic}:${message.partition}:${message.offset}`;
}
