import type { Logger } from 'pino';
import { decode, type Event, type Refusal } from './decode.js';
import type { EventType } from './event.js';
import type { Intake, Queued } from './intake.js';
import { letterOf, type Letter } from './letter.js';
import type { Message } from './message.js';
import type { Offsets, Segment } from './offsets.js';
import type { Persisted } from './persist.js';
import type { Written } from './store.js';
import type { Tally } from './tally.js';

interface Parts {
  readonly registry: ReadonlyMap<string, EventType>;
  readonly prefix: string;
  readonly clientId: string;
  readonly intake: Intake;
  readonly offsets: Offsets;
  readonly tally: Tally;
  readonly log: Logger;
  /** Writes events; resolves when each is applied, parked, known, or refused by the database for good. */
  readonly persist: (events: readonly Event[]) => Promise<Persisted>;
  /** Resolves when the dead-letter topic has the letters. */
  readonly send: (letters: readonly Letter[]) => Promise<void>;
  readonly onWritten: (written: Written) => void;
}

interface Refused {
  readonly message: Message;
  readonly refusal: Refusal;
  readonly attempts: number;
}

/** Marks a batch's messages as in hand, so that no offset moves past them before they are done. */
function take(batch: readonly Queued[], offsets: Offsets): Segment[] {
  const segments = new Map<string, Segment>();
  for (const { message, next } of batch) {
    const name = `${message.topic}:${message.partition}`;
    const segment = segments.get(name);
    if (segment) segment.end = next;
    else segments.set(name, offsets.take(message.topic, message.partition, next));
  }
  return [...segments.values()];
}

/**
 * One writer: takes a batch, decodes it, writes it and sends its dead letters, and only then lets its offsets go. Ends
 * when the intake does.
 *
 * @throws what `persist` or `send` throw when the process is to end; the batch is then read again by the next one
 */
export async function writeBatches(parts: Parts): Promise<void> {
  const { intake, offsets, tally } = parts;
  for (let batch = await intake.take(); batch; batch = await intake.take()) {
    const segments = take(batch, offsets);
    const { events, refused } = decodeAll(batch, parts);
    const [persisted] = await Promise.all([
      events.length > 0 ? parts.persist(events) : { written: [], refused: [] },
      sendRefused(refused, parts),
    ]);
    await sendRefused(
      persisted.refused.map(({ event, ...rest }) => ({ message: event.message, ...rest })),
      parts,
    );
    for (const segment of segments) segment.done = true;
    tally.batch(batch.length);
    for (const written of persisted.written) {
      tally.written(written);
      parts.onWritten(written);
    }
  }
}

function decodeAll(
  batch: readonly Queued[],
  { registry, prefix, tally }: Parts,
): { events: Event[]; refused: Refused[] } {
  const events: Event[] = [];
  const refused: Refused[] = [];
  for (const { message } of batch) {
    const decoded = decode(message, registry, prefix);
    if (decoded.kind === 'event') events.push(decoded.event);
    else if (decoded.kind === 'refusal') refused.push({ message, refusal: decoded.refusal, attempts: 1 });
    else tally.tombstone(message.topic);
  }
  return { events, refused };
}

async function sendRefused(refused: readonly Refused[], { clientId, send, tally, log }: Parts): Promise<void> {
  if (refused.length === 0) return;
  await send(refused.map(({ message, refusal, attempts }) => letterOf(message, refusal, { attempts, clientId })));
  tally.refused(refused);
  for (const { message, refusal } of refused) {
    const { topic, partition, offset } = message;
    const { reason, code, path, eventType } = refusal;
    const about = { topic, partition, offset, reason, code, path, eventType };
    if (reason === 'bug') log.error(about, 'a handler failed: the event is in the dead-letter topic');
    else log.debug(about, 'dead letter');
  }
}
