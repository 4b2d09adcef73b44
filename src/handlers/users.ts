import Type from 'typebox';
import { Column } from '../tables/column.js';
import { event } from '../event/event.js';
import { Email, Id, Maybe, OneOf, ShortText, Text, Nullable } from '../event/fields.js';
import { table } from '../tables/table.js';

const ROLES = ['subscriber', 'creator', 'admin', 'super_admin'] as const;
const USER_TYPES = ['sugar_baby', 'sugar_daddy'] as const;

export const users = table('users', {
  key: ['user_id'],
  created: 'created_at',
  columns: {
    user_id: Column.text(),
    username: Column.text(),
    email: Column.text(),
    role: Column.text(),
    user_type: Column.text().orNull(),
    display_name: Column.text().orNull().changeable(),
    bio: Column.text().orNull().changeable(),
    avatar_url: Column.text().orNull().changeable(),
    city: Column.text().orNull().changeable(),
    country: Column.text().orNull().changeable(),
    email_verified: Column.flag().or(false),
    created_at: Column.time(),
    deleted_at: Column.time().orNull().latest(),
  },
  indexes: ['users_email', 'users_username', 'users_created', 'users_role'],
  checks: {
    user_id: 'length(user_id) BETWEEN 1 AND 255',
    role: `role IN ('${ROLES.join("','")}')`,
    user_type: `user_type IN ('${USER_TYPES.join("','")}')`,
  },
});

export const follows = table('follows', {
  key: ['follower_id', 'followed_id'],
  distributeBy: 'follower_id',
  columns: {
    follower_id: Column.text().references(users),
    followed_id: Column.text().references(users),
    active: Column.flag(),
    changed_at: Column.time(),
  },
  indexes: ['follows_followers', 'follows_following'],
  checks: { '': 'follower_id <> followed_id' },
});

export const blocks = table('blocks', {
  key: ['blocker_id', 'blocked_id'],
  distributeBy: 'blocker_id',
  columns: {
    blocker_id: Column.text().references(users),
    blocked_id: Column.text().references(users),
    active: Column.flag(),
    changed_at: Column.time(),
  },
  indexes: ['blocks_blocked'],
  checks: { '': 'blocker_id <> blocked_id' },
});

export const userCreated = event('user.created', {
  about: 'Someone signed up.',
  key: 'userId',
  data: Type.Object({
    userId: Id,
    username: ShortText,
    email: Email,
    role: OneOf(ROLES),
    userType: Maybe(OneOf(USER_TYPES)),
    displayName: Maybe(Text),
    bio: Maybe(Text),
    avatarUrl: Maybe(Text),
    emailVerified: Maybe(Type.Boolean()),
  }),
  example: {
    userId: 'user-1700000000000-a1b2c3d',
    username: 'ann',
    email: 'ann@example.org',
    role: 'creator',
    userType: 'sugar_baby',
    displayName: 'Ann',
    bio: 'Paints.',
    avatarUrl: 'https://cdn.example.org/ann.jpg',
    emailVerified: true,
  },
  write: (d, e) =>
    users.insert({
      user_id: d.userId,
      username: d.username,
      email: d.email,
      role: d.role,
      user_type: d.userType,
      display_name: d.displayName,
      bio: d.bio,
      avatar_url: d.avatarUrl,
      email_verified: d.emailVerified,
      created_at: e.timestamp,
    }),
});

export const userUpdated = event('user.updated', {
  about: 'Someone changed their profile; a field that is absent stays, null clears it.',
  key: 'userId',
  data: Type.Object({
    userId: Id,
    updates: Type.Object({
      displayName: Type.Optional(Nullable(Text)),
      bio: Type.Optional(Nullable(Text)),
      avatarUrl: Type.Optional(Nullable(Text)),
      city: Type.Optional(Nullable(Text)),
      country: Type.Optional(Nullable(Text)),
    }),
  }),
  example: {
    userId: 'user-1700000000000-a1b2c3d',
    updates: { bio: 'Paints and travels.', city: 'Taipei', country: null },
  },
  write: ({ userId, updates }) =>
    users.set(
      { user_id: userId },
      {
        display_name: updates.displayName,
        bio: updates.bio,
        avatar_url: updates.avatarUrl,
        city: updates.city,
        country: updates.country,
      },
    ),
});

export const userDeleted = event('user.deleted', {
  about: 'Someone left; the row stays and says when, nothing that belongs to it goes.',
  key: 'userId',
  data: Type.Object({ userId: Id, reason: Maybe(Text) }),
  example: { userId: 'user-1700000000000-a1b2c3d', reason: 'user_request' },
  write: (d, e) => users.set({ user_id: d.userId }, { deleted_at: e.timestamp }),
});

const Follow = Type.Object({ followerId: Id, followedId: Id });
const followExample = { followerId: 'user-1700000000000-a1b2c3d', followedId: '0b0e7a52-6c7e-4f0e-9d8e-2f1f6d1c9a10' };

export const userFollowed = event('user.followed', {
  about: 'Someone follows someone else.',
  key: 'followerId',
  data: Follow,
  distinct: [['followerId', 'followedId']],
  example: followExample,
  write: (d, e) =>
    follows.put({ follower_id: d.followerId, followed_id: d.followedId, active: true, changed_at: e.timestamp }),
});

export const userUnfollowed = event('user.unfollowed', {
  about: 'Someone follows someone else no longer; the pair keeps its row, inactive.',
  key: 'followerId',
  data: Follow,
  distinct: [['followerId', 'followedId']],
  example: followExample,
  write: (d, e) =>
    follows.put({ follower_id: d.followerId, followed_id: d.followedId, active: false, changed_at: e.timestamp }),
});

const Block = Type.Object({ blockerId: Id, blockedId: Id });
const blockExample = { blockerId: 'user-1700000000000-a1b2c3d', blockedId: '0b0e7a52-6c7e-4f0e-9d8e-2f1f6d1c9a10' };

export const userBlocked = event('user.blocked', {
  about: 'Someone blocks someone else; follows stay.',
  key: 'blockerId',
  data: Block,
  distinct: [['blockerId', 'blockedId']],
  example: blockExample,
  write: (d, e) =>
    blocks.put({ blocker_id: d.blockerId, blocked_id: d.blockedId, active: true, changed_at: e.timestamp }),
});

export const userUnblocked = event('user.unblocked', {
  about: 'Someone blocks someone else no longer.',
  key: 'blockerId',
  data: Block,
  distinct: [['blockerId', 'blockedId']],
  example: blockExample,
  write: (d, e) =>
    blocks.put({ blocker_id: d.blockerId, blocked_id: d.blockedId, active: false, changed_at: e.timestamp }),
});
