import type { Refusal } from '../../src/event/decode.js';
import type { Message } from '../../src/event/message.js';
import { letterOf, type Letter } from '../../src/letters/letter.js';
import type { Envelope } from './model.js';
import { send, type Outgoing } from './topics.js';

/** What a test wants of a letter; the rest is as it usually is. */
export interface Wanted extends Partial<Refusal> {
  /** Its message, or any bytes. */
  readonly event: Envelope | Buffer;
  /** Where its message came from; default: the topic of its type. */
  readonly topic?: string;
  readonly partition?: number;
  readonly offset: number;
  readonly key?: string;
  readonly replays?: number;
  readonly headers?: Message['headers'];
}

/** A letter as dbw writes it. */
export function deadLetter(prefix: string, wanted: Wanted): Letter {
  const { event, partition = 0, offset, key = 'key', replays = 0, headers = [] } = wanted;
  const isEvent = !Buffer.isBuffer(event);
  const message: Message = {
    topic: wanted.topic ?? prefix + (isEvent ? event.eventType : 'user.created'),
    ...{ partition, offset, headers, timestamp: 0 },
    key: Buffer.from(key),
    value: isEvent ? Buffer.from(JSON.stringify(event)) : event,
  };
  const { reason = 'database', code = '23514', path = 'users.users_check', message: why = 'refused' } = wanted;
  const about = isEvent ? { eventId: event.eventId, eventType: event.eventType } : {};
  return letterOf(message, { reason, code, path, message: why, ...about }, { attempts: 1, clientId: 'test', replays });
}

/** The record that a letter is, for a topic. */
export function outgoing(topic: string, { key, value, headers }: Letter): Outgoing {
  return { topic, key: key?.toString() ?? null, value, headers: Object.fromEntries(headers) };
}

/** Puts letters into a topic. */
export async function sendLetters(topic: string, letters: readonly Letter[]): Promise<void> {
  await send(letters.map((letter) => outgoing(topic, letter)));
}
