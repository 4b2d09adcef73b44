import { isUtf8 } from 'node:buffer';
import { crc32 } from 'node:zlib';
import { decode } from '../event/decode.js';
import { registry } from '../handlers/index.js';
import { discardsOf, type Discard } from '../postgres/discards.js';
import { fateOf, type Wait } from '../postgres/event-fate.js';
import { Session } from '../postgres/session.js';
import { quoted } from '../printable.js';
import { messageOf, originOf, type DeadLetter, type Origin, type Writer } from './dead-letter.js';
import type { Opened } from './dlq-command.js';
import { typeOf } from './filter.js';
import { findLetter } from './find.js';
import { hexdump, lineAt, linesOf, masked } from './mask.js';
import { idOf } from './newest.js';
import { isoTime, type LetterState } from './summary.js';

/** What the code of today says to a message. */
export interface Opinion {
  readonly accepted: boolean;
  readonly reason?: string;
  readonly code?: string;
  readonly path?: string;
  readonly message?: string;
}

/** What `dbw dlq show --json` prints. Values of the message are masked unless they were to be revealed. */
export interface ShownLetter {
  readonly id: string;
  readonly topic: string;
  readonly origin: Origin;
  readonly oversize: boolean;
  readonly writer: Writer;
  readonly reason: string;
  readonly code: string;
  readonly path: string;
  /** The message of the error; of other writers only where it was to be revealed. */
  readonly message: string | null;
  readonly fingerprint: string;
  readonly eventType: string | null;
  readonly eventId: string | null;
  readonly attempts: number;
  readonly replays: number;
  readonly firstFailedAt: string;
  readonly failedAt: string;
  readonly state: LetterState;
  readonly discarded: Discard | null;
  /** The event's id was processed with other content than this message has. */
  readonly otherContent: boolean;
  readonly waits: readonly Wait[];
  readonly opinion: Opinion;
  readonly older: readonly string[] | null;
  readonly key: string | null;
  readonly headers: readonly { readonly name: string; readonly value: string | null }[];
  /** The lines of the document; of other bytes a table of them, where they are revealed. */
  readonly value: readonly string[];
  /** The line of `value` that is refused; null where none is, or it is not known. */
  readonly place: number | null;
  readonly replay: string;
}

/** Of bytes that are no document; dbw dlq export has them all. */
const MAX_BYTES = 4096;

function textOf(bytes: Buffer): string {
  return isUtf8(bytes) ? bytes.toString('utf8') : `0x${bytes.toString('hex')}`;
}

/** The document that the bytes hold; undefined where they hold none. */
export function documentOf(value: Buffer | null): { readonly document: unknown } | undefined {
  if (value === null || !isUtf8(value)) return undefined;
  try {
    const document: unknown = JSON.parse(value.toString('utf8').replace(/^\uFEFF/, ''));
    return { document };
  } catch {
    return undefined;
  }
}

/** The lines of a message, and which of them a path names. */
function valueOf(value: Buffer | null, path: string, reveal: boolean): Pick<ShownLetter, 'value' | 'place'> {
  if (value === null) return { value: [], place: null };
  const found = documentOf(value);
  if (!found) return { value: reveal ? hexdump(value.subarray(0, MAX_BYTES)) : [], place: null };
  const lines = linesOf(found.document, reveal);
  return { value: lines.map(({ text }) => text), place: path.startsWith('/') ? lineAt(lines, path) : null };
}

function opinionOf(letter: DeadLetter, prefix: string): Opinion {
  const decoded = decode(messageOf(letter, prefix), registry, prefix);
  if (decoded.kind !== 'refusal') return { accepted: true };
  const { reason, code, path, message } = decoded.refusal;
  return { accepted: false, reason, code, path, message };
}

function stateOf({ isForeign, isProcessed, isDiscarded }: Record<`is${string}`, boolean>): LetterState {
  if (isForeign) return 'foreign';
  if (isProcessed) return 'resolved';
  return isDiscarded ? 'discarded' : 'open';
}

/** The command that replays this letter alone, as far as letters can be told apart. */
export function replayCommand(letter: DeadLetter, topic: string): string {
  const { eventId, fingerprint, record, isOversize } = letter;
  const which =
    eventId === undefined
      ? ['--fingerprint', fingerprint, ...(isOversize ? [] : ['--partition', String(record.partition)])]
      : ['--event-id', eventId];
  return ['dbw', 'replay-dlq', '--topic', topic, ...which].map(quoted).join(' ');
}

/**
 * All that is known of one letter.
 *
 * @param reveal whether values are told; else only what they are
 */
export async function showLetter(opened: Opened, id: string, reveal: boolean): Promise<ShownLetter> {
  const { topic, servers, prefix } = opened;
  const { letter, older } = await findLetter(opened, id);
  const { eventId, origin, record, writer } = letter;
  const fate =
    eventId === undefined
      ? { processed: [], waits: [] }
      : await Session.with(servers.dataSource, (session) => fateOf(session, eventId));
  const discarded = (await discardsOf(servers.dataSource, topic.name)).get(originOf(letter)) ?? null;
  const isProcessed = fate.processed.length > 0;
  const hash = record.value === null ? 0 : crc32(record.value) | 0;
  const said = record.headers.findLast(([name]) =>
    /^__(connect|dlq|streams)\.errors\.(exception\.)?message$/.test(name),
  );
  const isTold = writer === 'dbw' || reveal; // ours never holds values
  const { key, headers } = messageOf(letter, prefix);
  const { reason, code, path, fingerprint, attempts, replays } = letter;
  const opinion = opinionOf(letter, prefix);
  return {
    id: idOf(letter),
    topic: topic.name,
    ...{ origin, oversize: letter.isOversize, writer, reason, code, path, fingerprint, attempts, replays },
    message: isTold && said?.[1] ? said[1].toString('utf8') : null,
    eventType: typeOf(letter, prefix) ?? null,
    eventId: eventId ?? null,
    firstFailedAt: isoTime(letter.firstFailedAt),
    failedAt: isoTime(letter.failedAt),
    state: stateOf({ isForeign: topic.isForeign(letter), isProcessed, isDiscarded: discarded !== null }),
    discarded,
    otherContent: isProcessed && !fate.processed.includes(hash),
    waits: fate.waits.map((wait) => (reveal ? wait : { ...wait, key: masked(wait.key) })),
    opinion,
    older: older ?? null,
    key: key && (reveal ? textOf(key) : `‹${key.length} bytes›`),
    headers: headers.map(([name, value]) => ({
      name: reveal || /^[\w.-]{1,100}$/.test(name) ? name : `‹name of ${name.length}›`,
      value: value && (reveal ? textOf(value) : `‹${value.length} bytes›`),
    })),
    ...valueOf(record.value, opinion.accepted ? path : (opinion.path ?? ''), reveal),
    replay: replayCommand(letter, topic.name),
  };
}
