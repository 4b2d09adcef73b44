import type { Message } from './message.js';
import { messageOf } from './message.js';
import { Random } from './random.js';
import { prose } from './text.js';

/** For benchmarks: users, and then nothing but posts of about 430 bytes, made as fast as may be. `events` counts both. */
export function* posts(options: { seed: number; events: number; users: number }): Generator<Message, void, undefined> {
  const random = new Random(options.seed);
  const users = Array.from({ length: options.users }, () => random.uuid());
  let now = Date.parse('2024-01-01T00:00:00Z');
  const event = (eventType: string, data: Record<string, unknown>) =>
    messageOf({ eventId: random.uuid(), eventType, timestamp: new Date((now += 137)).toISOString(), data });

  for (const userId of users) {
    const username = random.word(10);
    yield event('user.created', { userId, username, email: `${username}@example.com`, role: 'creator' });
  }
  // Texts are drawn from a store, for composing them would cost more than all the rest.
  const texts = Array.from({ length: 64 }, () => prose(random, 20).slice(0, 50).toWellFormed()); // half a character is invalid
  for (let i = users.length; i < options.events; i++) {
    const image = random.word(12);
    yield event('content.post.created', {
      postId: random.uuid(),
      authorId: random.pick(users),
      content: random.pick(texts),
      mediaUrls: [`https://cdn.example.com/media/${image}.jpg`],
      visibility: 'public',
      contentType: 'image',
      tags: ['daily', image.slice(0, 4)],
    });
  }
}
