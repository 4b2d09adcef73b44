import Type from 'typebox';
import { Column } from '../tables/column.js';
import { event } from '../event/event.js';
import { Amount, Id, Maybe, Nullable, Text } from '../event/fields.js';
import { table } from '../tables/table.js';
import { users } from './users.js';
import { VISIBILITIES, Visibility } from './visibility.js';

export const posts = table('posts', {
  key: ['post_id'],
  created: 'created_at',
  distributeBy: 'post_id',
  columns: {
    post_id: Column.text(),
    author_id: Column.text().references(users),
    content: Column.text().changeable(),
    media_urls: Column.json().or([]).changeable(),
    visibility: Column.text().or('public').changeable(),
    content_type: Column.text().orNull(),
    price: Column.money().orNull().changeable(),
    required_tier_id: Column.text().orNull().changeable(),
    tags: Column.json().orNull(),
    like_count: Column.counter(),
    comment_count: Column.counter(),
    created_at: Column.time(),
    deleted_at: Column.time().orNull().latest(),
  },
  indexes: ['posts_author', 'posts_feed'],
  checks: {
    post_id: 'length(post_id) BETWEEN 1 AND 255',
    media_urls: "jsonb_typeof(media_urls) = 'array'",
    visibility: `visibility IN ('${VISIBILITIES.join("','")}')`,
    price: 'price >= 0',
    like_count: 'like_count >= 0',
    comment_count: 'comment_count >= 0',
  },
});

export const postLikes = table('post_likes', {
  key: ['post_id', 'user_id'],
  created: 'created_at',
  distributeBy: 'post_id',
  columns: {
    post_id: Column.text().references(posts),
    user_id: Column.text().references(users),
    created_at: Column.time(),
  },
  counts: [{ by: 'post_id', in: posts, as: 'like_count' }],
  indexes: ['post_likes_user'],
});

export const comments = table('comments', {
  key: ['comment_id'],
  created: 'created_at',
  distributeBy: 'post_id',
  columns: {
    comment_id: Column.text(),
    post_id: Column.text().references(posts),
    user_id: Column.text().references(users),
    parent_comment_id: Column.text().orNull().references('self'),
    content: Column.text(),
    created_at: Column.time(),
  },
  counts: [{ by: 'post_id', in: posts, as: 'comment_count' }],
  indexes: ['comments_post', 'comments_parent', 'comments_user'],
  checks: { comment_id: 'length(comment_id) BETWEEN 1 AND 255' },
});

const postId = '5a0f5e0c-6d0f-4d0e-8a39-0c1d9a1f2b3c';
const authorId = 'user-1700000000000-a1b2c3d';
const userId = '0b0e7a52-6c7e-4f0e-9d8e-2f1f6d1c9a10';

export const postCreated = event('content.post.created', {
  about: 'Someone published a post.',
  key: 'postId',
  data: Type.Object({
    postId: Id,
    authorId: Id,
    content: Text,
    mediaUrls: Type.Array(Type.String()),
    visibility: Visibility,
    contentType: Maybe(Text),
    price: Maybe(Amount),
    requiredTierId: Maybe(Id),
    tags: Maybe(Type.Array(Type.String())),
  }),
  example: {
    postId,
    authorId,
    content: 'Sunrise over the harbour.',
    mediaUrls: ['https://cdn.example.org/p/1.jpg'],
    visibility: 'public',
    contentType: 'image',
    price: 4.99,
    tags: ['travel', 'daily'],
  },
  write: (d, e) =>
    posts.insert({
      post_id: d.postId,
      author_id: d.authorId,
      content: d.content,
      media_urls: d.mediaUrls,
      visibility: d.visibility,
      content_type: d.contentType,
      price: d.price,
      required_tier_id: d.requiredTierId,
      tags: d.tags,
      created_at: e.timestamp,
    }),
});

export const postUpdated = event('content.post.updated', {
  about: 'Someone edited a post; a field that is absent stays.',
  key: 'postId',
  data: Type.Object({
    postId: Id,
    authorId: Maybe(Id),
    updates: Type.Object({
      content: Type.Optional(Text),
      visibility: Type.Optional(Visibility),
      mediaUrls: Type.Optional(Type.Array(Type.String())),
      price: Type.Optional(Nullable(Amount)),
      requiredTierId: Type.Optional(Nullable(Id)),
    }),
  }),
  example: { postId, authorId, updates: { content: 'Sunrise over the old harbour.', visibility: 'subscribers' } },
  write: ({ postId, updates }) =>
    posts.set(
      { post_id: postId },
      {
        content: updates.content,
        visibility: updates.visibility,
        media_urls: updates.mediaUrls,
        price: updates.price,
        required_tier_id: updates.requiredTierId,
      },
    ),
});

export const postDeleted = event('content.post.deleted', {
  about: 'Someone deleted a post; likes and comments stay.',
  key: 'postId',
  data: Type.Object({ postId: Id, authorId: Maybe(Id) }),
  example: { postId, authorId },
  write: (d, e) => posts.set({ post_id: d.postId }, { deleted_at: e.timestamp }),
});

export const postLiked = event('content.post.liked', {
  about: 'Someone likes a post; a second like of the same pair changes nothing.',
  key: 'postId',
  data: Type.Object({ postId: Id, userId: Id }),
  example: { postId, userId },
  write: (d, e) => postLikes.insert({ post_id: d.postId, user_id: d.userId, created_at: e.timestamp }),
});

export const commentCreated = event('content.comment.created', {
  about: 'Someone commented on a post, or replied to a comment.',
  key: 'postId',
  data: Type.Object({ commentId: Id, postId: Id, userId: Id, content: Text, parentCommentId: Maybe(Id) }),
  distinct: [['commentId', 'parentCommentId']],
  example: { commentId: 'comment-1700000000001-x9y8z7w', postId, userId, content: 'Beautiful.', parentCommentId: null },
  write: (d, e) =>
    comments.insert({
      comment_id: d.commentId,
      post_id: d.postId,
      user_id: d.userId,
      parent_comment_id: d.parentCommentId,
      content: d.content,
      created_at: e.timestamp,
    }),
});
