import { isUtf8 } from 'node:buffer';
import { once } from 'node:events';
import { createWriteStream, existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { EXIT, UserError } from '../errors.js';
import { jsonText } from '../printable.js';
import { messageOf, type DeadLetter } from './dead-letter.js';
import type { Opened } from './dlq-command.js';
import { matcherOf, typeOf, type LetterFilter } from './filter.js';
import { linesOf, masked } from './mask.js';
import { idOf, look, newest, type Standing } from './newest.js';
import { documentOf } from './show.js';
import { isoTime, type LetterState } from './summary.js';

/** What `dbw dlq export --json` prints. */
export interface DlqExport {
  readonly topic: string;
  readonly file: string;
  readonly letters: number;
}

/** Bytes in a file of JSON lines: exact in `base64`, for people in `text` where they are a JSON document or, of keys, UTF-8. */
interface ExportedBytes {
  readonly base64?: string;
  readonly text?: string;
}

interface Choice {
  readonly state: LetterState | 'all';
  /** Values are told only by what they are. */
  readonly mask: boolean;
  readonly force: boolean;
}

function bytesOf(bytes: Buffer | null, mask: boolean): ExportedBytes | null {
  if (bytes === null) return null;
  if (mask) return { text: `‹${bytes.length} bytes›` };
  return { base64: bytes.toString('base64'), ...(isUtf8(bytes) ? { text: bytes.toString('utf8') } : {}) };
}

function valueOf(value: Buffer | null, mask: boolean): ExportedBytes | null {
  if (value === null || !mask) {
    const isDocument = documentOf(value) !== undefined;
    return value && { base64: value.toString('base64'), ...(isDocument ? { text: value.toString('utf8') } : {}) };
  }
  const found = documentOf(value);
  const lines = found && linesOf(found.document, false).map(({ text }) => text.trimStart());
  return { text: lines?.join('') ?? `‹${value.length} bytes›` };
}

/** A letter as one line of JSON. */
function lineOf({ letter, state }: Standing<DeadLetter>, prefix: string, mask: boolean): string {
  const { origin, isOversize, writer, reason, code, path, fingerprint, eventId, attempts, replays } = letter;
  const { key, value, headers } = messageOf(letter, prefix);
  return jsonText({
    id: idOf(letter),
    ...{ origin, oversize: isOversize, writer, state, reason, code, path, fingerprint, eventId: eventId ?? null },
    eventType: typeOf(letter, prefix) ?? null,
    ...{ attempts, replays, firstFailedAt: isoTime(letter.firstFailedAt), failedAt: isoTime(letter.failedAt) },
    key: bytesOf(key, mask),
    value: valueOf(value, mask),
    headers: headers.map(([name, bytes]) => ({
      name: mask && !/^[\w.-]{1,100}$/.test(name) ? masked(name) : name,
      value: bytesOf(bytes, mask),
    })),
  });
}

async function write(opened: Opened, filter: LetterFilter, { state, mask }: Choice, to: Writable): Promise<number> {
  const { topic, signal, prefix } = opened;
  const looked = await look(opened);
  let count = 0;
  for await (const some of newest(opened, topic.read({ signal }), looked, matcherOf(filter, prefix))) {
    const lines = some.filter((one) => state === 'all' || one.state === state).map((one) => lineOf(one, prefix, mask));
    count += lines.length;
    if (lines.length > 0 && !to.write(`${lines.join('\n')}\n`)) await once(to, 'drain');
  }
  if (signal.aborted) throw new UserError('Interrupted; nothing was exported.', EXIT.interrupted);
  return count;
}

/**
 * Writes letters as JSON lines, each message once. A file is there whole or not at all.
 *
 * @param file `-` is standard output
 * @throws UserError where the file is there already
 */
export async function exportLetters(
  opened: Opened,
  filter: LetterFilter,
  file: string,
  choice: Choice,
): Promise<DlqExport> {
  const { topic } = opened;
  if (file === '-') return { topic: topic.name, file, letters: await write(opened, filter, choice, process.stdout) };
  if (existsSync(file) && !choice.force) {
    throw new UserError(`${file} is there already. Take another name, or --force to replace it.`, EXIT.refused);
  }
  const part = `${file}.part`;
  const stream = createWriteStream(part, { mode: 0o600 }); // it may hold personal data
  try {
    await once(stream, 'open').catch((error: unknown) => {
      throw new UserError(`${file} cannot be written: ${error instanceof Error ? error.message : String(error)}.`);
    });
    const letters = await write(opened, filter, choice, stream);
    await new Promise<void>((resolve, reject) => {
      stream.once('error', reject);
      stream.end(resolve);
    });
    await rename(part, file);
    return { topic: topic.name, file, letters };
  } catch (error) {
    stream.destroy();
    await rm(part, { force: true });
    throw error;
  }
}
