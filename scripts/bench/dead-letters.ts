// Topics full of dead letters, made by dbw's own letterOf.
import kafkajs from 'kafkajs';
import { decode, type Refusal } from '../../src/event/decode.js';
import type { Message } from '../../src/event/message.js';
import { registry } from '../../src/handlers/index.js';
import { letterOf } from '../../src/letters/letter.js';
import { posts } from '../../test/support/generator/index.js';
import { testKafka } from '../../test/support/topics.js';
import { unique } from '../../test/support/unique.js';
import { makeTopics, USERS } from './staging.js';

const BATCH = 5_000;
const PARTITIONS = 4;
const CAUSES = 6;
const TOPIC = 'content.post.created';
const WRITTEN_AT = Date.UTC(2024, 4, 1, 10);

/** The id of the event of a letter of `refusedPosts`. */
export function eventIdOf(i: number): string {
  return `0190a000-0000-7000-8000-${i.toString(16).padStart(12, '0')}`;
}

function at(i: number): Pick<Message, 'topic' | 'partition' | 'offset' | 'timestamp' | 'headers'> {
  const headers = [['source', Buffer.from('posts-api')] as const];
  return { topic: TOPIC, partition: i % 8, offset: Math.floor(i / 8), headers, timestamp: WRITTEN_AT };
}

/** A post of about 430 bytes, refused for one of six causes. */
function refusedPost(i: number): Message {
  const data: Record<string, unknown> = {
    postId: `post-${i}`,
    authorId: `user-1700000000000-${i % USERS}`,
    content: `${i} `.padEnd(188, 'The quick brown fox jumps over the lazy dog. '),
    mediaUrls: [`https://cdn.example.com/${i}.jpg`],
    visibility: 'public',
  };
  const cause = i % CAUSES;
  if (cause === 0) delete data.postId;
  if (cause === 1) data.content = 7;
  if (cause === 2) data.visibility = 'nobody';
  if (cause === 3) data.mediaUrls = 'none';
  const timestamp = cause === 4 ? 'yesterday' : new Date(WRITTEN_AT).toISOString();
  const eventType = cause === 5 ? 'content.post.made' : TOPIC;
  const envelope = { eventId: eventIdOf(i), eventType, timestamp, data };
  return { ...at(i), key: Buffer.from(`post-${i}`), value: Buffer.from(JSON.stringify(envelope)) };
}

type Refused = readonly [message: Message, refusal: Refusal];

function* refusedPosts(count: number): Generator<Refused> {
  for (let i = 0; i < count; i++) {
    const message = refusedPost(i);
    const decoded = decode(message, registry);
    if (decoded.kind !== 'refusal') throw new Error('a message that was to be refused is none');
    yield [message, decoded.refusal];
  }
}

function* mendedPosts(count: number, seed: number): Generator<Refused> {
  const why = { reason: 'database', code: '22P02', path: 'posts', message: 'refused by a column' } as const;
  let i = 0;
  for (const { topic, key, value, event } of posts({ seed, events: count + USERS, users: USERS })) {
    if (topic !== TOPIC || event === undefined) continue;
    const message = { ...at(i++), key: Buffer.from(key ?? ''), value };
    yield [message, { ...why, eventType: TOPIC, eventId: event.eventId }];
  }
}

async function fill(refused: Iterable<Refused>): Promise<string> {
  const topic = unique('letters');
  await makeTopics([topic], PARTITIONS, { 'retention.ms': '-1' });
  const producer = testKafka().producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
  await producer.connect();
  let some: kafkajs.Message[] = [];
  for (const [message, refusal] of refused) {
    const { key, value, headers } = letterOf(message, refusal, { attempts: 1, clientId: 'bench' });
    some.push({ key, value, headers: Object.fromEntries(headers) });
    if (some.length < BATCH) continue;
    await producer.send({ topic, messages: some });
    some = [];
  }
  if (some.length > 0) await producer.send({ topic, messages: some });
  await producer.disconnect();
  return topic;
}

/** A topic with letters of posts that nobody can write, of six causes; returns its name. */
export function topicOfRefused(count: number): Promise<string> {
  return fill(refusedPosts(count));
}

/** A topic with letters of the posts of `posts({ seed })`, with which nothing is wrong any more; returns its name. */
export function topicOfMended(count: number, seed: number): Promise<string> {
  return fill(mendedPosts(count, seed));
}
