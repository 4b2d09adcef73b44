import Type from 'typebox';
import { Column } from '../tables/column.js';
import { event } from '../event/event.js';
import { Amount, Currency, Id, Maybe, OneOf, Text, Time } from '../event/fields.js';
import { table } from '../tables/table.js';
import { users } from './users.js';

const STATUSES = ['trialing', 'active', 'past_due', 'unpaid', 'canceled', 'expired'] as const;

export const subscriptions = table('subscriptions', {
  key: ['subscription_id'],
  created: 'created_at',
  distributeBy: 'user_id',
  columns: {
    subscription_id: Column.text(),
    user_id: Column.text().references(users),
    creator_id: Column.text().orNull().references(users),
    tier_id: Column.text(),
    status: Column.text().changeable(),
    price: Column.money().orNull(),
    currency: Column.currency().orNull().or('USD'),
    current_period_start: Column.time().orNull().changeable(),
    current_period_end: Column.time().orNull().changeable(),
    canceled_at: Column.time().orNull().latest(),
    expired_at: Column.time().orNull().latest(),
    created_at: Column.time(),
  },
  indexes: [
    'subscriptions_user',
    'subscriptions_creator',
    'subscriptions_tier',
    'subscriptions_due',
    'subscriptions_list',
  ],
  checks: { status: `status IN ('${STATUSES.join("','")}')`, price: 'price >= 0' },
});

const subscriptionId = 'sub-1700000000006-m1n2b3v';
const userId = '0b0e7a52-6c7e-4f0e-9d8e-2f1f6d1c9a10';

export const subscriptionCreated = event('subscription.created', {
  about: 'Someone subscribed to a tier.',
  key: 'subscriptionId',
  data: Type.Object({
    subscriptionId: Id,
    userId: Id,
    tierId: Id,
    status: OneOf(STATUSES, { cancelled: 'canceled' }),
    creatorId: Maybe(Id),
    price: Maybe(Amount),
    currency: Maybe(Currency),
    currentPeriodStart: Maybe(Time),
    currentPeriodEnd: Maybe(Time),
  }),
  example: {
    subscriptionId,
    userId,
    tierId: 'tier-gold',
    status: 'active',
    creatorId: 'user-1700000000000-a1b2c3d',
    price: 9.99,
    currency: 'USD',
    currentPeriodStart: '2024-01-01T00:00:00.000Z',
    currentPeriodEnd: '2024-02-01T00:00:00.000Z',
  },
  write: (d, e) =>
    subscriptions.insert({
      subscription_id: d.subscriptionId,
      user_id: d.userId,
      creator_id: d.creatorId,
      tier_id: d.tierId,
      status: d.status,
      price: d.price,
      currency: d.currency,
      current_period_start: d.currentPeriodStart,
      current_period_end: d.currentPeriodEnd,
      created_at: e.timestamp,
    }),
});

export const subscriptionRenewed = event('subscription.renewed', {
  about: 'A subscription goes on for another period; when it was canceled or expired before is kept.',
  key: 'subscriptionId',
  data: Type.Object({
    subscriptionId: Id,
    currentPeriodStart: Maybe(Time),
    currentPeriodEnd: Time,
    transactionId: Maybe(Id),
    userId: Maybe(Id),
  }),
  example: {
    subscriptionId,
    currentPeriodStart: '2024-02-01T00:00:00.000Z',
    currentPeriodEnd: '2024-03-01T00:00:00.000Z',
    transactionId: 'tx-1700000000007-a9s8d7f',
  },
  write: (d) =>
    subscriptions.set(
      { subscription_id: d.subscriptionId },
      { status: 'active', current_period_start: d.currentPeriodStart, current_period_end: d.currentPeriodEnd },
    ),
});

export const subscriptionCanceled = event('subscription.canceled', {
  about: 'A subscription was canceled.',
  key: 'subscriptionId',
  data: Type.Object({ subscriptionId: Id, reason: Maybe(Text), userId: Maybe(Id) }),
  example: { subscriptionId, reason: 'too_expensive', userId },
  write: (d, e) =>
    subscriptions.set({ subscription_id: d.subscriptionId }, { status: 'canceled', canceled_at: e.timestamp }),
});

export const subscriptionExpired = event('subscription.expired', {
  about: 'A subscription ended.',
  key: 'subscriptionId',
  data: Type.Object({ subscriptionId: Id, userId: Maybe(Id) }),
  example: { subscriptionId, userId },
  write: (d, e) =>
    subscriptions.set({ subscription_id: d.subscriptionId }, { status: 'expired', expired_at: e.timestamp }),
});
