/** Who plays a part in the events that are strewn into a stream. */
export interface Cast {
  /** Two users who signed up long ago. */
  user: string;
  friend: string;
  /** An id that nobody has used. */
  fresh: (kind: string) => string;
}

type Data = Record<string, unknown>;

/**
 * The least that a valid event of each type carries. Users are those of the cast; whatever else it refers to does not
 * exist and never will, so that events with other parents or targets wait for ever.
 */
export const MINIMAL: Record<string, (cast: Cast) => Data> = {
  'user.created': ({ fresh }) => ({
    userId: fresh('user'),
    username: 'mini',
    email: 'mini@example.com',
    role: 'creator',
  }),
  'user.updated': ({ fresh }) => ({ userId: fresh('user'), updates: { bio: 'waiting' } }),
  'user.deleted': ({ fresh }) => ({ userId: fresh('user') }),
  'user.followed': ({ user, fresh }) => ({ followerId: user, followedId: fresh('user') }),
  'user.unfollowed': ({ user, fresh }) => ({ followerId: user, followedId: fresh('user') }),
  'user.blocked': ({ user, fresh }) => ({ blockerId: fresh('user'), blockedId: user }),
  'user.unblocked': ({ user, fresh }) => ({ blockerId: fresh('user'), blockedId: user }),
  'content.post.created': ({ user, fresh }) => ({
    postId: fresh('post'),
    authorId: user,
    content: 'minimal',
    mediaUrls: [],
    visibility: 'public',
  }),
  'content.post.updated': ({ fresh }) => ({ postId: fresh('post'), updates: { content: 'edited' } }),
  'content.post.deleted': ({ fresh }) => ({ postId: fresh('post') }),
  'content.post.liked': ({ user, fresh }) => ({ postId: fresh('post'), userId: user }),
  'content.comment.created': ({ user, fresh }) => ({
    commentId: fresh('comment'),
    postId: fresh('post'),
    userId: user,
    content: 'minimal',
  }),
  'content.story.created': ({ user, fresh }) => ({
    storyId: fresh('story'),
    authorId: user,
    contentType: 'image',
    mediaUrl: 'https://cdn.example.com/s.jpg',
    expiresAt: '2030-01-01T00:00:00Z',
  }),
  'content.video.created': ({ user, fresh }) => ({
    videoId: fresh('video'),
    authorId: user,
    title: 'minimal',
    videoUrl: 'https://cdn.example.com/v.mp4',
    duration: 12,
    visibility: 'public',
  }),
  'payment.completed': ({ user, fresh }) => ({ transactionId: fresh('tx'), userId: user, amount: 1, type: 'PURCHASE' }),
  'payment.tip.created': ({ user, friend, fresh }) => ({
    tipId: fresh('tip'),
    transactionId: fresh('tx'),
    senderId: user,
    recipientId: friend,
    amount: 1,
  }),
  'payment.refunded': ({ fresh }) => ({ transactionId: fresh('tx'), refundedAmount: 1 }),
  'wallet.updated': ({ fresh }) => ({ userId: fresh('user'), balance: 1 }),
  'withdrawal.requested': ({ user, fresh }) => ({
    withdrawalId: fresh('withdrawal'),
    userId: user,
    amount: 1,
    payoutMethod: 'bank_transfer',
  }),
  'subscription.created': ({ user, fresh }) => ({
    subscriptionId: fresh('sub'),
    userId: user,
    tierId: 'tier-1',
    status: 'active',
  }),
  'subscription.renewed': ({ fresh }) => ({ subscriptionId: fresh('sub'), currentPeriodEnd: '2030-01-01T00:00:00Z' }),
  'subscription.canceled': ({ fresh }) => ({ subscriptionId: fresh('sub') }),
  'subscription.expired': ({ fresh }) => ({ subscriptionId: fresh('sub') }),
  'skill.created': ({ fresh }) => ({ skillId: fresh('skill'), category: 'hobby', name: 'minimal' }),
  'skill.updated': ({ fresh }) => ({ skillId: fresh('skill'), updates: { icon: '⏳' } }),
  'skill.user.added': ({ user, fresh }) => ({ userId: user, skillId: fresh('skill') }),
  'skill.user.removed': ({ user, fresh }) => ({ userId: user, skillId: fresh('skill') }),
  'notification.created': ({ user, fresh }) => ({
    notificationId: fresh('notification'),
    userId: user,
    type: 'system',
  }),
  'message.created': ({ user, fresh }) => ({
    messageId: fresh('message'),
    conversationId: fresh('conversation'),
    senderId: user,
    content: 'minimal',
  }),
  'message.read': ({ user, fresh }) => ({
    messageId: fresh('message'),
    conversationId: fresh('conversation'),
    userId: user,
  }),
};
