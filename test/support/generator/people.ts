import { CITIES, FIRST_NAMES, SKILLS, prose } from './text.js';
import type { Actions, World } from './world.js';

/** So many stay active, deleted or not (nothing forbids it), so that there is another to follow, to write to, to pay. */
const MINIMUM = 3;

/** Somebody joins. */
export function signUp(world: World): boolean {
  const { random } = world;
  const userId = world.id('user');
  const name = random.pick(FIRST_NAMES);
  const creator = random.chance(0.3);
  world.emit('user.created', {
    userId,
    username: `${name.toLowerCase()}_${random.word(5)}`,
    email: `${random.word(8)}@example.${random.pick(['com', 'org', 'tw'])}`,
    role: random.chance(0.01) ? 'admin' : creator ? 'creator' : 'subscriber',
    ...world.maybe('userType', creator ? 'sugar_baby' : 'sugar_daddy'),
    ...world.maybe('displayName', name),
    ...world.maybe('bio', prose(random, random.between(1, 4))),
    ...world.maybe('avatarUrl', `https://cdn.example.com/avatars/${random.word(12)}.jpg`),
    ...world.maybe('emailVerified', random.chance(0.7)),
  });
  world.users.push(userId);
  return true;
}

/** Everything that people do to each other and to their profiles. */
export const PEOPLE: Actions = {
  'user.updated': [3, updateProfile],
  'user.deleted': [0.2, deleteUser],
  'user.followed': [9, follow],
  'user.unfollowed': [3, unfollow],
  'user.blocked': [1, block],
  'user.unblocked': [0.5, unblock],
  'skill.created': [0.3, createSkill],
  'skill.updated': [0.3, updateSkill],
  'skill.user.added': [2, addSkill],
  'skill.user.removed': [1, removeSkill],
};

function updateProfile(world: World): boolean {
  const { random } = world;
  const [city, country] = random.pick(CITIES);
  const updates: Record<string, unknown> = {};
  if (random.chance(0.4)) updates.displayName = random.chance(0.1) ? null : random.pick(FIRST_NAMES);
  if (random.chance(0.4)) updates.bio = random.chance(0.1) ? null : prose(random, random.between(1, 4));
  if (random.chance(0.2)) updates.avatarUrl = `https://cdn.example.com/avatars/${random.word(12)}.jpg`;
  if (random.chance(0.3)) Object.assign(updates, { city, country });
  world.emit('user.updated', { userId: world.someone(), updates });
  return true;
}

function deleteUser(world: World): boolean {
  const index = world.random.below(world.users.length);
  const userId = world.users[index];
  if (world.users.length > MINIMUM) world.users.splice(index, 1);
  world.emit('user.deleted', { userId, ...world.maybe('reason', 'asked for it') });
  return true;
}

function follow(world: World): boolean {
  const followedId = world.someone();
  const pair: [string, string] = [world.another(followedId), followedId];
  world.emit('user.followed', { followerId: pair[0], followedId });
  world.follows.push(pair);
  return true;
}

function unfollow(world: World): boolean {
  if (world.follows.length === 0) return false;
  const [followerId, followedId] = world.random.recent(world.follows);
  world.emit('user.unfollowed', { followerId, followedId });
  return true;
}

function block(world: World): boolean {
  const blockerId = world.someone();
  const pair: [string, string] = [blockerId, world.another(blockerId)];
  world.emit('user.blocked', { blockerId, blockedId: pair[1] });
  world.blocks.push(pair);
  return true;
}

function unblock(world: World): boolean {
  if (world.blocks.length === 0) return false;
  const [blockerId, blockedId] = world.random.recent(world.blocks);
  world.emit('user.unblocked', { blockerId, blockedId });
  return true;
}

function createSkill(world: World): boolean {
  const { random } = world;
  const skillId = world.id('skill');
  const [category, name, nameZhTw] = random.pick(SKILLS);
  world.emit('skill.created', {
    skillId,
    category,
    name,
    ...world.maybe('nameEn', name),
    ...world.maybe('nameZhTw', nameZhTw),
    ...world.maybe('icon', '🎨'),
    ...world.maybe('sortOrder', random.below(100)),
    ...world.maybe('isActive', random.chance(0.9)),
  });
  world.skills.push(skillId);
  return true;
}

function updateSkill(world: World): boolean {
  if (world.skills.length === 0) return false;
  const { random } = world;
  const updates: Record<string, unknown> = {};
  if (random.chance(0.4)) updates.sortOrder = random.below(100);
  if (random.chance(0.3)) updates.icon = random.chance(0.3) ? null : '🎻';
  if (random.chance(0.3)) updates.isActive = random.chance(0.8);
  if (random.chance(0.2)) updates.name = random.pick(SKILLS)[1];
  world.emit('skill.updated', { skillId: random.pick(world.skills), updates });
  return true;
}

function addSkill(world: World): boolean {
  if (world.skills.length === 0) return false;
  const { random } = world;
  const pair: [string, string] = [world.someone(), random.pick(world.skills)];
  world.emit('skill.user.added', {
    userId: pair[0],
    skillId: pair[1],
    ...world.maybe('proficiencyLevel', random.between(1, 5)),
    ...world.maybe('isHighlight', random.chance(0.3)),
  });
  world.userSkills.push(pair);
  return true;
}

function removeSkill(world: World): boolean {
  if (world.userSkills.length === 0) return false;
  const [userId, skillId] = world.random.recent(world.userSkills);
  world.emit('skill.user.removed', { userId, skillId });
  return true;
}
