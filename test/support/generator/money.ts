import { prose } from './text.js';
import type { Actions, World } from './world.js';

const DAY = 86_400_000;

/** Payments, tips and refunds, wallets and withdrawals, subscriptions. */
export const MONEY: Actions = {
  'payment.completed': [4, purchase],
  'payment.tip.created': [3, tip],
  'payment.refunded': [1, refund],
  'wallet.updated': [3, adjustWallet],
  'withdrawal.requested': [1, withdraw],
  'subscription.created': [2, subscribe],
  'subscription.renewed': [2, renew],
  'subscription.canceled': [0.7, cancel],
  'subscription.expired': [0.7, expire],
};

function pay(world: World, userId: string, cents: number, type: string, about: Record<string, unknown>): string {
  const { random } = world;
  const transactionId = world.id('tx');
  world.emit('payment.completed', {
    transactionId,
    userId,
    amount: cents / 100,
    type,
    ...world.maybe('currency', random.pick(['USD', 'TWD', 'eur'])),
    ...world.maybe('stripePaymentId', `pi_${random.word(20)}`),
    ...world.maybe('metadata', { ip: '203.0.113.7', retries: random.below(3) }),
    ...about,
  });
  world.transactions.push({ transactionId, userId, cents, refunded: 0 });
  return transactionId;
}

function purchase(world: World): boolean {
  const { random } = world;
  // Some gateways report one transaction twice, with another total: the first report holds.
  if (world.transactions.length > 0 && random.chance(0.05)) {
    const { transactionId, userId, cents } = random.recent(world.transactions);
    world.emit('payment.completed', { transactionId, userId, amount: (cents + 1) / 100, type: 'PURCHASE' });
    return true;
  }
  const about =
    world.posts.length > 0 ? { relatedEntityType: 'post', relatedEntityId: random.recent(world.posts).postId } : {};
  pay(world, world.someone(), random.between(100, 20_000), 'PURCHASE', about);
  return true;
}

function earn(world: World, userId: string, cents: number, reason: string): void {
  const wallet = world.wallets.get(userId) ?? { balance: 0, earned: 0, withdrawn: 0 };
  wallet.balance += cents;
  if (cents > 0) wallet.earned += cents;
  else wallet.withdrawn -= cents;
  world.wallets.set(userId, wallet);
  world.emit('wallet.updated', {
    userId,
    balance: wallet.balance / 100,
    ...world.maybe('pendingBalance', world.random.below(1_000) / 100),
    ...world.maybe('totalEarnings', wallet.earned / 100),
    ...world.maybe('totalWithdrawn', wallet.withdrawn / 100),
    ...world.maybe('reason', reason),
  });
}

function tip(world: World): boolean {
  const { random } = world;
  const recipientId = world.someone();
  const senderId = world.another(recipientId);
  const cents = random.between(100, 50_000);
  const paid = random.chance(0.8);
  const transactionId = paid ? pay(world, senderId, cents, 'TIP', {}) : undefined;
  world.emit('payment.tip.created', {
    tipId: world.id('tip'),
    ...(transactionId ? { transactionId } : {}),
    senderId,
    recipientId,
    amount: cents / 100,
    ...world.maybe('message', prose(random, 1)),
    ...(world.posts.length > 0 ? world.maybe('postId', random.recent(world.posts).postId) : {}),
  });
  earn(world, recipientId, Math.round(cents * 0.8), 'tip');
  return true;
}

function refund(world: World): boolean {
  if (world.transactions.length === 0) return false;
  const { random } = world;
  const paid = random.recent(world.transactions);
  // A running total: in parts at first, and never more than was paid.
  paid.refunded = random.chance(0.5) ? paid.cents : random.between(paid.refunded, paid.cents);
  world.emit('payment.refunded', {
    transactionId: paid.transactionId,
    refundedAmount: paid.refunded / 100,
    ...world.maybe('userId', paid.userId),
    ...world.maybe('reason', 'requested_by_customer'),
    ...world.maybe('stripeRefundId', `re_${random.word(20)}`),
  });
  return true;
}

function adjustWallet(world: World): boolean {
  // Chargebacks make a balance negative, which is a fact like any other.
  earn(world, world.someone(), world.random.between(-2_000, 10_000), 'adjustment');
  return true;
}

function withdraw(world: World): boolean {
  const { random } = world;
  world.emit('withdrawal.requested', {
    withdrawalId: world.id('withdrawal'),
    userId: world.someone(),
    amount: random.between(1_000, 100_000) / 100,
    payoutMethod: random.pick(['bank_transfer', 'stripe_payout']),
    ...world.maybe('payoutDetails', `acct ${random.word(6)}`),
  });
  return true;
}

function subscribe(world: World): boolean {
  const { random } = world;
  const creatorId = world.someone();
  const userId = world.another(creatorId);
  const subscriptionId = world.id('sub');
  if (random.chance(0.5)) pay(world, userId, 999, 'SUBSCRIPTION', { relatedEntityId: subscriptionId });
  const periodEnd = world.now + 30 * DAY;
  world.emit('subscription.created', {
    subscriptionId,
    userId,
    tierId: `tier-${random.below(5)}`,
    status: random.pick(['active', 'active', 'active', 'trialing', 'past_due', 'unpaid']),
    ...world.maybe('creatorId', creatorId),
    ...world.maybe('price', 9.99),
    ...world.maybe('currentPeriodStart', new Date(world.now).toISOString()),
    ...world.maybe('currentPeriodEnd', new Date(periodEnd).toISOString()),
  });
  world.subscriptions.push({ subscriptionId, userId, periodEnd });
  return true;
}

function renew(world: World): boolean {
  if (world.subscriptions.length === 0) return false;
  const subscription = world.random.recent(world.subscriptions);
  const start = subscription.periodEnd;
  subscription.periodEnd += 30 * DAY;
  world.emit('subscription.renewed', {
    subscriptionId: subscription.subscriptionId,
    ...world.maybe('currentPeriodStart', new Date(start).toISOString()),
    currentPeriodEnd: new Date(subscription.periodEnd).toISOString(),
    ...world.maybe('userId', subscription.userId),
  });
  return true;
}

function cancel(world: World): boolean {
  if (world.subscriptions.length === 0) return false;
  const { subscriptionId } = world.random.recent(world.subscriptions);
  world.emit('subscription.canceled', { subscriptionId, ...world.maybe('reason', 'too expensive') });
  return true;
}

function expire(world: World): boolean {
  if (world.subscriptions.length === 0) return false;
  const { subscriptionId, userId } = world.random.recent(world.subscriptions);
  world.emit('subscription.expired', { subscriptionId, ...world.maybe('userId', userId) });
  return true;
}
