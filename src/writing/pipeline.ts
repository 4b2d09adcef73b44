import type { Logger } from 'pino';
import type { Breakers } from './breaker.js';
import { decode, type Event, type Refusal } from '../event/decode.js';
import type { EventType } from '../event/event.js';
import type { Exclusion } from './exclusion.js';
import type { Hand } from './hand.js';
import type { Intake, Queued } from '../reading/intake.js';
import type { Lag } from '../reading/lag.js';
import { letterOf } from '../letters/letter.js';
import type { Message } from '../event/message.js';
import type { Offsets, Segment } from '../reading/offsets.js';
import type { Written } from './written.js';
import type { Range } from './suspects.js';
import type { Tally } from '../health/tally.js';
import type { Tracing, Ways } from '../tracing/tracing.js';
import { partitionName } from '../kafka/topic-partition.js';

export interface Parts extends Ways {
  readonly registry: ReadonlyMap<string, EventType>;
  readonly prefix: string;
  readonly clientId: string;
  readonly intake: Intake;
  readonly offsets: Offsets;
  readonly lag: Pick<Lag, 'sawRecord'>;
  readonly tally: Tally;
  readonly log: Logger;
  readonly hand: Hand;
  /** Batches are written side by side, suspects with nothing beside them. */
  readonly exclusion: Exclusion;
  readonly breakers: Pick<Breakers, 'finished'>;
  /** Deaths of this process alone with a message after which it is given up. */
  readonly maxDeaths: number;
  /** Absent where nobody wants to know. */
  readonly tracing: Tracing | undefined;
  readonly onWritten: (written: Written) => void;
}

/** A message that is not to be written, and why. */
export interface Refused {
  readonly message: Message;
  readonly refusal: Refusal;
  readonly attempts: number;
}

/** What became of messages: the refused ones are not in the dead-letter topic yet. */
interface Tried {
  readonly written: readonly Written[];
  readonly refused: readonly Refused[];
}

/** A batch's messages of one partition. */
interface Part {
  readonly topic: string;
  readonly partition: number;
  readonly segment: Segment;
  /** The timestamp of the last message; undefined where there is none. */
  time: number | undefined;
}

/** Marks a batch's messages as in hand, so that no offset moves past them before they are done. */
function take(batch: readonly Queued[], offsets: Offsets): Part[] {
  const parts = new Map<string, Part>();
  let part: Part | undefined;
  for (const { topic, partition, next, message } of batch) {
    // Messages come partition by partition: mostly it is that of the one before.
    if (part?.partition !== partition || part.topic !== topic) part = parts.get(partitionName({ topic, partition }));
    if (part) {
      part.segment.end = next;
      part.time = message?.timestamp ?? part.time;
    } else {
      part = { topic, partition, segment: offsets.take(topic, partition, next), time: message?.timestamp };
      parts.set(partitionName({ topic, partition }), part);
    }
  }
  return [...parts.values()];
}

/** From the first to the last message of each partition. */
function rangesOf(messages: readonly Message[]): Range[] {
  const ranges = new Map<string, { topic: string; partition: number; first: number; next: number }>();
  let range: { topic: string; partition: number; first: number; next: number } | undefined;
  for (const { topic, partition, offset } of messages) {
    if (range?.partition !== partition || range.topic !== topic)
      range = ranges.get(partitionName({ topic, partition }));
    if (range) {
      range.next = offset + 1;
    } else {
      range = { topic, partition, first: offset, next: offset + 1 };
      ranges.set(partitionName({ topic, partition }), range);
    }
  }
  return [...ranges.values()];
}

/**
 * One writer: takes a batch, decodes it, writes it and sends its dead letters, and only then lets its offsets go. Ends
 * when the intake does.
 *
 * @param writer its number, among those of this process
 * @throws what `persist` or `send` throw when the process is to end; the batch is then read again by the next one
 */
export async function writeBatches(writer: number, parts: Parts): Promise<void> {
  const { intake, offsets, lag, hand, exclusion, tally } = parts;
  for (let batch = await intake.take(); batch; batch = await intake.take()) {
    tally.began();
    const taken = take(batch, offsets);
    const messages = batch.flatMap(({ message }) => message ?? []);
    const { isSuspect } = hand;
    const usual = isSuspect ? messages.filter((message) => !isSuspect(message)) : messages;
    if (usual.length > 0) {
      await exclusion.shared(async () => {
        await hand.take(writer, rangesOf(usual));
        await write(usual, parts);
      });
    }
    for (const message of isSuspect ? messages.filter(isSuspect) : []) {
      await exclusion.exclusive(() => writeAlone(message, parts));
    }
    for (const { segment, topic, partition, time } of taken) {
      segment.done = true;
      if (time !== undefined) lag.sawRecord(topic, partition, time);
    }
    if (messages.length > 0) tally.batch(messages.length);
  }
}

/** Writes messages; when it resolves, each is in PostgreSQL or in the dead-letter topic. */
function write(messages: readonly Message[], parts: Parts): Promise<void> {
  const { tracing } = parts;
  if (!tracing) return writeWith(messages, parts);
  return tracing.batch(messages, parts, (ways) => writeWith(messages, { ...parts, ...ways }));
}

async function writeWith(messages: readonly Message[], parts: Parts): Promise<void> {
  const { events, refused } = decodeAll(messages, parts);
  const [persisted] = await Promise.all([persistAll(events, parts), sendRefused(refused, parts)]);
  await sendRefused(persisted.refused, parts);
  account(messages, [...refused, ...persisted.refused], persisted.written, parts);
}

/** Writes a message that was in hand when a process died, with nothing beside it. */
async function writeAlone(message: Message, parts: Parts): Promise<void> {
  const { hand, maxDeaths, log } = parts;
  const deaths = await hand.attempt(message);
  if (deaths < maxDeaths) {
    await write([message], parts);
    await hand.survived(message);
    return;
  }
  const refusal: Refusal = {
    reason: 'bug',
    code: 'process_death',
    path: '',
    message: `the process died ${deaths} times while it had this message alone in hand`,
  };
  const { topic, partition, offset } = message;
  log.error({ topic, partition, offset, deaths }, 'a message kills the process: it goes to the dead-letter topic');
  const refused = [{ message, refusal, attempts: deaths }];
  await sendRefused(refused, parts);
  account([message], refused, [], parts);
}

/**
 * Tries messages without a letter for those that are refused; what is accepted is written.
 *
 * @returns the refusals
 */
export async function tryOut(messages: readonly Message[], parts: Parts): Promise<Refusal[]> {
  const { events, refused } = decodeAll(messages, parts);
  const persisted = await persistAll(events, parts);
  for (const written of persisted.written) parts.onWritten(written);
  return [...refused, ...persisted.refused].map(({ refusal }) => refusal);
}

async function persistAll(events: readonly Event[], { persist }: Parts): Promise<Tried> {
  if (events.length === 0) return { written: [], refused: [] };
  const { written, refused } = await persist(events);
  return { written, refused: refused.map(({ event, ...rest }) => ({ message: event.message, ...rest })) };
}

function decodeAll(
  messages: readonly Message[],
  { registry, prefix, tally }: Parts,
): { events: Event[]; refused: Refused[] } {
  const events: Event[] = [];
  const refused: Refused[] = [];
  for (const message of messages) {
    const decoded = decode(message, registry, prefix);
    if (decoded.kind === 'event') events.push(decoded.event);
    else if (decoded.kind === 'refusal') refused.push({ message, refusal: decoded.refusal, attempts: 1 });
    else tally.tombstone(message.topic);
  }
  return { events, refused };
}

async function sendRefused(refused: readonly Refused[], { clientId, send, log }: Parts): Promise<void> {
  if (refused.length === 0) return;
  await send(refused.map(({ message, refusal, attempts }) => letterOf(message, refusal, { attempts, clientId })));
  for (const { message, refusal } of refused) {
    const { topic, partition, offset } = message;
    const { reason, code, path, eventType } = refusal;
    const about = { topic, partition, offset, reason, code, path, eventType };
    if (reason === 'bug') log.error(about, 'a handler failed: the event is in the dead-letter topic');
    else log.debug(about, 'dead letter');
  }
}

/** Tells everybody what became of messages that are finished. */
function account(
  messages: readonly Message[],
  refused: readonly Refused[],
  written: readonly Written[],
  { tally, breakers, onWritten, log }: Parts,
): void {
  tally.refused(refused);
  const [collided, ...more] = written.flatMap(({ collisions }) => collisions);
  if (collided) {
    const { topic, partition, offset } = collided.message;
    const about = { topic, partition, offset, eventType: collided.type.type, more: more.length };
    log.warn(about, 'an event has an id that another had before it: it is not applied');
  }
  for (const one of written) {
    tally.written(one);
    onWritten(one);
  }
  const byTopic = new Map<string, number>();
  for (const { topic } of messages) byTopic.set(topic, (byTopic.get(topic) ?? 0) + 1);
  for (const [topic, finished] of byTopic) {
    const refusals = refused.flatMap(({ message, refusal }) => (message.topic === topic ? [refusal] : []));
    breakers.finished(topic, finished - refusals.length, refusals);
  }
}
