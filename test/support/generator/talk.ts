import { prose } from './text.js';
import type { Actions, World } from './world.js';

/** Conversations between two, and their being read. */
export const TALK: Actions = {
  'message.created': [12, write],
  'message.read': [7, read],
};

function write(world: World): boolean {
  const { random } = world;
  const opens = world.conversations.length === 0 || random.chance(0.15);
  const senderId = world.someone();
  const conversation = opens
    ? {
        conversationId: world.id('conversation'),
        members: [senderId, world.another(senderId)] satisfies [string, string],
        messages: [],
      }
    : random.recent(world.conversations);
  if (opens) world.conversations.push(conversation);
  const [from, to] = opens || random.chance(0.5) ? conversation.members : [...conversation.members].reverse();
  const messageId = world.id('message');
  const attachment = { id: random.word(8), type: 'image', url: `https://cdn.example.com/a/${random.word(10)}` };
  world.emit('message.created', {
    messageId,
    conversationId: conversation.conversationId,
    senderId: from,
    // The first message makes the conversation by naming its recipient; later ones may do without.
    ...(opens || random.chance(0.5) ? { recipientId: to } : {}),
    content: prose(random, random.between(1, 3)),
    ...(random.chance(0.1)
      ? { attachments: [attachment, { ...attachment, thumbnailUrl: `${attachment.url}/t` }] }
      : {}),
  });
  conversation.messages.push(messageId);
  return true;
}

function read(world: World): boolean {
  if (world.conversations.length === 0) return false;
  const { random } = world;
  const { conversationId, members, messages } = random.recent(world.conversations);
  const readAt = random.chance(0.3) ? { readAt: new Date(world.now).toISOString() } : {};
  // Read on two devices, a message is reported twice; the first time holds.
  world.emit('message.read', { messageId: random.recent(messages), conversationId, userId: members[1], ...readAt });
  return true;
}
