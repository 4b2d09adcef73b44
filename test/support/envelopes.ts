import { decode, type Decoded, type Event, type Refusal } from '../../src/event/decode.js';
import { registry } from '../../src/handlers/index.js';
import type { Message } from '../../src/event/message.js';
import type { Envelope } from './model.js';

let count = 0;

/** A time within one day of 2024: `n` seconds after its midnight; a fraction is in microseconds. */
export function at(n: number): string {
  const whole = Math.floor(n);
  const fraction = String(Math.round((n - whole) * 1e6)).padStart(6, '0');
  return `${new Date(Date.UTC(2024, 4, 1) + whole * 1000).toISOString().slice(0, 19)}.${fraction}Z`;
}

/** An event of a type, at the n-th second of that day, under an id that no other event has. */
export function envelope(
  eventType: string,
  data: Record<string, unknown>,
  {
    second = 1,
    eventId = `event-${count++}`,
    timestamp = at(second),
  }: { second?: number; eventId?: string; timestamp?: string } = {},
): Envelope {
  return { eventId, eventType, timestamp, data };
}

/** The record that carries these bytes. */
export function messageWith(topic: string, value: Buffer | null, offset = 0): Message {
  return { topic, partition: 0, offset, key: null, value, headers: [], timestamp: 0 };
}

/** The record that carries an envelope, well made or not, on the topic of its type. */
export function messageOf(given: Envelope, offset = 0): Message {
  return messageWith(given.eventType, Buffer.from(JSON.stringify(given)), offset);
}

export function decodeEnvelope(given: Envelope, offset = 0): Decoded {
  return decode(messageOf(given, offset), registry);
}

/** The event of an envelope that must be valid. */
export function eventOf(given: Envelope, offset = 0): Event {
  const decoded = decodeEnvelope(given, offset);
  if (decoded.kind === 'event') return decoded.event;
  throw new Error(`not valid: ${JSON.stringify(decoded)} ${JSON.stringify(given)}`);
}

/** Why what was decoded is refused: reason, code and path, or what it is if it is not refused. */
export function outcome(decoded: Decoded): string {
  if (decoded.kind !== 'refusal') return decoded.kind;
  const { reason, code, path } = decoded.refusal;
  return [reason, code, path].join(' ').trimEnd();
}

/** The refusal of an envelope that must be refused. */
export function refusalOf(given: Envelope): Refusal {
  const decoded = decodeEnvelope(given);
  if (decoded.kind === 'refusal') return decoded.refusal;
  throw new Error(`not refused: ${JSON.stringify(given)}`);
}
