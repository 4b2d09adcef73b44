import kafkajs from 'kafkajs';
import { messageOf } from '../../test/support/generator/message.js';
import type { Envelope } from '../../test/support/model.js';
import { testKafka } from '../../test/support/topics.js';

/** The time of the first event of each play; each is one second after the one before. */
export const START = Date.parse('2024-05-01T10:00:00Z');

/** An event with fixed id and time. */
export function event(eventType: string, eventId: string, second: number, data: Record<string, unknown>): Envelope {
  return { eventId, eventType, timestamp: new Date(START + second * 1000).toISOString(), data };
}

/** So many users, `u1` and so on. */
export function users(count: number, first = 1): Envelope[] {
  return Array.from({ length: count }, (_, i) => {
    const name = `u${first + i}`;
    return event('user.created', `user-${name}`, i, {
      ...{ userId: name, username: name, email: `${name}@example.com`, role: 'subscriber', bio: `I am ${name}` },
    });
  });
}

/** Users whom every incident finds in the database: their events are read no more. */
export const people = users(10);

/** So many payments of 10, `t1` and so on, each by one of the users. */
export function payments(count: number, of: { users: number; from?: number; everySeconds?: number }): Envelope[] {
  const { from = 0, everySeconds = 1 } = of;
  return Array.from({ length: count }, (_, i) =>
    event('payment.completed', `payment-${i + 1}`, from + i * everySeconds, {
      ...{ transactionId: `t${i + 1}`, userId: `u${(i % of.users) + 1}`, amount: 10, type: 'TIP' },
    }),
  );
}

/** So many posts, `p1` and so on, each by one of the users. */
export function posts(count: number, of: { users: number; firstUser?: number }): Envelope[] {
  const { firstUser = 1 } = of;
  return Array.from({ length: count }, (_, i) =>
    event('content.post.created', `post-${i + 1}`, i, {
      ...{
        postId: `p${i + 1}`,
        authorId: `u${firstUser + (i % of.users)}`,
        content: 'hello',
        mediaUrls: [],
        visibility: 'public',
      },
    }),
  );
}

/**
 * Sends events as services do.
 *
 * @param dated whether each record in Kafka has the time of its event; else it has the present
 */
export async function send(
  events: readonly Envelope[],
  { dated = false, key }: { dated?: boolean; key?: string } = {},
) {
  const producer = testKafka().producer({
    allowAutoTopicCreation: false,
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
  });
  await producer.connect();
  try {
    const topics = new Map<string, Envelope[]>();
    for (const one of events) topics.set(one.eventType, [...(topics.get(one.eventType) ?? []), one]);
    await producer.sendBatch({
      acks: -1,
      topicMessages: [...topics].map(([topic, list]) => ({
        topic,
        messages: list.map((one) => ({
          key: key ?? messageOf(one).key,
          value: JSON.stringify(one),
          ...(dated ? { timestamp: String(Date.parse(one.timestamp)) } : {}),
        })),
      })),
    });
  } finally {
    await producer.disconnect();
  }
}
