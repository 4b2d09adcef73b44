import { createHash } from 'node:crypto';
import type { Refusal } from '../event/decode.js';
import type { Header, Message } from '../event/message.js';
import { formatTime, now } from '../event/time.js';

/** A dead letter as it is sent: the original's bytes, its headers, and why it died. */
export interface Letter {
  /** Where the message came from: a letter's identity. Of several with one identity the newest counts. */
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** When it was refused, RFC 3339 with microseconds. */
  readonly failedAt: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly (readonly [name: string, value: Buffer | string])[];
}

/** How often a message was tried before it was refused. */
export interface Attempts {
  readonly attempts: number;
  /** The instance that refused it. */
  readonly clientId: string;
  /** How often it was replayed in vain, and when it died first; default: what its headers say of an earlier death. */
  readonly replays?: number;
  readonly firstFailedAt?: string;
}

const MAX_MESSAGE_BYTES = 512;
const MAX_PATH_BYTES = 512;

/** Cuts a text to a number of UTF-8 bytes without cutting a character. */
function cut(text: string, bytes: number): string {
  const encoded = Buffer.from(text);
  if (encoded.length <= bytes) return text;
  let end = bytes;
  while (((encoded[end] ?? 0) & 0xc0) === 0x80) end--;
  return encoded.subarray(0, end).toString('utf8');
}

/** What a letter died of. */
export type Cause = Omit<Refusal, 'reason' | 'message'> & { readonly reason: string; readonly message?: string };

/** 12 hex digits that are the same for letters that died of the same cause. */
export function fingerprintOf({ reason, eventType, code, path }: Cause): string {
  // Array indexes and the like differ from message to message; the cause is the same.
  const place = path.replace(/\/\d+(?=\/|$)/g, '/*');
  return createHash('sha256')
    .update([reason, eventType ?? '', code, place].join('\0'))
    .digest('hex')
    .slice(0, 12);
}

/** Names that we write; what a message brought under them came from an earlier death and is replaced. */
function isOurs(name: string): boolean {
  return name.startsWith('dbw.dlq.') || name.startsWith('__connect.errors.');
}

function headerText(headers: readonly Header[], name: string): string | undefined {
  return headers.findLast(([given]) => given === name)?.[1]?.toString('utf8');
}

/** Where, when and why, in the names of Kafka Connect's dead letters and in ours (docs/dead-letters.md). */
export function letterOf(
  message: Message,
  refusal: Refusal,
  { attempts, clientId, replays, firstFailedAt }: Attempts,
): Letter {
  const { headers } = message;
  const failedAt = formatTime(now());
  const decoding = refusal.reason !== 'database' && refusal.reason !== 'missing_reference';
  const before = headerText(headers, 'dbw.dlq.null-headers')?.split(',') ?? [];
  const nulls = [...before, ...headers.filter(([, value]) => value === null).map(([name]) => name)];
  const added: Record<string, string | undefined> = {
    '__connect.errors.topic': message.topic,
    '__connect.errors.partition': String(message.partition),
    '__connect.errors.offset': String(message.offset),
    '__connect.errors.connector.name': clientId,
    '__connect.errors.task.id': '0',
    '__connect.errors.stage': decoding ? 'VALUE_CONVERTER' : 'TASK_PUT',
    '__connect.errors.class.name': refusal.eventType ?? 'decode',
    '__connect.errors.exception.class.name': `dbw.${refusal.reason}`,
    '__connect.errors.exception.message': cut(refusal.message, MAX_MESSAGE_BYTES),
    'dbw.dlq.version': '1',
    'dbw.dlq.reason': refusal.reason,
    'dbw.dlq.code': refusal.code,
    'dbw.dlq.path': cut(refusal.path, MAX_PATH_BYTES),
    'dbw.dlq.fingerprint': fingerprintOf(refusal),
    'dbw.dlq.event-id': refusal.eventId,
    'dbw.dlq.event-type': refusal.eventType,
    'dbw.dlq.attempts': String(attempts),
    'dbw.dlq.replays': replays?.toString() ?? headerText(headers, 'dbw.dlq.replays') ?? '0',
    'dbw.dlq.first-failed-at': firstFailedAt ?? headerText(headers, 'dbw.dlq.first-failed-at') ?? failedAt,
    'dbw.dlq.failed-at': failedAt,
    'dbw.dlq.headers-left-out': message.headersLeftOut?.toString(),
    'dbw.dlq.null-headers': nulls.length > 0 ? nulls.join(',') : undefined,
  };
  return {
    topic: message.topic,
    partition: message.partition,
    offset: message.offset,
    failedAt,
    key: message.key,
    value: message.value,
    headers: [
      ...headers.filter(([name]) => !isOurs(name)).map(([name, value]) => [name, value ?? Buffer.alloc(0)] as const),
      ...Object.entries(added).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const])),
    ],
  };
}
