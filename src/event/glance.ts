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

/** How most producers write an envelope. What follows may repeat a field, which changes nothing: see `glance`. */
const USUAL =
  /^\{"eventId":"([\w.:-]{1,255})","eventType":"([a-z._]{1,64})","timestamp":"([\dTZ:.+-]{20,40})","data":\{/;
const USUAL_BYTES = 420;

function fieldsOf(value: Buffer): readonly [id: unknown, type: unknown, timestamp: unknown] | undefined {
  const usual = USUAL.exec(value.toString('latin1', 0, USUAL_BYTES));
  if (usual) return [usual[1], usual[2], usual[3]];
  let envelope: unknown;
  try {
    envelope = JSON.parse(value.toString());
  } catch {
    return undefined;
  }
  if (typeof envelope !== 'object' || envelope === null) return undefined;
  if (!('eventId' in envelope && 'eventType' in envelope && 'timestamp' in envelope)) return undefined;
  return [envelope.eventId, envelope.eventType, envelope.timestamp];
}

/**
 * Looks only for what an event that was processed is known by: much cheaper than `decode`, and enough to leave out a message
 * whose very bytes were accepted before. It need not be right for other messages: their id and hash are not known together,
 * so that `decode` has the last word.
 *
 * @param prefix what stands before the event type in the name of a topic
 * @returns undefined where only `decode` can tell what the message is
 */
export function glance({ topic, value }: Message, prefix: string): Glance | undefined {
  const [id, type, timestamp] = (value && fieldsOf(value)) ?? [];
  if (value === null || typeof id !== 'string' || typeof type !== 'string' || typeof timestamp !== 'string') {
    return undefined;
  }
  // The same bytes on another topic are another message, and a wrong one.
  if (topic.length !== prefix.length + type.length || !topic.endsWith(type)) return undefined;
  const time = parseTime(timestamp);
  return typeof time === 'number' ? { id, time, hash: crc32(value) | 0 } : undefined;
}
