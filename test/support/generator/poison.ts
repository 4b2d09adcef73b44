import type { Envelope } from '../model.js';
import { ACCEPTED } from './poison-accepted.js';
import { BYTES, DEPTHS } from './poison-bytes.js';
import { ENVELOPES } from './poison-envelopes.js';
import { FIELDS } from './poison-fields.js';
import type { Message } from './message.js';
import { keyOf, messageOf } from './message.js';
import type { Cast } from './minimal.js';
import { MINIMAL } from './minimal.js';
import type { Random } from './random.js';

/** Where a spoiled message stands in the stream: its time, its cast, and the event that happened last before it. */
interface Place {
  random: Random;
  cast: Cast;
  at: string;
  neighbour: Envelope;
}

interface Poison {
  label: string;
  make: (place: Place) => Message;
}

/** These wait for ever: the row that they need never comes. */
const WAITING: Record<string, (cast: Cast) => Record<string, unknown>> = {
  ...Object.fromEntries(
    Object.entries(MINIMAL).filter(([type]) =>
      /updated|deleted|follow|block|liked|comment|refund|renew|cancel|expire|\.user\.|message/.test(type),
    ),
  ),
  'content.post.created': (cast) => ({ ...MINIMAL['content.post.created']?.(cast), authorId: cast.fresh('user') }),
  'payment.completed': (cast) => ({ ...MINIMAL['payment.completed']?.(cast), userId: cast.fresh('user') }),
  'subscription.created': (cast) => ({ ...MINIMAL['subscription.created']?.(cast), creatorId: cast.fresh('user') }),
};

/** Every class of message that is not a plain valid event. */
export const CLASSES: readonly Poison[] = [
  ...BYTES.map(([label, spoil]) => ({
    label,
    make: (place: Place) => refused(label, 'malformed', like(place), (event) => spoil(JSON.stringify(event))),
  })),
  ...DEPTHS.map(([label, spoil]) => ({
    label,
    make: (place: Place) => refused(label, 'invalid', like(place), (event) => spoil(JSON.stringify(event))),
  })),
  ...ENVELOPES.map(([label, reason, spoil]) => ({
    label,
    make: (place: Place) => refused(label, reason, like(place), (event) => Buffer.from(JSON.stringify(spoil(event)))),
  })),
  ...FIELDS.map(([label, type, change]) => ({
    label,
    make: (place: Place) => {
      const event = minimal(place, type);
      Object.assign(event.data, typeof change === 'function' ? change(event.data) : change);
      return refused(label, 'invalid', event, () => Buffer.from(JSON.stringify(event)));
    },
  })),
  ...ACCEPTED.map(({ label, type, change, bytes }) => ({
    label,
    make: (place: Place): Message => {
      const event = minimal(place, type);
      Object.assign(event.data, change?.(place.cast));
      const value = bytes ? bytes(JSON.stringify(event)) : Buffer.from(JSON.stringify(event));
      const read: unknown = JSON.parse(value.toString().replace(/^\uFEFF/, ''));
      return { ...messageOf(isEnvelope(read) ? read : event), value, label };
    },
  })),
  ...Object.entries(WAITING).map(([type, data]) => ({
    label: `never: ${type}`,
    make: (place: Place): Message => ({
      ...messageOf({ ...minimal(place, type), data: data(place.cast) }),
      expect: 'wait',
      label: `never: ${type}`,
    }),
  })),
  {
    label: 'tombstone',
    make: ({ neighbour: { eventType, data } }) => ({
      topic: eventType,
      key: keyOf(eventType, data),
      value: null,
      expect: 'skip',
      label: 'tombstone',
    }),
  },
  {
    // Another content under a known id. It differs in what nobody reads, so that the tables do not depend on which comes first.
    label: 'collision',
    make: ({ neighbour }) => ({
      ...messageOf({ ...neighbour, data: { ...neighbour.data, resentBy: 'cron' } }),
      expect: 'duplicate',
      label: 'collision',
    }),
  },
];

/** Strews poison into a stream of events, one of each class before any comes twice. */
export function strew(random: Random, messages: readonly Message[], count: number): Message[] {
  if (count === 0) return [...messages];
  const [first, second] = messages.flatMap(({ event }) => (event?.eventType === 'user.created' ? [event.data] : []));
  if (typeof first?.userId !== 'string' || typeof second?.userId !== 'string') {
    throw new Error('Poison needs a stream in which two users sign up');
  }
  const cast: Cast = {
    user: first.userId,
    friend: second.userId,
    fresh: (kind) => `pz-${kind}-${random.word(10)}`,
  };
  const queue: Poison[] = [];
  const after = new Map<number, Poison[]>();
  for (let i = 0; i < count; i++) {
    if (queue.length === 0) queue.push(...random.shuffle(CLASSES));
    const place = random.between(1, messages.length - 1);
    const poison = queue.pop();
    if (poison) after.set(place, [...(after.get(place) ?? []), poison]);
  }
  return messages.flatMap((message, index) => {
    const { event } = message;
    if (!event) return [message];
    const spoiled = (after.get(index) ?? []).map(({ make }, n) =>
      make({ random, cast, neighbour: event, at: within(event.timestamp, n) }),
    );
    return [message, ...spoiled];
  });
}

/** A time in the second half of that millisecond, where the platform's own events never fall. */
function within(timestamp: string, n: number): string {
  return `${new Date(Date.parse(timestamp)).toISOString().slice(0, -1)}${String(500 + (n % 500))}Z`;
}

/** An event just like its neighbour, so that poison falls on topics as the traffic does. */
function like({ random, at, neighbour }: Place): Envelope {
  return { ...structuredClone(neighbour), eventId: random.uuid(), timestamp: at };
}

function minimal({ random, at, cast }: Place, eventType: string): Envelope {
  const data = MINIMAL[eventType];
  if (!data) throw new Error(`There is no event type ${eventType}`);
  return { eventId: random.uuid(), eventType, timestamp: at, data: data(cast) };
}

function refused(label: string, reason: string, event: Envelope, bytes: (event: Envelope) => Buffer): Message {
  const headers = { 'x-trace-id': event.eventId };
  return {
    topic: event.eventType,
    key: keyOf(event.eventType, event.data),
    value: bytes(event),
    headers,
    expect: 'refuse',
    reason,
    label,
  };
}

function isEnvelope(value: unknown): value is Envelope {
  return typeof value === 'object' && value !== null && 'eventId' in value && 'data' in value;
}
