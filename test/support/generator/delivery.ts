import type { Message } from './message.js';
import type { Random } from './random.js';

/** The field with the id of the row that an event makes, where others refer to that row. */
const MAKES: Record<string, string> = {
  'user.created': 'userId',
  'content.post.created': 'postId',
  'content.comment.created': 'commentId',
  'payment.completed': 'transactionId',
  'subscription.created': 'subscriptionId',
  'skill.created': 'skillId',
  'message.created': 'messageId',
};

/** Types that overwrite each other, with the fields that say on what. */
const SUBJECTS: Record<string, [subject: string, ...fields: string[]]> = {
  'user.updated': ['profile', 'userId'],
  'user.followed': ['follow', 'followerId', 'followedId'],
  'user.unfollowed': ['follow', 'followerId', 'followedId'],
  'user.blocked': ['block', 'blockerId', 'blockedId'],
  'user.unblocked': ['block', 'blockerId', 'blockedId'],
  'content.post.updated': ['post', 'postId'],
  'payment.refunded': ['refund', 'transactionId'],
  'wallet.updated': ['wallet', 'userId'],
  'subscription.renewed': ['subscription', 'subscriptionId'],
  'subscription.canceled': ['subscription', 'subscriptionId'],
  'subscription.expired': ['subscription', 'subscriptionId'],
  'skill.updated': ['skill', 'skillId'],
  'skill.user.added': ['userSkill', 'userId', 'skillId'],
  'skill.user.removed': ['userSkill', 'userId', 'skillId'],
};

/** What may go wrong with the order: an event is moved in front of another that happened before it. */
interface Link {
  index: number;
  before: number;
}

/**
 * Delivers some messages out of order. `early`: a child before its parent or a change before its creation; `late`: the
 * other way about, the parent held up until its first child has passed; `inverted`: two changes of one thing swapped.
 */
export function disorder(random: Random, messages: readonly Message[], count: number): Message[] {
  const { toParents, toRivals } = links(messages);
  const moved = new Map<number, { position: number; label: string }>();
  for (let i = 0; i < count; i++) {
    const inverted = i % 4 === 3;
    const pool = inverted ? toRivals : toParents;
    if (pool.length === 0) continue;
    const { index, before } = random.pick(pool);
    if (moved.has(index) || moved.has(before)) continue;
    if (inverted) moved.set(index, { position: before - 0.5, label: 'inverted' });
    else if (random.chance(0.7)) moved.set(index, { position: before - 0.5, label: 'early' });
    else moved.set(before, { position: index + 0.5, label: 'late' });
  }
  return arrange(
    messages.map((message, index) => {
      const move = moved.get(index);
      return move
        ? { position: move.position, message: { ...message, label: move.label } }
        : { position: index, message };
    }),
  );
}

/** Delivers some messages again: single ones after a while, and whole runs as after a crash. */
export function redeliver(random: Random, messages: readonly Message[], count: number): Message[] {
  const placed = messages.map((message, position) => ({ position, message }));
  if (!messages.some(({ expect }) => expect === 'apply')) return [...messages];
  for (let left = count; left > 0;) {
    const from = random.below(messages.length);
    const burst = random.chance(0.05);
    const to = from + (burst ? Math.min(left, random.between(5, 20)) : 1);
    const run = messages.slice(from, to).filter(({ expect }) => expect === 'apply');
    const rest = messages.length - from;
    const after = burst ? to - from : random.below(random.pick([Math.min(5, rest), Math.min(500, rest), rest]));
    const label = burst ? 'burst' : 'redelivery';
    run.forEach((message, n) => {
      placed.push({ position: from + after + 0.5 + n / 100, message: { ...message, expect: 'duplicate', label } });
    });
    left -= run.length;
  }
  return arrange(placed);
}

function arrange(placed: { position: number; message: Message }[]): Message[] {
  return placed.sort((a, b) => a.position - b.position).map(({ message }) => message);
}

/** Which event refers to what an earlier one made, and which overwrites what an earlier one wrote. */
function links(messages: readonly Message[]): { toParents: Link[]; toRivals: Link[] } {
  const [toParents, toRivals] = [new Array<Link>(), new Array<Link>()];
  const [makers, writers] = [new Map<unknown, number>(), new Map<string, number>()];
  messages.forEach(({ event, expect, label }, index) => {
    if (!event || expect !== 'apply' || label) return;
    const { eventType, data } = event;
    for (const [field, value] of Object.entries(data)) {
      const before = makers.get(value);
      if (field.endsWith('Id') && before !== undefined) toParents.push({ index, before });
    }
    const made = data[MAKES[eventType] ?? ''];
    if (made !== undefined && !makers.has(made)) makers.set(made, index);

    const [subject, ...fields] = SUBJECTS[eventType] ?? [];
    if (subject === undefined) return;
    const name = JSON.stringify([subject, ...fields.map((field) => data[field])]);
    const before = writers.get(name);
    if (before !== undefined) toRivals.push({ index, before });
    writers.set(name, index);
  });
  return { toParents, toRivals };
}
