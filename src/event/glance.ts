import { crc32 } from 'node:zlib';
import type { Message } from './message.js';
import { parseTime, type Micros } from './time.js';

/** Who an event says it is, not checked any further. */
export interface Glance {
  readonly id: string;
  readonly time: Micros;
  /** CRC-32 of the message's bytes, as in `Event`. */
  readonly hash: number;
}

/**
 * Looks only for what an event that was processed is known by: much cheaper than `decode`, and enough to leave out a message
 * whose very bytes were accepted before.
 *
 * @param prefix what stands before the event type in the name of a topic
 * @returns undefined where only `decode` can tell what the message is
 */
export function glance({ topic, value }: Message, prefix: string): Glance | undefined {
  if (value === null) return undefined;
  let envelope: unknown;
  try {
    envelope = JSON.parse(value.toString());
  } catch {
    return undefined;
  }
  if (typeof envelope !== 'object' || envelope === null) return undefined;
  if (!('eventId' in envelope && 'eventType' in envelope && 'timestamp' in envelope)) return undefined;
  const { eventId: id, eventType: type, timestamp } = envelope;
  if (typeof id !== 'string' || typeof type !== 'string' || typeof timestamp !== 'string') return undefined;
  // The same bytes on another topic are another message, and a wrong one.
  if (topic.length !== prefix.length + type.length || !topic.endsWith(type)) return undefined;
  const time = parseTime(timestamp);
  return typeof time === 'number' ? { id, time, hash: crc32(value) | 0 } : undefined;
}
