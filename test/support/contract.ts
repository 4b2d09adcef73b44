/**
 * What each of the thirty events may carry, field by field, written from the contract and sharing nothing with the
 * handlers. An enum is the list of spellings that are stored, with further spellings of them behind it.
 */
export type Kind =
  | 'id'
  | 'short'
  | 'text'
  | 'email'
  | 'amount'
  | 'positive'
  | 'balance'
  | 'currency'
  | 'flag'
  | 'seconds'
  | 'integer'
  | 'level'
  | 'time'
  | 'texts'
  | 'json'
  | 'attachments'
  | { readonly values: readonly string[]; readonly aliases: Readonly<Record<string, string>> };

type Fields = Readonly<Record<string, Kind>>;

export interface Contract {
  /** The field that keys the Kafka message. */
  readonly key: string;
  readonly required: Fields;
  /** May be absent or null. */
  readonly optional: Fields;
  /** Fields of `updates`: those that null clears, and those that null is invalid for. */
  readonly updates?: { readonly clearable: Fields; readonly fixed: Fields };
  /** Two fields that must not hold the same id. */
  readonly distinct?: readonly [string, string];
}

function oneOf(values: readonly string[], aliases: Readonly<Record<string, string>> = {}): Kind {
  return { values, aliases };
}

function of(
  key: string,
  required: Fields,
  optional: Fields = {},
  more: Pick<Contract, 'updates' | 'distinct'> = {},
): Contract {
  return { key, required, optional, ...more };
}

const visibility = oneOf(['public', 'subscribers', 'tier_specific', 'ppv', 'hidden'], { SUBSCRIBERS_ONLY: 'subscribers', PAID: 'ppv' }); // prettier-ignore
const follow = of('followerId', { followerId: 'id', followedId: 'id' }, {}, { distinct: ['followerId', 'followedId'] });
const block = of('blockerId', { blockerId: 'id', blockedId: 'id' }, {}, { distinct: ['blockerId', 'blockedId'] });

export const CONTRACT: Readonly<Record<string, Contract>> = {
  'user.created': of(
    'userId',
    { userId: 'id', username: 'short', email: 'email', role: oneOf(['subscriber', 'creator', 'admin', 'super_admin']) },
    {
      userType: oneOf(['sugar_baby', 'sugar_daddy']),
      displayName: 'text',
      bio: 'text',
      avatarUrl: 'text',
      emailVerified: 'flag',
    },
  ),
  'user.updated': of(
    'userId',
    { userId: 'id' },
    {},
    {
      updates: {
        clearable: { displayName: 'text', bio: 'text', avatarUrl: 'text', city: 'text', country: 'text' },
        fixed: {},
      },
    },
  ),
  'user.deleted': of('userId', { userId: 'id' }, { reason: 'text' }),
  'user.followed': follow,
  'user.unfollowed': follow,
  'user.blocked': block,
  'user.unblocked': block,
  'content.post.created': of(
    'postId',
    { postId: 'id', authorId: 'id', content: 'text', mediaUrls: 'texts', visibility },
    { contentType: 'text', price: 'amount', requiredTierId: 'id', tags: 'texts' },
  ),
  'content.post.updated': of(
    'postId',
    { postId: 'id' },
    { authorId: 'id' },
    {
      updates: {
        clearable: { price: 'amount', requiredTierId: 'id' },
        fixed: { content: 'text', visibility, mediaUrls: 'texts' },
      },
    },
  ),
  'content.post.deleted': of('postId', { postId: 'id' }, { authorId: 'id' }),
  'content.post.liked': of('postId', { postId: 'id', userId: 'id' }),
  'content.comment.created': of(
    'postId',
    { commentId: 'id', postId: 'id', userId: 'id', content: 'text' },
    { parentCommentId: 'id' },
    { distinct: ['commentId', 'parentCommentId'] },
  ),
  'content.story.created': of(
    'storyId',
    { storyId: 'id', authorId: 'id', contentType: oneOf(['image', 'video']), mediaUrl: 'text', expiresAt: 'time' },
    { caption: 'text' },
  ),
  'content.video.created': of(
    'videoId',
    { videoId: 'id', authorId: 'id', title: 'text', videoUrl: 'text', duration: 'seconds', visibility },
    { description: 'text', thumbnailUrl: 'text', price: 'amount' },
  ),
  'payment.completed': of(
    'transactionId',
    { transactionId: 'id', userId: 'id', amount: 'amount', type: oneOf(['TIP', 'PURCHASE', 'SUBSCRIPTION']) },
    {
      currency: 'currency',
      relatedEntityId: 'short',
      relatedEntityType: 'short',
      stripePaymentId: 'short',
      metadata: 'json',
    },
  ),
  'payment.tip.created': of(
    'transactionId',
    { tipId: 'id', senderId: 'id', recipientId: 'id', amount: 'positive' },
    { transactionId: 'id', currency: 'currency', message: 'text', postId: 'id' },
  ),
  'payment.refunded': of(
    'transactionId',
    { transactionId: 'id', refundedAmount: 'amount' },
    { userId: 'id', amount: 'amount', currency: 'currency', reason: 'text', stripeRefundId: 'short' },
  ),
  'wallet.updated': of(
    'userId',
    { userId: 'id', balance: 'balance' },
    {
      pendingBalance: 'amount',
      totalEarnings: 'amount',
      totalWithdrawn: 'amount',
      currency: 'currency',
      reason: 'text',
      referenceId: 'text',
    },
  ),
  'withdrawal.requested': of(
    'userId',
    { withdrawalId: 'id', userId: 'id', amount: 'positive', payoutMethod: oneOf(['bank_transfer', 'stripe_payout']) },
    { currency: 'currency', payoutDetails: 'text' },
  ),
  'subscription.created': of(
    'subscriptionId',
    {
      subscriptionId: 'id',
      userId: 'id',
      tierId: 'id',
      status: oneOf(['trialing', 'active', 'past_due', 'unpaid', 'canceled', 'expired'], { cancelled: 'canceled' }),
    },
    { creatorId: 'id', price: 'amount', currency: 'currency', currentPeriodStart: 'time', currentPeriodEnd: 'time' },
  ),
  'subscription.renewed': of(
    'subscriptionId',
    { subscriptionId: 'id', currentPeriodEnd: 'time' },
    { currentPeriodStart: 'time', transactionId: 'id', userId: 'id' },
  ),
  'subscription.canceled': of('subscriptionId', { subscriptionId: 'id' }, { reason: 'text', userId: 'id' }),
  'subscription.expired': of('subscriptionId', { subscriptionId: 'id' }, { userId: 'id' }),
  'skill.created': of(
    'skillId',
    { skillId: 'id', category: 'short', name: 'text' },
    { nameEn: 'text', nameZhTw: 'text', icon: 'text', sortOrder: 'integer', isActive: 'flag' },
  ),
  'skill.updated': of(
    'skillId',
    { skillId: 'id' },
    {},
    {
      updates: {
        clearable: { nameEn: 'text', nameZhTw: 'text', icon: 'text' },
        fixed: { name: 'text', category: 'short', sortOrder: 'integer', isActive: 'flag' },
      },
    },
  ),
  'skill.user.added': of('userId', { userId: 'id', skillId: 'id' }, { proficiencyLevel: 'level', isHighlight: 'flag' }),
  'skill.user.removed': of('userId', { userId: 'id', skillId: 'id' }),
  'notification.created': of(
    'userId',
    { notificationId: 'id', userId: 'id', type: 'text' },
    { title: 'text', body: 'text', data: 'json' },
  ),
  'message.created': of(
    'conversationId',
    { messageId: 'id', conversationId: 'id', senderId: 'id', content: 'text' },
    { recipientId: 'id', attachments: 'attachments' },
    { distinct: ['senderId', 'recipientId'] },
  ),
  'message.read': of('conversationId', { messageId: 'id', conversationId: 'id', userId: 'id' }),
};
