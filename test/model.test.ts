import { expect } from 'chai';
import fc from 'fast-check';
import { batches, eventStream, shuffled } from './support/arbitraries.js';
import { shuffle } from './support/generator/index.js';
import type { Envelope, Expected } from './support/model.js';
import { expectedTables } from './support/model.js';
import { compareText, lowerEnum, money, time } from './support/model/values.js';

let count = 0;

/** An event at a second of one fixed minute; a fraction of a second is in microseconds. */
function event(eventType: string, second: number, data: Record<string, unknown>, eventId = `e${count++}`): Envelope {
  return { eventId, eventType, timestamp: at(second), data };
}

function at(second: number): string {
  return `2024-05-01T00:00:${second.toFixed(6).padStart(9, '0')}Z`;
}

function row(expected: Expected, table: string, ...key: string[]): Record<string, unknown> | undefined {
  return expected.tables.get(table)?.get(key.join('\u001f'));
}

function rows(expected: Expected, table: string): number {
  return expected.tables.get(table)?.size ?? 0;
}

/** Expected tables of these events, after a look that no order of them makes a difference. */
function tables(...events: Envelope[]): Expected {
  const expected = expectedTables(events);
  for (let seed = 0; seed < 5; seed++)
    expect(plain(expectedTables(shuffle(events, seed)))).to.deep.equal(plain(expected));
  return expected;
}

/** What must not depend on order, in an order of its own. */
function plain({ tables: all, waiting, ties }: Expected): unknown {
  const sorted = [...all].map(([name, keyed]) => [name, [...keyed].sort(([a], [b]) => compareText(a, b))]);
  return { sorted, waiting: waiting.map((one) => JSON.stringify(one)).sort(), ties: ties.sort() };
}

const user = (userId: string, second = 1, more = {}) =>
  event('user.created', second, {
    userId,
    username: `name of ${userId}`,
    email: 'e@example.com',
    role: 'creator',
    ...more,
  });
const post = (postId: string, authorId: string, second = 2, more = {}) =>
  event('content.post.created', second, {
    postId,
    authorId,
    content: 'c',
    mediaUrls: [],
    visibility: 'public',
    ...more,
  });
const comment = (commentId: string, second: number, more = {}) =>
  event('content.comment.created', second, { commentId, postId: 'p', userId: 'a', content: 'c', ...more });
const payment = (second: number, more = {}) =>
  event('payment.completed', second, { transactionId: 't', userId: 'a', amount: 10, type: 'TIP', ...more });
const subscription = (second: number, more = {}) =>
  event('subscription.created', second, {
    subscriptionId: 's',
    userId: 'a',
    tierId: 'gold',
    status: 'trialing',
    ...more,
  });
const skill = (second: number, more = {}) =>
  event('skill.created', second, { skillId: 'k', category: 'c', name: 'n', ...more });
const message = (messageId: string, second: number, more = {}) =>
  event('message.created', second, { messageId, conversationId: 'v', senderId: 'b', content: 'hi', ...more });

describe('the model: values', () => {
  it('shows times in UTC, cut to microseconds', () => {
    expect(time('2024-01-01T00:00:00Z')).to.equal('2024-01-01T00:00:00.000000Z');
    expect(time('2024-01-01T00:00:00.9999999Z')).to.equal('2024-01-01T00:00:00.999999Z');
    expect(time('2024-01-01T07:30:00.1234569+08:00')).to.equal('2023-12-31T23:30:00.123456Z');
    expect(time('2024-02-28T23:45:00.5-00:30')).to.equal('2024-02-29T00:15:00.500000Z');
    expect(time('2024-01-01t00:00:00.25z')).to.equal('2024-01-01T00:00:00.250000Z');
    expect(() => time('2024-01-01')).to.throw('no RFC 3339 time');
  });

  it('rounds money half away from zero, from the shortest decimal text', () => {
    const examples: [number, string][] = [
      [0, '0.00'],
      [-0, '0.00'],
      [7, '7.00'],
      [1.5, '1.50'],
      [1.005, '1.01'],
      [-1.005, '-1.01'],
      [1.0049999, '1.00'],
      [2.675, '2.68'],
      [0.1 + 0.2, '0.30'],
      [0.004, '0.00'],
      [-0.004, '0.00'],
      [0.005, '0.01'],
      [-0.05, '-0.05'],
      [1e-7, '0.00'],
      [5e-3, '0.01'],
      [100_000_000_000, '100000000000.00'],
      [999_999_999_999.99, '999999999999.99'],
    ];
    for (const [amount, text] of examples) expect(money(amount), String(amount)).to.equal(text);
  });

  it('knows enums without case, and their other names', () => {
    expect(['PUBLIC', 'SUBSCRIBERS_ONLY', 'Paid', 'cancelled', 'Super_Admin'].map(lowerEnum)).to.deep.equal(
      ['public', 'subscribers', 'ppv', 'canceled', 'super_admin'], //
    );
  });

  it('orders texts by code points', () => {
    expect(['\u{1F600}', '\uFFFD', 'b', 'B', 'ba'].sort(compareText)).to.deep.equal([
      'B',
      'b',
      'ba',
      '\uFFFD',
      '\u{1F600}',
    ]);
  });
});

describe('the model: what each event writes', () => {
  const people = [user('a'), user('b')];

  it('has all eighteen tables, also empty', () => {
    expect([...expectedTables([]).tables.keys()]).to.have.lengthOf(18);
  });

  it('users', () => {
    const bare = { userId: 'a', username: 'n', email: 'e', role: 'ADMIN' };
    const empty = { user_type: null, display_name: null, bio: null, avatar_url: null, city: null, country: null };
    const expected = { user_id: 'a', username: 'n', email: 'e', role: 'admin', ...empty, email_verified: false, created_at: at(1), deleted_at: null }; // prettier-ignore
    expect(row(tables(event('user.created', 1, bare)), 'users', 'a')).to.deep.equal(expected);
    const nulls = { ...bare, userType: null, displayName: null, bio: null, avatarUrl: null, emailVerified: null };
    expect(row(tables(event('user.created', 1, nulls)), 'users', 'a')).to.deep.equal(expected);
    const full = { ...bare, userType: 'Sugar_Baby', displayName: 'd', bio: 'b', avatarUrl: 'u', emailVerified: true };
    expect(row(tables(event('user.created', 1, { ...full, createdAt: at(9), extra: 1 })), 'users', 'a')).to.deep.equal({
      ...expected,
      user_type: 'sugar_baby',
      display_name: 'd',
      bio: 'b',
      avatar_url: 'u',
      email_verified: true,
    });
  });

  it('posts, their likes and comments, and the counters', () => {
    const full = {
      visibility: 'PAID',
      price: 1.005,
      contentType: 'image',
      requiredTierId: 'gold',
      tags: ['x'],
      mediaUrls: ['u'],
    };
    const expected = tables(
      ...people,
      post('p', 'a', 2, full),
      post('q', 'a', 2),
      event('content.post.liked', 3, { postId: 'p', userId: 'a' }),
      event('content.post.liked', 4, { postId: 'p', userId: 'b' }),
      comment('c', 5),
      comment('d', 6, { parentCommentId: 'c', userId: 'b' }),
    );
    const written = { content: 'c', author_id: 'a', created_at: at(2), deleted_at: null };
    expect(row(expected, 'posts', 'p')).to.deep.equal({ ...written, post_id: 'p', media_urls: ['u'], visibility: 'ppv', content_type: 'image', price: '1.01', required_tier_id: 'gold', tags: ['x'], like_count: 2, comment_count: 2 }); // prettier-ignore
    expect(row(expected, 'posts', 'q')).to.deep.equal({ ...written, post_id: 'q', media_urls: [], visibility: 'public', content_type: null, price: null, required_tier_id: null, tags: null, like_count: 0, comment_count: 0 }); // prettier-ignore
    expect(row(expected, 'post_likes', 'p', 'b')).to.deep.equal({ post_id: 'p', user_id: 'b', created_at: at(4) });
    expect(row(expected, 'comments', 'c')).to.deep.equal({ comment_id: 'c', post_id: 'p', user_id: 'a', parent_comment_id: null, content: 'c', created_at: at(5) }); // prettier-ignore
    expect(row(expected, 'comments', 'd')).to.deep.equal({ comment_id: 'd', post_id: 'p', user_id: 'b', parent_comment_id: 'c', content: 'c', created_at: at(6) }); // prettier-ignore
  });

  it('stories and videos', () => {
    const expected = tables(
      ...people,
      event('content.story.created', 2, { storyId: 's', authorId: 'a', contentType: 'VIDEO', mediaUrl: 'u', expiresAt: '2024-06-01T02:00:00+02:00' }), // prettier-ignore
      event('content.video.created', 3, { videoId: 'v', authorId: 'b', title: 't', videoUrl: 'u', duration: 61, visibility: 'SUBSCRIBERS_ONLY', price: 3 }), // prettier-ignore
    );
    expect(row(expected, 'stories', 's')).to.deep.equal({ story_id: 's', author_id: 'a', content_type: 'video', media_url: 'u', caption: null, expires_at: '2024-06-01T00:00:00.000000Z', created_at: at(2) }); // prettier-ignore
    expect(row(expected, 'videos', 'v')).to.deep.equal({ video_id: 'v', author_id: 'b', title: 't', description: null, video_url: 'u', thumbnail_url: null, duration_seconds: 61, visibility: 'subscribers', price: '3.00', created_at: at(3) }); // prettier-ignore
  });

  it('transactions, tips, wallets and withdrawals', () => {
    const expected = tables(
      ...people,
      payment(2, { currency: 'twd', type: 'purchase', relatedEntityId: 'x', relatedEntityType: 'post', stripePaymentId: 'pi', metadata: { a: [1] } }), // prettier-ignore
      event('payment.tip.created', 3, { tipId: 'i', transactionId: 'nowhere', postId: 'nowhere', senderId: 'a', recipientId: 'b', amount: 0.005 }), // prettier-ignore
      event('wallet.updated', 4, { userId: 'a', balance: -3, totalEarnings: 1, currency: 'eur', reason: 'r' }),
      event('withdrawal.requested', 5, { withdrawalId: 'w', userId: 'a', amount: 2.5, payoutMethod: 'STRIPE_PAYOUT' }),
    );
    expect(row(expected, 'transactions', 't')).to.deep.equal({ transaction_id: 't', user_id: 'a', type: 'PURCHASE', amount: '10.00', currency: 'TWD', status: 'completed', refunded_amount: '0.00', refund_reason: null, refunded_at: null, stripe_payment_id: 'pi', stripe_refund_id: null, related_entity_type: 'post', related_entity_id: 'x', metadata: { a: [1] }, completed_at: at(2) }); // prettier-ignore
    expect(row(expected, 'tips', 'i')).to.deep.equal({ tip_id: 'i', transaction_id: 'nowhere', sender_id: 'a', recipient_id: 'b', post_id: 'nowhere', amount: '0.01', currency: 'USD', message: null, created_at: at(3) }); // prettier-ignore
    expect(row(expected, 'wallets', 'a')).to.deep.equal({ user_id: 'a', balance: '-3.00', pending_balance: '0.00', total_earnings: '1.00', total_withdrawn: '0.00', currency: 'EUR', updated_at: at(4) }); // prettier-ignore
    expect(row(expected, 'withdrawals', 'w')).to.deep.equal({ withdrawal_id: 'w', user_id: 'a', amount: '2.50', currency: 'USD', payout_method: 'stripe_payout', payout_details: null, status: 'pending', requested_at: at(5), processed_at: null }); // prettier-ignore
  });

  it('subscriptions', () => {
    const start = '2024-05-01T00:00:00Z';
    const expected = tables(...people, subscription(2, { creatorId: 'b', price: 9.99, currentPeriodStart: start }));
    expect(row(expected, 'subscriptions', 's')).to.deep.equal({ subscription_id: 's', user_id: 'a', creator_id: 'b', tier_id: 'gold', status: 'trialing', price: '9.99', currency: 'USD', current_period_start: at(0), current_period_end: null, canceled_at: null, expired_at: null, created_at: at(2) }); // prettier-ignore
    const canceled = tables(...people, subscription(2, { status: 'Cancelled', creatorId: null }));
    expect(row(canceled, 'subscriptions', 's')).to.include({ status: 'canceled', canceled_at: null, creator_id: null });
  });

  it('skills and notifications', () => {
    const expected = tables(
      ...people,
      skill(2),
      event('notification.created', 3, { notificationId: 'n', userId: 'a', type: 'Like', data: { by: 'b' } }),
    );
    expect(row(expected, 'skills', 'k')).to.deep.equal({ skill_id: 'k', category: 'c', name: 'n', name_en: null, name_zh_tw: null, icon: null, sort_order: 0, is_active: true, created_at: at(2) }); // prettier-ignore
    expect(row(expected, 'notifications', 'n')).to.deep.equal({ notification_id: 'n', user_id: 'a', type: 'Like', title: null, body: null, data: { by: 'b' }, created_at: at(3), read_at: null }); // prettier-ignore
  });

  it('messages and conversations', () => {
    const attachments = [{ id: 'i', type: 'image', url: 'u', extra: 1 }];
    const expected = tables(...people, message('m', 3, { recipientId: 'a', attachments }));
    expect(row(expected, 'messages', 'm')).to.deep.equal({ message_id: 'm', conversation_id: 'v', sender_id: 'b', recipient_id: 'a', content: 'hi', attachments: [{ id: 'i', type: 'image', url: 'u' }], created_at: at(3), read_at: null }); // prettier-ignore
    expect(row(expected, 'conversations', 'v')).to.deep.equal({ conversation_id: 'v', participant_a: 'a', participant_b: 'b', last_message_at: at(3), message_count: 1, created_at: at(3) }); // prettier-ignore
  });
});

describe('the model: later beats earlier, per column', () => {
  const update = (second: number, updates: object, id?: string) =>
    event('user.updated', second, { userId: 'a', updates }, id);

  it('an old change still sets what nothing newer has set', () => {
    const expected = tables(
      user('a', 1),
      update(5, { displayName: 'new' }),
      update(3, { displayName: 'old', bio: 'old' }),
    );
    expect(row(expected, 'users', 'a')).to.include({ display_name: 'new', bio: 'old' });
  });

  it('null clears a column, and an absent field leaves it', () => {
    const made = user('a', 1, { bio: 'b', displayName: 'd', avatarUrl: 'u' });
    const expected = tables(made, update(3, { bio: null, city: 'x' }), update(2, { bio: 'late' }), update(4, {}));
    expect(row(expected, 'users', 'a')).to.include({ bio: null, display_name: 'd', avatar_url: 'u', city: 'x' });
  });

  it('of equal timestamps the greater event id wins, by code points', () => {
    const expected = tables(user('a'), update(3, { bio: 'fox' }, '🦊'), update(3, { bio: 'replacement' }, '\uFFFD'));
    expect(row(expected, 'users', 'a')).to.include({ bio: 'fox' });
  });

  it('a microsecond decides, and less does not', () => {
    const near = [
      { ...update(0, { bio: 'first' }, 'a'), timestamp: '2024-05-01T00:00:03.0000021Z' },
      { ...update(0, { bio: 'second' }, 'b'), timestamp: '2024-05-01T00:00:03.0000029Z' },
      { ...update(0, { bio: 'third' }, 'c'), timestamp: '2024-05-01T00:00:03.000001Z' },
    ];
    expect(row(tables(user('a', 1), ...near), 'users', 'a')).to.include({ bio: 'second' });
    const later = { ...update(0, { bio: 'fourth' }, '0'), timestamp: '2024-05-01T08:00:03.000003+08:00' };
    expect(row(tables(user('a', 1), ...near, later), 'users', 'a')).to.include({ bio: 'fourth' });
  });

  it('any change beats the creation, whatever its timestamp', () => {
    const expected = tables(
      user('a', 9, { bio: 'creation' }),
      update(1, { bio: 'change' }),
      payment(9),
      event('payment.refunded', 1, { transactionId: 't', refundedAmount: 4 }),
      subscription(9, { currentPeriodEnd: at(9) }),
      event('subscription.renewed', 1, { subscriptionId: 's', currentPeriodEnd: at(2) }),
    );
    expect(row(expected, 'users', 'a')).to.include({ bio: 'change', created_at: at(9) });
    expect(row(expected, 'transactions', 't')).to.include({
      status: 'refunded',
      refunded_amount: '4.00',
      completed_at: at(9),
    });
    expect(row(expected, 'subscriptions', 's')).to.include({ status: 'active', current_period_end: at(2) });
  });

  it('posts and skills change column by column too', () => {
    const change = (second: number, updates: object) => event('content.post.updated', second, { postId: 'p', updates });
    const learn = (second: number, updates: object) => event('skill.updated', second, { skillId: 'k', updates });
    const expected = tables(
      user('a'),
      post('p', 'a', 2, { price: 5, requiredTierId: 'gold' }),
      change(3, { price: null, visibility: 'PAID', content: 'old' }),
      change(4, { content: 'new', mediaUrls: ['m'], requiredTierId: null }),
      skill(2, { nameEn: 'en', nameZhTw: 'zh', icon: 'i' }),
      learn(3, { name: 'x', nameEn: null, nameZhTw: 'z', category: 'y', icon: null, sortOrder: 4, isActive: false }),
      learn(4, { sortOrder: 5 }),
    );
    expect(row(expected, 'posts', 'p')).to.deep.include({ price: null, visibility: 'ppv', content: 'new', media_urls: ['m'], required_tier_id: null }); // prettier-ignore
    expect(row(expected, 'skills', 'k')).to.include({ name: 'x', name_en: null, name_zh_tw: 'z', category: 'y', icon: null, sort_order: 5, is_active: false }); // prettier-ignore
  });

  it('a refund sets status, amount and time, and the rest only when it names it', () => {
    const refund = (second: number, more: object) => event('payment.refunded', second, { transactionId: 't', ...more });
    const first = refund(3, {
      refundedAmount: 4,
      reason: 'r',
      stripeRefundId: 're',
      amount: 99,
      currency: 'EUR',
      userId: 'x',
    });
    expect(row(tables(user('a'), payment(2), first), 'transactions', 't')).to.include({ status: 'refunded', refunded_amount: '4.00', refunded_at: at(3), refund_reason: 'r', stripe_refund_id: 're', amount: '10.00', currency: 'USD', user_id: 'a' }); // prettier-ignore
    const both = tables(user('a'), payment(2), first, refund(5, { refundedAmount: 2, reason: null }));
    expect(row(both, 'transactions', 't')).to.include({ refunded_amount: '2.00', refunded_at: at(5), refund_reason: null, stripe_refund_id: 're' }); // prettier-ignore
  });

  it('a subscription follows its latest renewal, and its latest news', () => {
    const events = [
      user('a'),
      subscription(2, { currentPeriodStart: at(2), currentPeriodEnd: at(3) }),
      event('subscription.renewed', 4, { subscriptionId: 's', currentPeriodStart: at(4), currentPeriodEnd: at(10) }),
      event('subscription.renewed', 8, { subscriptionId: 's', currentPeriodEnd: at(20) }),
      event('subscription.canceled', 5, { subscriptionId: 's' }),
      event('subscription.canceled', 6, { subscriptionId: 's' }),
      event('subscription.expired', 7, { subscriptionId: 's' }),
    ];
    const period = { current_period_start: at(4), current_period_end: at(20) };
    const ends = { canceled_at: at(6), expired_at: at(7) };
    expect(row(tables(...events), 'subscriptions', 's')).to.include({ status: 'active', ...period, ...ends });
    const expired = event('subscription.expired', 8, { subscriptionId: 's' }, 'z');
    expect(row(tables(...events, expired), 'subscriptions', 's')).to.include({ status: 'expired', expired_at: at(8) });
    const cleared = event('subscription.renewed', 9, {
      subscriptionId: 's',
      currentPeriodStart: null,
      currentPeriodEnd: at(1),
    });
    expect(row(tables(...events, cleared), 'subscriptions', 's')).to.include({ current_period_start: null, current_period_end: at(1) }); // prettier-ignore
  });

  it('deletion is the latest one, reading the earliest', () => {
    const expected = tables(
      user('a'),
      user('b'),
      event('user.deleted', 9, { userId: 'a' }),
      event('user.deleted', 4, { userId: 'a' }),
      post('p', 'a', 5),
      event('content.post.deleted', 3, { postId: 'p' }),
      event('content.post.deleted', 6, { postId: 'p' }),
      message('m', 5, { recipientId: 'a' }),
      event('message.read', 8, { messageId: 'm', conversationId: 'v', userId: 'a', readAt: at(1) }),
      event('message.read', 4, { messageId: 'm', conversationId: 'another', userId: 'nobody' }),
    );
    expect(row(expected, 'users', 'a')).to.include({ deleted_at: at(9) });
    expect(row(expected, 'posts', 'p')).to.include({ deleted_at: at(6) });
    expect(row(expected, 'messages', 'm')).to.include({ read_at: at(4) });
  });
});

describe('the model: pairs and wallets, where the latest event says all', () => {
  it('follows and blocks turn on and off', () => {
    const pair = (type: string, second: number, from: string, to: string) =>
      event(type, second, { [from]: 'a', [to]: 'b' });
    const expected = tables(
      user('a'),
      user('b'),
      pair('user.followed', 2, 'followerId', 'followedId'),
      pair('user.unfollowed', 5, 'followerId', 'followedId'),
      pair('user.followed', 4, 'followerId', 'followedId'),
      pair('user.unblocked', 2, 'blockerId', 'blockedId'),
      pair('user.blocked', 3, 'blockerId', 'blockedId'),
    );
    expect(row(expected, 'follows', 'a', 'b')).to.deep.equal({ follower_id: 'a', followed_id: 'b', active: false, changed_at: at(5) }); // prettier-ignore
    expect(row(expected, 'blocks', 'a', 'b')).to.deep.equal({ blocker_id: 'a', blocked_id: 'b', active: true, changed_at: at(3) }); // prettier-ignore
    expect(rows(expected, 'follows')).to.equal(1);
  });

  it('a skill that was removed has no level and is no highlight; added again it has what it then says', () => {
    const mine = { userId: 'a', skillId: 'k' };
    const events = [
      user('a'),
      skill(1),
      event('skill.user.added', 2, { ...mine, proficiencyLevel: 4, isHighlight: true }),
    ];
    expect(row(tables(...events), 'user_skills', 'a', 'k')).to.deep.equal({ user_id: 'a', skill_id: 'k', proficiency_level: 4, is_highlight: true, active: true, changed_at: at(2) }); // prettier-ignore
    events.push(event('skill.user.removed', 3, mine));
    expect(row(tables(...events), 'user_skills', 'a', 'k')).to.include({ proficiency_level: null, is_highlight: false, active: false, changed_at: at(3) }); // prettier-ignore
    events.push(event('skill.user.added', 4, mine));
    expect(row(tables(...events), 'user_skills', 'a', 'k')).to.include({ proficiency_level: null, is_highlight: false, active: true }); // prettier-ignore
  });

  it('a wallet holds the state of its latest event, and nothing of the others', () => {
    const expected = tables(
      user('a'),
      event('wallet.updated', 2, { userId: 'a', balance: 1, pendingBalance: 2, totalEarnings: 3, currency: 'TWD' }),
      event('wallet.updated', 3, { userId: 'a', balance: 9 }),
    );
    expect(row(expected, 'wallets', 'a')).to.deep.equal({ user_id: 'a', balance: '9.00', pending_balance: '0.00', total_earnings: '0.00', total_withdrawn: '0.00', currency: 'USD', updated_at: at(3) }); // prettier-ignore
  });
});

describe('the model: several creations of one row', () => {
  it("the earliest one's values hold, all of them", () => {
    const expected = tables(
      user('a', 5, { bio: 'late', displayName: 'late' }),
      user('a', 3, { bio: 'early' }),
      user('b', 1),
      event('content.post.liked', 7, { postId: 'p', userId: 'b' }),
      event('content.post.liked', 4, { postId: 'p', userId: 'b' }),
      post('p', 'a', 8),
    );
    expect(row(expected, 'users', 'a')).to.include({ bio: 'early', display_name: null, created_at: at(3) });
    expect(row(expected, 'post_likes', 'p', 'b')).to.include({ created_at: at(4) });
    expect(row(expected, 'posts', 'p')).to.include({ like_count: 1 });
    expect(expected.ties).to.deep.equal([]);
  });

  it('one that cannot be applied says nothing', () => {
    const expected = tables(user('a'), post('p', 'ghost', 2), post('p', 'a', 5));
    expect(row(expected, 'posts', 'p')).to.include({ author_id: 'a', created_at: at(5) });
    expect(expected.waiting.map(({ data }) => data.authorId)).to.deep.equal(['ghost']);
  });

  it('a comment counts where the earliest creation puts it', () => {
    const expected = tables(
      user('a'),
      post('p', 'a'),
      post('q', 'a'),
      comment('c', 5),
      comment('c', 3, { postId: 'q' }),
    );
    expect(row(expected, 'posts', 'p')).to.include({ comment_count: 0 });
    expect(row(expected, 'posts', 'q')).to.include({ comment_count: 1 });
  });

  it('names the columns on which creations of one time disagree', () => {
    const { ties } = tables(user('a', 1, { bio: 'x' }), user('a', 1, { bio: 'y', displayName: null }));
    expect(ties).to.deep.equal(['users/a/bio']);
    expect(tables(user('a', 1, { bio: 'x' }), user('a', 1, { bio: 'y' }), user('a', 0)).ties).to.deep.equal([]);
    const settled = event('user.updated', 0, { userId: 'a', updates: { bio: 'z' } });
    expect(tables(user('a', 1, { bio: 'x' }), user('a', 1, { bio: 'y' }), settled).ties).to.deep.equal([]);
  });
});

describe('the model: conversations', () => {
  const people = ['a', 'b', '\uFFFD', '🦊'].map((id) => user(id));

  it('are made by a message that names a recipient, and count all', () => {
    const expected = tables(
      ...people,
      message('m1', 3),
      message('m2', 4, { recipientId: 'a' }),
      message('m3', 9, { recipientId: null }),
      message('m4', 6, { recipientId: '🦊', senderId: '\uFFFD' }),
    );
    expect(row(expected, 'conversations', 'v')).to.include({ participant_a: 'a', participant_b: 'b', created_at: at(3), last_message_at: at(9), message_count: 4 }); // prettier-ignore
  });

  it('sort their participants by code points', () => {
    const expected = tables(...people, message('m', 3, { senderId: '🦊', recipientId: '\uFFFD' }));
    expect(row(expected, 'conversations', 'v')).to.include({ participant_a: '\uFFFD', participant_b: '🦊' });
  });

  it('do not exist without such a message', () => {
    const expected = tables(...people, message('m1', 3), message('m2', 4, { recipientId: 'ghost' }));
    expect(expected.waiting).to.have.lengthOf(2);
    expect(rows(expected, 'conversations')).to.equal(0);
  });

  it('count a message once, though two creations put it in two of them', () => {
    const expected = tables(
      ...people,
      message('m', 3, { recipientId: 'a' }),
      message('m', 5, { recipientId: 'a', conversationId: 'w' }),
    );
    expect(row(expected, 'conversations', 'v')).to.include({ message_count: 1 });
    expect(row(expected, 'conversations', 'w')).to.include({
      message_count: 0,
      created_at: at(5),
      last_message_at: at(5),
    });
  });
});

describe('the model: what waits', () => {
  /** Each event with all that it needs; without any one of these it waits. */
  const examples: [string, Envelope, Envelope[]][] = [
    ['user.updated', event('user.updated', 3, { userId: 'a', updates: {} }), [user('a')]],
    ['user.deleted', event('user.deleted', 3, { userId: 'a' }), [user('a')]],
    ['user.followed', event('user.followed', 3, { followerId: 'a', followedId: 'b' }), [user('a'), user('b')]],
    ['user.unfollowed', event('user.unfollowed', 3, { followerId: 'a', followedId: 'b' }), [user('a'), user('b')]],
    ['user.blocked', event('user.blocked', 3, { blockerId: 'a', blockedId: 'b' }), [user('a'), user('b')]],
    ['user.unblocked', event('user.unblocked', 3, { blockerId: 'a', blockedId: 'b' }), [user('a'), user('b')]],
    ['content.post.created', post('p', 'a'), [user('a')]],
    [
      'content.post.updated',
      event('content.post.updated', 3, { postId: 'p', updates: {} }),
      [user('a'), post('p', 'a')],
    ],
    ['content.post.deleted', event('content.post.deleted', 3, { postId: 'p' }), [user('a'), post('p', 'a')]],
    [
      'content.post.liked',
      event('content.post.liked', 3, { postId: 'p', userId: 'b' }),
      [user('a'), user('b'), post('p', 'a')],
    ],
    ['content.comment.created', comment('c', 3, { userId: 'b' }), [user('a'), user('b'), post('p', 'a')]],
    [
      'content.comment.created, a reply',
      comment('d', 3, { parentCommentId: 'c' }),
      [user('a'), post('p', 'a'), comment('c', 2)],
    ],
    ['content.story.created', event('content.story.created', 3, { storyId: 's', authorId: 'a', contentType: 'image', mediaUrl: 'u', expiresAt: at(5) }), [user('a')]], // prettier-ignore
    ['content.video.created', event('content.video.created', 3, { videoId: 'v', authorId: 'a', title: 't', videoUrl: 'u', duration: 1, visibility: 'hidden' }), [user('a')]], // prettier-ignore
    ['payment.completed', payment(3), [user('a')]],
    ['payment.tip.created', event('payment.tip.created', 3, { tipId: 't', senderId: 'a', recipientId: 'b', amount: 1 }), [user('a'), user('b')]], // prettier-ignore
    ['payment.refunded', event('payment.refunded', 3, { transactionId: 't', refundedAmount: 1, userId: 'ghost' }), [user('a'), payment(2)]], // prettier-ignore
    ['wallet.updated', event('wallet.updated', 3, { userId: 'a', balance: 1 }), [user('a')]],
    ['withdrawal.requested', event('withdrawal.requested', 3, { withdrawalId: 'w', userId: 'a', amount: 1, payoutMethod: 'bank_transfer' }), [user('a')]], // prettier-ignore
    ['subscription.created', subscription(3, { creatorId: 'b' }), [user('a'), user('b')]],
    ['subscription.renewed', event('subscription.renewed', 3, { subscriptionId: 's', currentPeriodEnd: at(9), transactionId: 'ghost' }), [user('a'), subscription(2)]], // prettier-ignore
    ['subscription.canceled', event('subscription.canceled', 3, { subscriptionId: 's' }), [user('a'), subscription(2)]],
    ['subscription.expired', event('subscription.expired', 3, { subscriptionId: 's', userId: 'ghost' }), [user('a'), subscription(2)]], // prettier-ignore
    ['skill.updated', event('skill.updated', 3, { skillId: 'k', updates: {} }), [skill(2)]],
    ['skill.user.added', event('skill.user.added', 3, { userId: 'a', skillId: 'k' }), [user('a'), skill(2)]],
    ['skill.user.removed', event('skill.user.removed', 3, { userId: 'a', skillId: 'k' }), [user('a'), skill(2)]],
    [
      'notification.created',
      event('notification.created', 3, { notificationId: 'n', userId: 'a', type: 't' }),
      [user('a')],
    ],
    ['message.created', message('m', 3, { recipientId: 'a' }), [user('a'), user('b')]],
    ['message.created, without recipient', message('n', 3, { senderId: 'c' }), [user('a'), user('b'), user('c'), message('m', 2, { recipientId: 'a' })]], // prettier-ignore
    ['message.read', event('message.read', 3, { messageId: 'm', conversationId: 'ghost', userId: 'ghost' }), [user('a'), user('b'), message('m', 2, { recipientId: 'a' })]], // prettier-ignore
  ];

  for (const [name, subject, needed] of examples) {
    it(name, () => {
      expect(tables(subject, ...needed).waiting).to.deep.equal([]);
      for (const missing of needed) {
        const { waiting } = tables(subject, ...needed.filter((one) => one !== missing));
        expect(waiting).to.include(subject);
      }
    });
  }

  it('only new users and new skills never wait', () => {
    const types = new Set(examples.map(([, { eventType }]) => eventType));
    expect(types.size).to.equal(28);
    expect(tables(user('a'), skill(1)).waiting).to.deep.equal([]);
  });

  it('comments that wait for each other or for themselves wait for ever, unless another event makes one of them', () => {
    const events = [
      user('a'),
      post('p', 'a'),
      comment('c', 3, { parentCommentId: 'd' }),
      comment('d', 4, { parentCommentId: 'c' }),
    ];
    expect(tables(...events, comment('e', 5, { parentCommentId: 'e' })).waiting).to.have.lengthOf(3);
    const freed = tables(...events, comment('c', 9));
    expect(freed.waiting).to.deep.equal([]);
    expect(row(freed, 'comments', 'c')).to.include({ parent_comment_id: 'd', created_at: at(3) });
  });

  it('a parent comment may belong to another post', () => {
    const other = comment('d', 4, { postId: 'q', parentCommentId: 'c' });
    expect(tables(user('a'), post('p', 'a'), post('q', 'a'), comment('c', 3), other).waiting).to.deep.equal([]);
  });
});

describe('the model: event ids', () => {
  it('an event counts once, however often it comes', () => {
    const read = event('content.post.liked', 3, { postId: 'ghost', userId: 'a' });
    const { waiting } = tables(read, user('a'), read, structuredClone(read));
    expect(waiting).to.have.lengthOf(1);
  });

  it('under a known id another content is ignored', () => {
    const first = user('a', 1, { bio: 'first' });
    const other = { ...user('b', 1, { bio: 'other' }), eventId: first.eventId };
    expect([...(expectedTables([first, other]).tables.get('users')?.keys() ?? [])]).to.deep.equal(['a']);
    const waits = { ...post('p', 'ghost'), eventId: first.eventId };
    const expected = tables(waits, first);
    expect(rows(expected, 'users')).to.equal(1);
    expect(expected.waiting).to.deep.equal([]);
  });
});

describe('the model: for any stream', () => {
  it('order and duplication do not matter', () => {
    const arbitrary = eventStream().chain((events) =>
      fc.tuple(fc.constant(events), shuffled([...events, ...events.slice(0, 7)])),
    );
    fc.assert(
      fc.property(arbitrary, ([events, order]) => {
        expect(plain(expectedTables(order))).to.deep.equal(plain(expectedTables(events)));
      }),
      { numRuns: 300 },
    );
  });

  it('every reference points to a row, counters equal rows, and every event applies or waits', () => {
    const references = ['users:follows.follower_id', 'users:follows.followed_id', 'users:blocks.blocked_id', 'users:posts.author_id', 'posts:post_likes.post_id', 'users:post_likes.user_id', 'posts:comments.post_id', 'comments:comments.parent_comment_id', 'users:stories.author_id', 'users:videos.author_id', 'users:transactions.user_id', 'users:tips.sender_id', 'users:tips.recipient_id', 'users:wallets.user_id', 'users:withdrawals.user_id', 'users:subscriptions.user_id', 'users:subscriptions.creator_id', 'users:user_skills.user_id', 'skills:user_skills.skill_id', 'users:notifications.user_id', 'users:conversations.participant_a', 'users:conversations.participant_b', 'conversations:messages.conversation_id', 'users:messages.sender_id', 'users:messages.recipient_id']; // prettier-ignore
    fc.assert(
      fc.property(eventStream(), (events) => {
        const expected = expectedTables(events);
        const all = (table: string) => [...(expected.tables.get(table)?.values() ?? [])];
        for (const reference of references) {
          const [parent = '', table = '', column = ''] = reference.split(/[:.]/);
          for (const { [column]: id } of all(table)) {
            if (typeof id === 'string') expect(row(expected, parent, id), reference).to.exist;
          }
        }
        const sum = (table: string, column: string) =>
          all(table).reduce((total, one) => total + Number(one[column]), 0);
        expect(sum('posts', 'like_count')).to.equal(rows(expected, 'post_likes'));
        expect(sum('posts', 'comment_count')).to.equal(rows(expected, 'comments'));
        expect(sum('conversations', 'message_count')).to.equal(rows(expected, 'messages'));
        expect(expected.ties).to.deep.equal([]);
      }),
      { numRuns: 300 },
    );
  });

  it('more events never take a row away', () => {
    fc.assert(
      fc.property(eventStream(), fc.nat(), (events, cut) => {
        const [some, all] = [expectedTables(events.slice(0, cut % (events.length + 1))), expectedTables(events)];
        for (const [table, keyed] of some.tables)
          expect([...(all.tables.get(table)?.keys() ?? [])]).to.include.members([...keyed.keys()]);
      }),
    );
  });
});

describe('the arbitraries', () => {
  it('cut in every way', () => {
    const cuts = fc.sample(batches([1, 2, 3]), { numRuns: 100, seed: 1 }).map((cut) => JSON.stringify(cut));
    expect(new Set(cuts)).to.deep.equal(new Set(['[[1,2,3]]', '[[1,2],[3]]', '[[1],[2,3]]', '[[1],[2],[3]]']));
  });

  it('bring all thirty types and every table', () => {
    const streams = fc.sample(eventStream(), { numRuns: 300, seed: 1 });
    expect(new Set(streams.flat().map(({ eventType }) => eventType)).size).to.equal(30);
    const filled = streams.flatMap((events) =>
      [...expectedTables(events).tables].flatMap(([name, keyed]) => (keyed.size ? [name] : [])),
    );
    expect(new Set(filled).size).to.equal(18);
    expect(streams.some((events) => expectedTables(events).waiting.length > 0)).to.equal(true);
  });

  it('give different events different ids', () => {
    fc.assert(
      fc.property(eventStream(), (events) => {
        const contents = new Map(events.map((one) => [one.eventId, JSON.stringify(one)]));
        for (const one of events) expect(contents.get(one.eventId)).to.equal(JSON.stringify(one));
      }),
    );
  });

  it('shuffle and cut without losing anything', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat()).chain((items) => fc.tuple(fc.constant(items), shuffled(items), batches(items))),
        ([items, order, cut]) => {
          expect([...order].sort()).to.deep.equal([...items].sort());
          expect(cut.flat()).to.deep.equal(items);
          expect(cut.every((batch) => batch.length > 0)).to.equal(true);
        },
      ),
    );
  });
});
