import fc from 'fast-check';
import type { Envelope } from './model.js';
import { time } from './model/values.js';

type Some = Record<string, fc.Arbitrary<unknown>>;
type Fact = Pick<Envelope, 'eventType' | 'data'>;

const one = fc.constantFrom;

// So few of each that almost everything collides with something.
const users = ['u1', 'u2', '用户🦊'];
const user = one(...users);
const post = one('p1', 'p2');
const comment = one('c1', 'c2', 'c3');
const conversation = one('talk1', 'talk2');
const message = one('m1', 'm2', 'm3');
const transaction = one('t1', 't2');
const subscription = one('s1', 's2');
const skill = one('k1', 'k2');
const two = one(...users.flatMap((a) => users.filter((b) => a !== b).map((b) => [a, b] as const)));

const text = one('', 'x', 'yy', 'it\'s \\N "0"', '多🧑‍🚀');
const amount = one(0, 0.004, 0.1 + 0.2, 1.005, 12.5, 1e-7, 999_999_999_999.99);
const positive = one(0.005, 1.005, 0.1 + 0.2, 12.5);
const balance = one(-1.005, -0.004, 0, 0.1 + 0.2, 12.5);
const currency = one('USD', 'twd', 'Eur');
const visibility = one('public', 'SUBSCRIBERS_ONLY', 'paid', 'Hidden', 'tier_specific');
const json = one<unknown>({}, { a: 1 }, { deep: { list: [1, null, 'é'] }, b: false });
const flag = fc.boolean();

/**
 * Times of events: a microsecond apart, a day apart, and the same instant in different words. Several events have the
 * same, so that the event ids must decide between changes.
 */
const TIMES = [
  '2024-01-01T00:00:00Z',
  '2024-01-01T00:00:00.000001Z',
  '2024-01-01T08:00:00.0000019+08:00',
  '2024-01-01T00:00:00.000002Z',
  '2023-12-31T23:30:00.001-00:30',
  '2024-01-01T00:00:00.001Z',
  '2024-01-02T00:00:00.5Z',
  '2000-01-01T00:00:00Z',
];
const instant = one('2024-02-01T00:00:00Z', '2024-03-01T08:00:00.123456789+08:00', '2031-01-01T00:00:00.5Z');

/** An event of one type. An optional field is absent, null or given; a possible one, as in updates, absent or given. */
function fact(eventType: string, required: Some, optional: Some = {}): fc.Arbitrary<Fact> {
  const nullable = Object.entries(optional).map(([field, values]) => [field, orNull(values)] as const);
  return fc
    .tuple(fc.record(required), possible(Object.fromEntries(nullable)))
    .map(([needed, extra]) => ({ eventType, data: { ...needed, ...extra } }));
}

function possible(fields: Some): fc.Arbitrary<Record<string, unknown>> {
  return fc.record(fields, { requiredKeys: [] }).map((given) => ({ ...given }));
}

function orNull(values: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc.option(values, { nil: null, freq: 3 });
}

function between(eventType: string, from: string, to: string): fc.Arbitrary<Fact> {
  return two.map(([a, b]) => ({ eventType, data: { [from]: a, [to]: b } }));
}

function userCreated(userId: fc.Arbitrary<string>): fc.Arbitrary<Fact> {
  return fact(
    'user.created',
    { userId, username: text, email: text, role: one('creator', 'Subscriber', 'ADMIN', 'super_admin') },
    { userType: one('sugar_baby', 'SUGAR_DADDY'), displayName: text, bio: text, avatarUrl: text, emailVerified: flag },
  );
}

const messageCreated = fc
  .tuple(
    two,
    fact(
      'message.created',
      { messageId: message, conversationId: conversation, content: text },
      {
        attachments: one(
          [],
          [{ id: 'a', type: 'image', url: 'u' }],
          [{ id: 'b', type: 'x', url: '', thumbnailUrl: 't' }],
        ),
      },
    ),
    one<'named' | 'null' | 'absent'>('named', 'null', 'absent'),
  )
  .map(([[senderId, recipientId], { eventType, data }, naming]) => {
    const recipient = naming === 'named' ? { recipientId } : naming === 'null' ? { recipientId: null } : {};
    return { eventType, data: { ...data, senderId, ...recipient } };
  });

/** A comment is no reply to itself, but comments may reply to each other. */
const commentCreated = fact(
  'content.comment.created',
  { commentId: comment, postId: post, userId: user, content: text },
  { parentCommentId: comment },
).map(({ eventType, data }) => {
  const { parentCommentId: parent, ...rest } = data;
  return { eventType, data: parent === data.commentId || parent === undefined ? rest : data };
});

/** Each of the thirty types, the ones that others need more often. */
const FACTS: [weight: number, fc.Arbitrary<Fact>][] = [
  [2, userCreated(user)],
  [2, fact('user.updated', { userId: user, updates: possible({ displayName: orNull(text), bio: orNull(text), avatarUrl: orNull(text), city: orNull(text), country: orNull(text) }) })], // prettier-ignore
  [1, fact('user.deleted', { userId: user }, { reason: text })],
  [1, between('user.followed', 'followerId', 'followedId')],
  [1, between('user.unfollowed', 'followerId', 'followedId')],
  [1, between('user.blocked', 'blockerId', 'blockedId')],
  [1, between('user.unblocked', 'blockerId', 'blockedId')],
  [4, fact('content.post.created', { postId: post, authorId: user, content: text, mediaUrls: one([], ['a'], ['a', '']), visibility }, { contentType: text, price: amount, requiredTierId: one('gold'), tags: one([], ['t']) })], // prettier-ignore
  [2, fact('content.post.updated', { postId: post, updates: possible({ content: text, visibility, mediaUrls: one([], ['b']), price: orNull(amount), requiredTierId: orNull(one('silver')) }) }, { authorId: user })], // prettier-ignore
  [1, fact('content.post.deleted', { postId: post }, { authorId: user })],
  [2, fact('content.post.liked', { postId: post, userId: user })],
  [4, commentCreated],
  [1, fact('content.story.created', { storyId: one('story'), authorId: user, contentType: one('image', 'VIDEO'), mediaUrl: text, expiresAt: instant }, { caption: text })], // prettier-ignore
  [1, fact('content.video.created', { videoId: one('video'), authorId: user, title: text, videoUrl: text, duration: one(0, 90), visibility }, { description: text, thumbnailUrl: text, price: amount })], // prettier-ignore
  [3, fact('payment.completed', { transactionId: transaction, userId: user, amount, type: one('TIP', 'purchase', 'Subscription') }, { currency, relatedEntityId: one('p1'), relatedEntityType: one('post'), stripePaymentId: one('pi'), metadata: json })], // prettier-ignore
  [1, fact('payment.tip.created', { tipId: one('tip'), senderId: user, recipientId: user, amount: positive }, { transactionId: transaction, currency, message: text, postId: one('p1', 'nowhere') })], // prettier-ignore
  [2, fact('payment.refunded', { transactionId: transaction, refundedAmount: amount }, { reason: text, stripeRefundId: one('re'), userId: user, amount })], // prettier-ignore
  [2, fact('wallet.updated', { userId: user, balance }, { pendingBalance: amount, totalEarnings: amount, totalWithdrawn: amount, currency, reason: text })], // prettier-ignore
  [1, fact('withdrawal.requested', { withdrawalId: one('w1'), userId: user, amount: positive, payoutMethod: one('bank_transfer', 'STRIPE_PAYOUT') }, { currency, payoutDetails: text })], // prettier-ignore
  [3, fact('subscription.created', { subscriptionId: subscription, userId: user, tierId: one('gold'), status: one('active', 'CANCELLED', 'trialing', 'past_due') }, { creatorId: user, price: amount, currency, currentPeriodStart: instant, currentPeriodEnd: instant })], // prettier-ignore
  [2, fact('subscription.renewed', { subscriptionId: subscription, currentPeriodEnd: instant }, { currentPeriodStart: instant, userId: user })], // prettier-ignore
  [2, fact('subscription.canceled', { subscriptionId: subscription }, { reason: text })],
  [2, fact('subscription.expired', { subscriptionId: subscription }, { userId: user })],
  [3, fact('skill.created', { skillId: skill, category: text, name: text }, { nameEn: text, nameZhTw: text, icon: text, sortOrder: one(-1, 7), isActive: flag })], // prettier-ignore
  [2, fact('skill.updated', { skillId: skill, updates: possible({ name: text, nameEn: orNull(text), nameZhTw: orNull(text), category: text, icon: orNull(text), sortOrder: one(1, 2), isActive: flag }) })], // prettier-ignore
  [2, fact('skill.user.added', { userId: user, skillId: skill }, { proficiencyLevel: one(1, 5), isHighlight: flag })],
  [1, fact('skill.user.removed', { userId: user, skillId: skill })],
  [1, fact('notification.created', { notificationId: one('n1'), userId: user, type: text }, { title: text, body: text, data: json })], // prettier-ignore
  [5, messageCreated],
  [3, fact('message.read', { messageId: message, conversationId: conversation, userId: user }, { readAt: instant })],
];

/**
 * Small streams of valid events over very few entities, in no order: changes that tie in time, rows created several times
 * with other values and other parents, comments that wait for each other, exact duplicates. Different events have different
 * ids, and no two creations of one row tie in time unless they say the same, so that the tables are determined.
 */
export function eventStream(options: { maxEvents?: number } = {}): fc.Arbitrary<Envelope[]> {
  const facts = fc.oneof(...FACTS.map(([weight, arbitrary]) => ({ weight, arbitrary })));
  const told = fc.record({
    // Of the first letters the third and the fourth differ in order by code points and by units of UTF-16.
    letter: one('a', 'B', '\uFFFD', '🦊'),
    timestamp: one(...TIMES),
    fact: facts,
  });
  const founder = (id: string) =>
    fc.record({ letter: one('a', '🦊'), timestamp: one(...TIMES), fact: userCreated(one(id)) });
  return fc
    .tuple(
      // Without people hardly anything applies, so mostly they are there.
      fc.tuple(...users.map((id) => fc.option(founder(id), { nil: undefined, freq: 8 }))),
      fc.array(told, { maxLength: options.maxEvents ?? 40, size: 'max' }),
      fc.array(fc.nat(), { maxLength: 5 }),
    )
    .map(([founders, others, repeats]) => {
      const all = [...founders.filter((founder) => founder !== undefined), ...others];
      const events = withoutTies(
        all.map(({ letter, timestamp, fact: { eventType, data } }, index) => ({
          eventId: `${letter}-${index}`,
          eventType,
          timestamp,
          data,
        })),
      );
      return [...events, ...repeats.flatMap((n) => events[n % Math.max(events.length, 1)] ?? [])];
    });
}

/** The same items in any order. */
export function shuffled<T>(items: readonly T[]): fc.Arbitrary<T[]> {
  return fc.shuffledSubarray([...items], { minLength: items.length, maxLength: items.length });
}

/** The same items in the same order, cut into batches of any size, none of them empty. */
export function batches<T>(items: readonly T[]): fc.Arbitrary<T[][]> {
  const cuts = fc.array(flag, { minLength: items.length, maxLength: items.length });
  return cuts.map((cut) => {
    const made: T[][] = [];
    items.forEach((item, index) => {
      const last = made.at(-1);
      if (last && !cut[index]) last.push(item);
      else made.push([item]);
    });
    return made;
  });
}

/** A stream, and how it arrives: in another order, and in batches. */
export function delivery(
  options: { maxEvents?: number } = {},
): fc.Arbitrary<{ events: Envelope[]; arrival: Envelope[][] }> {
  return eventStream(options).chain((events) =>
    shuffled(events)
      .chain((order) => batches(order))
      .map((arrival) => ({ events, arrival })),
  );
}

/** The row that a creation makes, and where different values at one time would leave the choice to arrival. */
const MAKES: Record<string, [table: string, field: string]> = {
  'user.created': ['users', 'userId'],
  'content.post.created': ['posts', 'postId'],
  'content.comment.created': ['comments', 'commentId'],
  'content.story.created': ['stories', 'storyId'],
  'content.video.created': ['videos', 'videoId'],
  'payment.completed': ['transactions', 'transactionId'],
  'payment.tip.created': ['tips', 'tipId'],
  'withdrawal.requested': ['withdrawals', 'withdrawalId'],
  'subscription.created': ['subscriptions', 'subscriptionId'],
  'skill.created': ['skills', 'skillId'],
  'notification.created': ['notifications', 'notificationId'],
  'message.created': ['messages', 'messageId'],
};

/** Leaves out each creation that ties in time with an earlier one of the list and says something else. */
function withoutTies(events: Envelope[]): Envelope[] {
  const said = new Map<string, string>();
  return events.filter(({ eventType, timestamp, data }) => {
    const [table, field] = MAKES[eventType] ?? [];
    if (table === undefined || field === undefined) return true;
    const makes = [[table, data[field]]];
    if (typeof data.recipientId === 'string') makes.push(['conversations', data.conversationId]);
    const names = makes.map((row) => JSON.stringify([...row, time(timestamp)]));
    const content = JSON.stringify(data);
    if (names.some((name) => (said.get(name) ?? content) !== content)) return false;
    for (const name of names) said.set(name, content);
    return true;
  });
}
