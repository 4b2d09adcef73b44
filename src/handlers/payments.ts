import Type from 'typebox';
import { Column } from '../tables/column.js';
import { event } from '../event/event.js';
import { Amount, Balance, Currency, Id, Json, Maybe, OneOf, PositiveAmount, ShortText, Text } from '../event/fields.js';
import { table } from '../tables/table.js';
import { users } from './users.js';

const KINDS = ['TIP', 'PURCHASE', 'SUBSCRIPTION'] as const;
const PAYOUTS = ['bank_transfer', 'stripe_payout'] as const;

export const transactions = table('transactions', {
  key: ['transaction_id'],
  created: 'completed_at',
  distributeBy: 'user_id',
  columns: {
    transaction_id: Column.text(),
    user_id: Column.text().references(users),
    type: Column.text(),
    amount: Column.money(),
    currency: Column.currency().or('USD'),
    status: Column.text().or('completed').changeable('refund_v'),
    refunded_amount: Column.money().or('0').changeable('refund_v'),
    refund_reason: Column.text().orNull().changeable(),
    refunded_at: Column.time().orNull().changeable('refund_v'),
    stripe_payment_id: Column.text().orNull(),
    stripe_refund_id: Column.text().orNull().changeable(),
    related_entity_type: Column.text().orNull(),
    related_entity_id: Column.text().orNull(),
    metadata: Column.json().orNull(),
    completed_at: Column.time(),
  },
  indexes: [
    'transactions_user',
    'transactions_time',
    'transactions_type',
    'transactions_related',
    'transactions_stripe',
  ],
  checks: {
    type: `type IN ('${KINDS.join("','")}')`,
    amount: 'amount >= 0',
    status: "status IN ('completed','refunded')",
    refunded_amount: 'refunded_amount >= 0',
  },
});

export const tips = table('tips', {
  key: ['tip_id'],
  created: 'created_at',
  distributeBy: 'sender_id',
  columns: {
    tip_id: Column.text(),
    transaction_id: Column.text().orNull(), // no reference: the transaction need not exist
    sender_id: Column.text().references(users),
    recipient_id: Column.text().references(users),
    post_id: Column.text().orNull(), // no reference: the post need not exist
    amount: Column.money(),
    currency: Column.currency().or('USD'),
    message: Column.text().orNull(),
    created_at: Column.time(),
  },
  indexes: ['tips_sender', 'tips_recipient', 'tips_tx'],
  checks: { amount: 'amount > 0' },
});

export const wallets = table('wallets', {
  key: ['user_id'],
  distributeBy: 'user_id',
  columns: {
    user_id: Column.text().references(users),
    balance: Column.money(),
    pending_balance: Column.money().or('0'),
    total_earnings: Column.money().or('0'),
    total_withdrawn: Column.money().or('0'),
    currency: Column.currency().or('USD'),
    updated_at: Column.time(),
  },
});

export const withdrawals = table('withdrawals', {
  key: ['withdrawal_id'],
  created: 'requested_at',
  distributeBy: 'user_id',
  columns: {
    withdrawal_id: Column.text(),
    user_id: Column.text().references(users),
    amount: Column.money(),
    currency: Column.currency().or('USD'),
    payout_method: Column.text(),
    payout_details: Column.text().orNull(),
    status: Column.text().or('pending'),
    requested_at: Column.time(),
    processed_at: Column.time().orNull(),
  },
  indexes: ['withdrawals_user', 'withdrawals_open'],
  checks: {
    amount: 'amount > 0',
    payout_method: `payout_method IN ('${PAYOUTS.join("','")}')`,
    status: "status IN ('pending','processing','completed','rejected')",
  },
});

const userId = '0b0e7a52-6c7e-4f0e-9d8e-2f1f6d1c9a10';
const transactionId = 'tx-1700000000003-q1w2e3r';

export const paymentCompleted = event('payment.completed', {
  about: 'A payment went through.',
  key: 'transactionId',
  data: Type.Object({
    transactionId: Id,
    userId: Id,
    amount: Amount,
    type: OneOf(KINDS),
    currency: Maybe(Currency),
    relatedEntityId: Maybe(ShortText),
    relatedEntityType: Maybe(ShortText),
    stripePaymentId: Maybe(ShortText),
    metadata: Maybe(Json),
  }),
  example: {
    transactionId,
    userId,
    amount: 25,
    type: 'TIP',
    currency: 'USD',
    relatedEntityId: 'user-1700000000000-a1b2c3d',
    relatedEntityType: 'creator',
    stripePaymentId: 'pi_3OeXample',
    metadata: { source: 'web' },
  },
  write: (d, e) =>
    transactions.insert({
      transaction_id: d.transactionId,
      user_id: d.userId,
      type: d.type,
      amount: d.amount,
      currency: d.currency,
      stripe_payment_id: d.stripePaymentId,
      related_entity_type: d.relatedEntityType,
      related_entity_id: d.relatedEntityId,
      metadata: d.metadata,
      completed_at: e.timestamp,
    }),
});

export const paymentTipCreated = event('payment.tip.created', {
  about: 'Someone tipped someone; the transaction and the post need not be known.',
  key: 'transactionId',
  data: Type.Object({
    tipId: Id,
    transactionId: Maybe(Id),
    senderId: Id,
    recipientId: Id,
    amount: PositiveAmount,
    currency: Maybe(Currency),
    message: Maybe(Text),
    postId: Maybe(Id),
  }),
  example: {
    tipId: 'tip-1700000000004-z1x2c3v',
    transactionId,
    senderId: userId,
    recipientId: 'user-1700000000000-a1b2c3d',
    amount: 25,
    currency: 'USD',
    message: 'Thank you',
  },
  write: (d, e) =>
    tips.insert({
      tip_id: d.tipId,
      transaction_id: d.transactionId,
      sender_id: d.senderId,
      recipient_id: d.recipientId,
      post_id: d.postId,
      amount: d.amount,
      currency: d.currency,
      message: d.message,
      created_at: e.timestamp,
    }),
});

export const paymentRefunded = event('payment.refunded', {
  about: 'A payment was refunded, wholly or in part; the amount is the running total.',
  key: 'transactionId',
  data: Type.Object({
    transactionId: Id,
    refundedAmount: Amount,
    userId: Maybe(Id),
    amount: Maybe(Amount),
    currency: Maybe(Currency),
    reason: Maybe(Text),
    stripeRefundId: Maybe(ShortText),
  }),
  example: { transactionId, refundedAmount: 12.5, reason: 'requested_by_customer', stripeRefundId: 're_3OeXample' },
  write: (d, e) =>
    transactions.set(
      { transaction_id: d.transactionId },
      {
        status: 'refunded',
        refunded_amount: d.refundedAmount,
        refund_reason: d.reason,
        stripe_refund_id: d.stripeRefundId,
        refunded_at: e.timestamp,
      },
    ),
});

export const walletUpdated = event('wallet.updated', {
  about: 'The whole state of a wallet; the latest event wins.',
  key: 'userId',
  data: Type.Object({
    userId: Id,
    balance: Balance,
    pendingBalance: Maybe(Amount),
    totalEarnings: Maybe(Amount),
    totalWithdrawn: Maybe(Amount),
    currency: Maybe(Currency),
    reason: Maybe(Text),
    referenceId: Maybe(Text),
  }),
  example: { userId, balance: 120.75, pendingBalance: 0, totalEarnings: 500, totalWithdrawn: 379.25, currency: 'USD' },
  write: (d, e) =>
    wallets.put({
      user_id: d.userId,
      balance: d.balance,
      pending_balance: d.pendingBalance,
      total_earnings: d.totalEarnings,
      total_withdrawn: d.totalWithdrawn,
      currency: d.currency,
      updated_at: e.timestamp,
    }),
});

export const withdrawalRequested = event('withdrawal.requested', {
  about: 'Someone asked for their money; the wallet is untouched.',
  key: 'userId',
  data: Type.Object({
    withdrawalId: Id,
    userId: Id,
    amount: PositiveAmount,
    currency: Maybe(Currency),
    payoutMethod: OneOf(PAYOUTS),
    payoutDetails: Maybe(Text),
  }),
  example: {
    withdrawalId: 'wd-1700000000005-p0o9i8u',
    userId,
    amount: 100,
    currency: 'USD',
    payoutMethod: 'bank_transfer',
    payoutDetails: '****4242',
  },
  write: (d, e) =>
    withdrawals.insert({
      withdrawal_id: d.withdrawalId,
      user_id: d.userId,
      amount: d.amount,
      currency: d.currency,
      payout_method: d.payoutMethod,
      payout_details: d.payoutDetails,
      requested_at: e.timestamp,
    }),
});
