import { tables } from '../../src/handlers/index.js';
import type { Envelope } from './model.js';

/** Takes every row out of the tables that readers see, and all that is known of events. */
export const EMPTY = `TRUNCATE ${tables.map(({ name }) => `public.${name}`).join(', ')},
  dbw.processed_events, dbw.parked_events CASCADE`;

/** Somebody comes, by the event `user-<id>`. */
export function user(userId: string, username: string, email = 'somebody@example.org'): Envelope {
  return {
    eventId: `user-${userId}`,
    eventType: 'user.created',
    timestamp: '2024-01-01T00:00:00Z',
    data: { userId, username, email, role: 'creator' },
  };
}

/** Somebody writes a post, by the event `post-<id>`. */
export function post(postId: string, authorId: string, content = ''): Envelope {
  return {
    eventId: `post-${postId}`,
    eventType: 'content.post.created',
    timestamp: '2024-01-02T00:00:00Z',
    data: { postId, authorId, content, mediaUrls: [], visibility: 'public' },
  };
}

/** Somebody comments a post, or replies to a comment, by the event `comment-<id>`. */
export function reply(commentId: string, postId: string, userId: string, parentCommentId?: string): Envelope {
  return {
    eventId: `comment-${commentId}`,
    eventType: 'content.comment.created',
    timestamp: '2024-01-03T00:00:00Z',
    data: { commentId, postId, userId, content: 'so', ...(parentCommentId === undefined ? {} : { parentCommentId }) },
  };
}
