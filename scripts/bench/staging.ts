// Topics of one measurement each.
import { setTimeout as delay } from 'node:timers/promises';
import kafkajs from 'kafkajs';
import { generate, posts, type Message } from '../../test/support/generator/index.js';
import { createTopics, send, withAdmin, type Outgoing } from '../../test/support/topics.js';
import { unique } from '../../test/support/unique.js';

/** What `posts()` needs to be there, and what it is all about. */
export const POST_TOPICS = ['user.created', 'content.post.created'];
export const USERS = 500;
/** Messages that are in memory at once while topics are filled. */
const AT_ONCE = 20_000;
/** What the names of all topics begin with that were made and not yet deleted. */
const made = new Set<string>();

const TRIES = 20;
const RETRY_MS = 500;

/** Creates topics, patiently: a broker with much to do may not know of one that it has just made, and kafkajs gives up then. */
export async function makeTopics(...[topics, partitions, settings]: Parameters<typeof createTopics>): Promise<void> {
  for (const topic of topics) made.add(topic);
  for (let tries = 1; ; tries++) {
    try {
      await createTopics(topics, partitions, settings); // those that are there already do no harm
      return;
    } catch (error) {
      const isNotReady = error instanceof kafkajs.KafkaJSProtocolError && error.retriable;
      if (!isNotReady || tries === TRIES) throw error;
      await delay(RETRY_MS);
    }
  }
}

/** New topics for these types of event; returns what their names begin with. */
export async function emptyTopics(types: Iterable<string>, partitions = 4): Promise<string> {
  const prefix = `${unique('bench')}.`;
  made.add(prefix); // dbw makes one for its letters
  await makeTopics(
    [...new Set(types)].map((type) => prefix + type),
    partitions,
  );
  return prefix;
}

/** How many of the messages were written in one millisecond: as if so many thousand things had happened in a second. */
const PER_MS = 20;

/** They happened so long ago, in milliseconds: what has just happened is another matter. */
const AGE_MS = 600_000;

/** Sends messages to topics that are there, as if they had been written one after the other, some minutes ago. */
export async function fillTopics(messages: Iterable<Message>, prefix: string): Promise<void> {
  const start = Date.now() - AGE_MS;
  let sent = 0;
  let some: Outgoing[] = [];
  for (const message of messages) {
    if (some.push({ ...message, timestamp: start + Math.floor(sent++ / PER_MS) }) < AT_ONCE) continue;
    await send(some, prefix);
    some = [];
  }
  await send(some, prefix);
}

/** New topics with so many posts and their users. */
export async function stagePosts(options: { seed: number; events: number; partitions?: number }): Promise<string> {
  const prefix = await emptyTopics(POST_TOPICS, options.partitions);
  await fillTopics(posts({ seed: options.seed, events: options.events + USERS, users: USERS }), prefix);
  return prefix;
}

/** New topics with what happens on the platform, of all thirty types, and how many messages that are. */
export async function stageMixed(
  options: Parameters<typeof generate>[0],
): Promise<{ prefix: string; messages: number }> {
  const messages = generate(options);
  const prefix = await emptyTopics(messages.map(({ topic }) => topic));
  await fillTopics(messages, prefix);
  return { prefix, messages: messages.length };
}

/** Deletes every topic that was made here, and those that dbw has made beside them. */
export async function dropTopics(): Promise<void> {
  if (made.size === 0) return;
  await withAdmin(async (admin) => {
    const begins = [...made];
    const topics = (await admin.listTopics()).filter((topic) => begins.some((begin) => topic.startsWith(begin)));
    if (topics.length > 0) await admin.deleteTopics({ topics });
  });
  made.clear();
}
