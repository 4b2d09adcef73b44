// Topics of one measurement each.
import { generate, posts, type Message } from '../../test/support/generator/index.js';
import { createTopics, send, withAdmin } from '../../test/support/topics.js';
import { unique } from '../../test/support/unique.js';

/** What `posts()` needs to be there, and what it is all about. */
export const POST_TOPICS = ['user.created', 'content.post.created'];
export const USERS = 500;
/** Messages that are in memory at once while topics are filled. */
const AT_ONCE = 20_000;

/** New topics for these types of event; returns what their names begin with. */
export async function emptyTopics(types: Iterable<string>, partitions = 4): Promise<string> {
  const prefix = `${unique('bench')}.`;
  await createTopics(
    [...new Set(types)].map((type) => prefix + type),
    partitions,
  );
  return prefix;
}

/** Sends messages to topics that are there. */
export async function fillTopics(messages: Iterable<Message>, prefix: string): Promise<void> {
  let some: Message[] = [];
  for (const message of messages) {
    if (some.push(message) < AT_ONCE) continue;
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

/** New topics with what happens on the platform, of all thirty types. */
export async function stageMixed(options: Parameters<typeof generate>[0]): Promise<string> {
  const messages = generate(options);
  const prefix = await emptyTopics(messages.map(({ topic }) => topic));
  await fillTopics(messages, prefix);
  return prefix;
}

/** Deletes all topics whose names begin so: also those that dbw has made for its letters. */
export async function dropTopics(prefixes: Iterable<string>): Promise<void> {
  const given = [...prefixes];
  await withAdmin(async (admin) => {
    const topics = (await admin.listTopics()).filter((topic) => given.some((prefix) => topic.startsWith(prefix)));
    if (topics.length > 0) await admin.deleteTopics({ topics });
  });
}
