import { prose } from './text.js';
import type { Actions, World } from './world.js';

const VISIBILITIES = ['public', 'public', 'public', 'subscribers', 'tier_specific', 'ppv', 'hidden'];

/** Posts and what is said of them, stories and videos, and the notifications of all that. */
export const CONTENT: Actions = {
  'content.post.created': [8, post],
  'content.post.updated': [2, editPost],
  'content.post.deleted': [0.5, deletePost],
  'content.post.liked': [18, like],
  'content.comment.created': [9, comment],
  'content.story.created': [2, story],
  'content.video.created': [1, video],
  'notification.created': [9, notify],
};

function media(world: World): string {
  return `https://cdn.example.com/media/${world.random.word(16)}.jpg`;
}

function post(world: World): boolean {
  const { random } = world;
  const [postId, authorId] = [world.id('post'), world.someone()];
  const visibility = random.pick(VISIBILITIES);
  world.emit('content.post.created', {
    postId,
    authorId,
    content: prose(random, random.between(1, 12)),
    mediaUrls: Array.from({ length: random.below(4) }, () => media(world)),
    visibility: random.chance(0.02) ? visibility.toUpperCase() : visibility,
    ...world.maybe('contentType', random.pick(['image', 'text', 'video'])),
    ...(visibility === 'ppv' ? { price: random.between(100, 9_999) / 100 } : {}),
    ...(visibility === 'tier_specific' ? { requiredTierId: `tier-${random.below(5)}` } : {}),
    ...world.maybe('tags', random.chance(0.5) ? ['travel', '日常'] : []),
  });
  world.posts.push({ postId, authorId, comments: [] });
  return true;
}

function editPost(world: World): boolean {
  if (world.posts.length === 0) return false;
  const { random } = world;
  const { postId, authorId } = random.recent(world.posts);
  const updates: Record<string, unknown> = {};
  if (random.chance(0.6)) updates.content = prose(random, random.between(1, 12));
  if (random.chance(0.3)) updates.visibility = random.pick(VISIBILITIES);
  if (random.chance(0.2)) updates.mediaUrls = [media(world)];
  if (random.chance(0.2)) updates.price = random.chance(0.4) ? null : random.between(100, 9_999) / 100;
  if (random.chance(0.1)) updates.requiredTierId = random.chance(0.4) ? null : `tier-${random.below(5)}`;
  world.emit('content.post.updated', { postId, ...world.maybe('authorId', authorId), updates });
  return true;
}

function deletePost(world: World): boolean {
  if (world.posts.length < 2) return false;
  const [gone] = world.posts.splice(world.random.below(world.posts.length - 1), 1);
  if (gone) world.emit('content.post.deleted', { postId: gone.postId, authorId: gone.authorId });
  return true;
}

function like(world: World): boolean {
  if (world.posts.length === 0) return false;
  const { random } = world;
  // Now and then somebody's finger slips: the pair is liked already, and its first time holds.
  const again = world.likes.length > 0 && random.chance(0.02);
  const pair = again
    ? random.recent(world.likes)
    : { postId: random.recent(world.posts).postId, userId: random.pick(world.users) };
  world.emit('content.post.liked', { ...pair });
  if (!again) world.likes.push(pair);
  return true;
}

function comment(world: World): boolean {
  if (world.posts.length === 0) return false;
  const { random } = world;
  const { postId, comments } = random.recent(world.posts);
  const commentId = world.id('comment');
  const reply = comments.length > 0 && random.chance(0.4);
  world.emit('content.comment.created', {
    commentId,
    postId,
    userId: world.someone(),
    content: prose(random, random.between(1, 3)),
    ...(reply ? { parentCommentId: random.recent(comments) } : {}),
  });
  comments.push(commentId);
  return true;
}

function story(world: World): boolean {
  const { random } = world;
  world.emit('content.story.created', {
    storyId: world.id('story'),
    authorId: world.someone(),
    contentType: random.pick(['image', 'video']),
    mediaUrl: media(world),
    ...world.maybe('caption', prose(random, 1)),
    expiresAt: world.later(1),
  });
  return true;
}

function video(world: World): boolean {
  const { random } = world;
  world.emit('content.video.created', {
    videoId: world.id('video'),
    authorId: world.someone(),
    title: prose(random, 1),
    ...world.maybe('description', prose(random, 3)),
    videoUrl: `https://cdn.example.com/videos/${random.word(16)}.mp4`,
    ...world.maybe('thumbnailUrl', media(world)),
    duration: random.below(3_600),
    visibility: random.pick(VISIBILITIES),
    ...world.maybe('price', random.between(0, 5_000) / 100),
  });
  return true;
}

function notify(world: World): boolean {
  const { random } = world;
  world.emit('notification.created', {
    notificationId: world.id('notification'),
    userId: world.someone(),
    type: random.pick(['like', 'comment', 'follow', 'tip', 'system']),
    ...world.maybe('title', prose(random, 1)),
    ...world.maybe('body', prose(random, 2)),
    ...world.maybe('data', { from: world.someone(), badge: random.below(9), deep: { link: `/p/${random.word(6)}` } }),
  });
  return true;
}
