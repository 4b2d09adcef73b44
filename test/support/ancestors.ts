import { envelope } from './envelopes.js';
import type { Envelope } from './model.js';
import { EVENTS } from './model/events.js';
import type { Ref } from './model/meaning.js';

let count = 0;

/** The least event that makes a row of a table, by its key. */
const MAKERS: Readonly<Record<string, (key: string) => [eventType: string, data: Record<string, unknown>]>> = {
  users: (userId) => ['user.created', { userId, username: 'a name', email: 'a@example.org', role: 'subscriber' }], // prettier-ignore
  posts: (postId) => ['content.post.created', { postId, authorId: 'author', content: 'a post', mediaUrls: [], visibility: 'public' }], // prettier-ignore
  comments: (commentId) => [
    'content.comment.created',
    { commentId, postId: 'post', userId: 'author', content: 'a comment' },
  ],
  transactions: (transactionId) => [
    'payment.completed',
    { transactionId, userId: 'payer', amount: 20, type: 'PURCHASE' },
  ],
  subscriptions: (subscriptionId) => ['subscription.created', { subscriptionId, userId: 'fan', tierId: 'tier', status: 'trialing' }], // prettier-ignore
  skills: (skillId) => ['skill.created', { skillId, category: 'talent', name: 'a skill' }],
  conversations: (conversationId) => ['message.created', { messageId: `opening-${count++}`, conversationId, senderId: 'author', recipientId: 'fan', content: 'hello' }], // prettier-ignore
  messages: (messageId) => ['message.created', { messageId, conversationId: 'conversation', senderId: 'author', recipientId: 'fan', content: 'hello' }], // prettier-ignore
};

/**
 * Events that make every row that these events need and do not make themselves, and the rows that those need in turn.
 * They happen before second 1.
 */
export function ancestorsOf(events: readonly Envelope[]): Envelope[] {
  const made = new Set<string>();
  const ancestors: Envelope[] = [];
  const nameOf = (ref: Ref) => ref.join('\u001f');
  const meaningOf = ({ eventType, data, timestamp }: Envelope) => {
    const meaning = EVENTS[eventType]?.(data, timestamp);
    if (!meaning) throw new Error(`The model knows no ${eventType}`);
    return meaning;
  };
  const add = (event: Envelope): void => {
    const { needs, writes } = meaningOf(event);
    for (const need of needs) {
      if (made.has(nameOf(need))) continue;
      made.add(nameOf(need));
      const [table, key = ''] = need;
      const maker = MAKERS[table]?.(key);
      if (!maker) throw new Error(`There is no event that makes a row of ${table}`);
      const ancestor = envelope(...maker, { second: 0 });
      add(ancestor);
      ancestors.push(ancestor);
    }
    for (const { ref } of writes) made.add(nameOf(ref));
  };
  // What the events make themselves is made by them alone.
  for (const event of events) {
    const { needs, writes } = meaningOf(event);
    const needed = new Set(needs.map(nameOf));
    for (const { ref } of writes) if (!needed.has(nameOf(ref))) made.add(nameOf(ref));
  }
  for (const event of events) add(event);
  return ancestors;
}
