import {
  asEnum,
  asIs,
  asMoney,
  asTime,
  changed,
  created,
  currency,
  named,
  optional,
  pair,
  people,
  state,
  text,
} from './meaning.js';
import type { Data, Meaning } from './meaning.js';
import { messageCreated } from './messages.js';

const follows = pair('follows', ['followerId', 'follower_id'], ['followedId', 'followed_id']);
const blocks = pair('blocks', ['blockerId', 'blocker_id'], ['blockedId', 'blocked_id']);

/** What each of the thirty types of event means; `at` is its timestamp as a database value. */
export const EVENTS: Record<string, (data: Data, at: string) => Meaning> = {
  'user.created': (d, at) =>
    created(['users', text(d, 'userId')], [], {
      user_id: d.userId,
      username: d.username,
      email: d.email,
      role: asEnum(d.role),
      user_type: asEnum(d.userType),
      display_name: optional(d, 'displayName'),
      bio: optional(d, 'bio'),
      avatar_url: optional(d, 'avatarUrl'),
      email_verified: optional(d, 'emailVerified') ?? false,
      created_at: at,
    }),
  'user.updated': (d) =>
    changed(
      ['users', text(d, 'userId')],
      named(d.updates, {
        displayName: ['display_name', asIs],
        bio: ['bio', asIs],
        avatarUrl: ['avatar_url', asIs],
        city: ['city', asIs],
        country: ['country', asIs],
      }),
    ),
  'user.deleted': (d, at) => changed(['users', text(d, 'userId')], { deleted_at: at }),
  'user.followed': follows(true),
  'user.unfollowed': follows(false),
  'user.blocked': blocks(true),
  'user.unblocked': blocks(false),

  'content.post.created': (d, at) =>
    created(['posts', text(d, 'postId')], people(d.authorId), {
      post_id: d.postId,
      author_id: d.authorId,
      content: d.content,
      media_urls: d.mediaUrls,
      visibility: asEnum(d.visibility),
      content_type: optional(d, 'contentType'),
      price: asMoney(d.price),
      required_tier_id: optional(d, 'requiredTierId'),
      tags: optional(d, 'tags'),
      created_at: at,
    }),
  'content.post.updated': (d) =>
    changed(
      ['posts', text(d, 'postId')],
      named(d.updates, {
        content: ['content', asIs],
        visibility: ['visibility', asEnum],
        mediaUrls: ['media_urls', asIs],
        price: ['price', asMoney],
        requiredTierId: ['required_tier_id', asIs],
      }),
    ),
  'content.post.deleted': (d, at) => changed(['posts', text(d, 'postId')], { deleted_at: at }),
  'content.post.liked': (d, at) =>
    created(['post_likes', text(d, 'postId'), text(d, 'userId')], [['posts', text(d, 'postId')], ...people(d.userId)], {
      post_id: d.postId,
      user_id: d.userId,
      created_at: at,
    }),
  'content.comment.created': (d, at) => {
    const parent = optional(d, 'parentCommentId');
    return created(
      ['comments', text(d, 'commentId')],
      [
        ['posts', text(d, 'postId')],
        ...people(d.userId),
        ...(typeof parent === 'string' ? [['comments', parent] as const] : []),
      ],
      {
        comment_id: d.commentId,
        post_id: d.postId,
        user_id: d.userId,
        parent_comment_id: parent,
        content: d.content,
        created_at: at,
      },
    );
  },
  'content.story.created': (d, at) =>
    created(['stories', text(d, 'storyId')], people(d.authorId), {
      story_id: d.storyId,
      author_id: d.authorId,
      content_type: asEnum(d.contentType),
      media_url: d.mediaUrl,
      caption: optional(d, 'caption'),
      expires_at: asTime(d.expiresAt),
      created_at: at,
    }),
  'content.video.created': (d, at) =>
    created(['videos', text(d, 'videoId')], people(d.authorId), {
      video_id: d.videoId,
      author_id: d.authorId,
      title: d.title,
      description: optional(d, 'description'),
      video_url: d.videoUrl,
      thumbnail_url: optional(d, 'thumbnailUrl'),
      duration_seconds: d.duration,
      visibility: asEnum(d.visibility),
      price: asMoney(d.price),
      created_at: at,
    }),

  'payment.completed': (d, at) =>
    created(['transactions', text(d, 'transactionId')], people(d.userId), {
      transaction_id: d.transactionId,
      user_id: d.userId,
      type: text(d, 'type').toUpperCase(),
      amount: asMoney(d.amount),
      currency: currency(d),
      stripe_payment_id: optional(d, 'stripePaymentId'),
      related_entity_type: optional(d, 'relatedEntityType'),
      related_entity_id: optional(d, 'relatedEntityId'),
      metadata: optional(d, 'metadata'),
      completed_at: at,
    }),
  'payment.tip.created': (d, at) =>
    created(['tips', text(d, 'tipId')], people(d.senderId, d.recipientId), {
      tip_id: d.tipId,
      transaction_id: optional(d, 'transactionId'),
      sender_id: d.senderId,
      recipient_id: d.recipientId,
      post_id: optional(d, 'postId'),
      amount: asMoney(d.amount),
      currency: currency(d),
      message: optional(d, 'message'),
      created_at: at,
    }),
  'payment.refunded': (d, at) =>
    changed(['transactions', text(d, 'transactionId')], {
      status: 'refunded',
      refunded_amount: asMoney(d.refundedAmount),
      refunded_at: at,
      ...named(d, { reason: ['refund_reason', asIs], stripeRefundId: ['stripe_refund_id', asIs] }),
    }),
  'wallet.updated': (d, at) =>
    state(['wallets', text(d, 'userId')], people(d.userId), {
      user_id: d.userId,
      balance: asMoney(d.balance),
      pending_balance: asMoney(d.pendingBalance) ?? '0.00',
      total_earnings: asMoney(d.totalEarnings) ?? '0.00',
      total_withdrawn: asMoney(d.totalWithdrawn) ?? '0.00',
      currency: currency(d),
      updated_at: at,
    }),
  'withdrawal.requested': (d, at) =>
    created(['withdrawals', text(d, 'withdrawalId')], people(d.userId), {
      withdrawal_id: d.withdrawalId,
      user_id: d.userId,
      amount: asMoney(d.amount),
      currency: currency(d),
      payout_method: asEnum(d.payoutMethod),
      payout_details: optional(d, 'payoutDetails'),
      requested_at: at,
    }),

  'subscription.created': (d, at) =>
    created(['subscriptions', text(d, 'subscriptionId')], people(d.userId, d.creatorId), {
      subscription_id: d.subscriptionId,
      user_id: d.userId,
      creator_id: optional(d, 'creatorId'),
      tier_id: d.tierId,
      status: asEnum(d.status),
      price: asMoney(d.price),
      currency: currency(d),
      current_period_start: asTime(d.currentPeriodStart),
      current_period_end: asTime(d.currentPeriodEnd),
      created_at: at,
    }),
  'subscription.renewed': (d) =>
    changed(['subscriptions', text(d, 'subscriptionId')], {
      status: 'active',
      ...named(d, {
        currentPeriodStart: ['current_period_start', asTime],
        currentPeriodEnd: ['current_period_end', asTime],
      }),
    }),
  'subscription.canceled': (d, at) =>
    changed(['subscriptions', text(d, 'subscriptionId')], { status: 'canceled', canceled_at: at }),
  'subscription.expired': (d, at) =>
    changed(['subscriptions', text(d, 'subscriptionId')], { status: 'expired', expired_at: at }),

  'skill.created': (d, at) =>
    created(['skills', text(d, 'skillId')], [], {
      skill_id: d.skillId,
      category: d.category,
      name: d.name,
      name_en: optional(d, 'nameEn'),
      name_zh_tw: optional(d, 'nameZhTw'),
      icon: optional(d, 'icon'),
      sort_order: optional(d, 'sortOrder') ?? 0,
      is_active: optional(d, 'isActive') ?? true,
      created_at: at,
    }),
  'skill.updated': (d) =>
    changed(
      ['skills', text(d, 'skillId')],
      named(d.updates, {
        name: ['name', asIs],
        nameEn: ['name_en', asIs],
        nameZhTw: ['name_zh_tw', asIs],
        category: ['category', asIs],
        icon: ['icon', asIs],
        sortOrder: ['sort_order', asIs],
        isActive: ['is_active', asIs],
      }),
    ),
  'skill.user.added': (d, at) =>
    userSkill(d, at, true, optional(d, 'proficiencyLevel'), optional(d, 'isHighlight') ?? false),
  'skill.user.removed': (d, at) => userSkill(d, at, false, null, false),

  'notification.created': (d, at) =>
    created(['notifications', text(d, 'notificationId')], people(d.userId), {
      notification_id: d.notificationId,
      user_id: d.userId,
      type: d.type,
      title: optional(d, 'title'),
      body: optional(d, 'body'),
      data: optional(d, 'data'),
      created_at: at,
    }),
  'message.created': messageCreated,
  'message.read': (d, at) => {
    const ref = ['messages', text(d, 'messageId')] as const;
    // The earliest reading holds; a message's creation says nothing of it.
    return { needs: [ref], writes: [{ ref, first: { read_at: at } }] };
  },
};

function userSkill(d: Data, at: string, active: boolean, level: unknown, highlight: unknown): Meaning {
  const [userId, skillId] = [text(d, 'userId'), text(d, 'skillId')];
  return state(['user_skills', userId, skillId], [...people(userId), ['skills', skillId]], {
    user_id: userId,
    skill_id: skillId,
    proficiency_level: level,
    is_highlight: highlight,
    active,
    changed_at: at,
  });
}
