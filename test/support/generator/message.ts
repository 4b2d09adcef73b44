import type { Envelope } from '../model.js';

/** A Kafka message, and what must become of it. */
export interface Message {
  topic: string;
  key: string | null;
  value: Buffer | null;
  headers?: Record<string, string>;
  /** What must become of it once everything has been delivered, in whatever order. */
  expect: 'apply' | 'duplicate' | 'skip' | 'refuse' | 'wait';
  /** Why it is refused: malformed, invalid, unknown_type or type_mismatch. */
  reason?: string;
  /** A short name of the class of poison or disorder. */
  label?: string;
  /** The event, where the message holds a valid one. */
  event?: Envelope;
}

/** The field of `data` that is the message key: it keeps one entity's events of one type in order. */
export const KEYS: Record<string, string> = {
  'user.created': 'userId',
  'user.updated': 'userId',
  'user.deleted': 'userId',
  'user.followed': 'followerId',
  'user.unfollowed': 'followerId',
  'user.blocked': 'blockerId',
  'user.unblocked': 'blockerId',
  'content.post.created': 'postId',
  'content.post.updated': 'postId',
  'content.post.deleted': 'postId',
  'content.post.liked': 'postId',
  'content.comment.created': 'postId',
  'content.story.created': 'storyId',
  'content.video.created': 'videoId',
  'payment.completed': 'transactionId',
  'payment.tip.created': 'transactionId',
  'payment.refunded': 'transactionId',
  'wallet.updated': 'userId',
  'withdrawal.requested': 'userId',
  'subscription.created': 'subscriptionId',
  'subscription.renewed': 'subscriptionId',
  'subscription.canceled': 'subscriptionId',
  'subscription.expired': 'subscriptionId',
  'skill.created': 'skillId',
  'skill.updated': 'skillId',
  'skill.user.added': 'userId',
  'skill.user.removed': 'userId',
  'notification.created': 'userId',
  'message.created': 'conversationId',
  'message.read': 'conversationId',
};

/** The thirty types of event. */
export const TYPES = Object.keys(KEYS);

/** The message key of an event, or null where its field holds no text (a tip without a transaction). */
export function keyOf(eventType: string, data: Record<string, unknown>): string | null {
  const key = data[KEYS[eventType] ?? ''];
  return typeof key === 'string' ? key : null;
}

/** A message that carries a valid event as producers write it. */
export function messageOf(event: Envelope): Message {
  return {
    topic: event.eventType,
    key: keyOf(event.eventType, event.data),
    value: Buffer.from(JSON.stringify(event)),
    expect: 'apply',
    event,
  };
}
