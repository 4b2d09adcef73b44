import { EXIT, UserError } from '../errors.js';
import { isLetter, originOf, type DeadLetter } from './dead-letter.js';
import type { Opened } from './dlq-command.js';
import { LetterIndex } from './letter-index.js';
import { idOf } from './newest.js';
import { startsOf } from './summarize.js';

/** A letter that was asked for, and others of its message as far as they were met. */
export interface Found {
  readonly letter: DeadLetter;
  /** IDs of older letters of the same message; undefined where nobody looked. */
  readonly older: readonly string[] | undefined;
}

const HOW = 'Expected partition:offset, as dbw dlq ls lists them, or topic:partition:offset of the message.';

/** Finds the letter of an ID. Throws UserError that says why there is none. */
export async function findLetter(opened: Opened, id: string): Promise<Found> {
  const place = /^(\d{1,9}):(\d{1,15})$/.exec(id);
  if (place) return { letter: await letterAt(opened, Number(place[1]), Number(place[2])), older: undefined };
  const origin = /^([\w.-]+):(\d{1,9}):(\d{1,15})$/.exec(id);
  if (origin) return newestOf(opened, `${origin[1] ?? ''}:${Number(origin[2])}:${Number(origin[3])}`);
  throw new UserError(`"${id}" is no ID of a letter. ${HOW}`, EXIT.usage);
}

/** Reads the one record that is there. */
async function letterAt({ topic, signal }: Opened, partition: number, offset: number): Promise<DeadLetter> {
  const range = topic.ranges.find((one) => one.partition === partition);
  const id = `${partition}:${offset}`;
  if (!range) {
    const last = topic.ranges.length - 1;
    throw new UserError(`There is no letter ${id}: ${topic.name} has the partitions 0 to ${last}.`, EXIT.refused);
  }
  const { from, to } = range;
  if (offset >= to) {
    throw new UserError(`There is no letter ${id} yet: partition ${partition} ends before ${to}.`, EXIT.refused);
  }
  if (offset < from) {
    const why = `it was deleted by retention; partition ${partition} of ${topic.name} begins at ${from}`;
    throw new UserError(`The letter ${id} is gone: ${why}.`, EXIT.refused);
  }
  const ranges = [{ ...range, from: offset, to: offset + 1 }];
  for await (const { letters, unreadable } of topic.read({ signal, ranges, oversize: false })) {
    const [letter] = letters;
    if (letter) return letter;
    const [strange] = unreadable;
    if (strange) throw new UserError(`The record ${id} cannot be shown: ${strange.why}.`, EXIT.refused);
  }
  const why = 'that place holds a mark of a transaction, or a record that was aborted or compacted away';
  throw new UserError(`There is no letter ${id}: ${why}.`, EXIT.refused);
}

/** Looks through the whole topic for the letters of one message. */
async function newestOf(opened: Opened, origin: string): Promise<Found> {
  const { topic, signal } = opened;
  const index = new LetterIndex(startsOf(topic));
  const met: { id: string; partition: number; offset: number; isOversize: boolean }[] = [];
  let oversize: DeadLetter | undefined;
  for await (const { letters } of topic.heads(signal)) {
    for (const letter of letters) {
      if (originOf(letter) !== origin) continue;
      index.add(letter);
      met.push({ id: idOf(letter), isOversize: letter.isOversize, ...letter.record });
    }
  }
  if (signal.aborted) throw new UserError('Interrupted.', EXIT.interrupted);
  if (met.length === 0) {
    const why = `no message of that place has one in ${topic.name}, or retention has deleted it`;
    throw new UserError(`There is no letter of ${origin}: ${why}.`, EXIT.refused);
  }
  const { partition, offset } = index.placeAt(0);
  if (partition < 0) oversize = await oversizeLetter(opened, origin);
  const letter = oversize ?? (await letterAt(opened, partition, offset));
  const newest = idOf(letter);
  return { letter, older: met.map(({ id }) => id).filter((id) => id !== newest) };
}

async function oversizeLetter({ topic, signal }: Opened, origin: string): Promise<DeadLetter | undefined> {
  for await (const { letters } of topic.read({ signal, ranges: [] })) {
    const found = letters.find((letter) => isLetter(letter) && originOf(letter) === origin);
    if (found) return found;
  }
  return undefined;
}
