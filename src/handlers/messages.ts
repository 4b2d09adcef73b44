import Type from 'typebox';
import { Column } from '../tables/column.js';
import { event } from '../event/event.js';
import { Id, Json, Maybe, Text } from '../event/fields.js';
import { table } from '../tables/table.js';
import { compareText } from '../event/version.js';
import { users } from './users.js';

export const notifications = table('notifications', {
  key: ['notification_id'],
  created: 'created_at',
  distributeBy: 'user_id',
  columns: {
    notification_id: Column.text(),
    user_id: Column.text().references(users),
    type: Column.text(),
    title: Column.text().orNull(),
    body: Column.text().orNull(),
    data: Column.json().orNull(),
    created_at: Column.time(),
    read_at: Column.time().orNull(),
  },
  indexes: ['notifications_user', 'notifications_unread'],
});

export const conversations = table('conversations', {
  key: ['conversation_id'],
  created: 'named_at', // the message that named the participants; created_at may come from an earlier one that did not
  distributeBy: 'conversation_id',
  columns: {
    conversation_id: Column.text(),
    participant_a: Column.text().references(users),
    participant_b: Column.text().references(users),
    last_message_at: Column.time().latest(),
    message_count: Column.counter(),
    created_at: Column.time().earliest(),
    named_at: Column.time(),
  },
  indexes: ['conversations_a', 'conversations_b'],
  checks: { '': 'participant_a < participant_b COLLATE "C"' },
});

export const messages = table('messages', {
  key: ['message_id'],
  created: 'created_at',
  distributeBy: 'conversation_id',
  columns: {
    message_id: Column.text(),
    conversation_id: Column.text().references(conversations),
    sender_id: Column.text().references(users),
    recipient_id: Column.text().orNull().references(users),
    content: Column.text(),
    attachments: Column.json().orNull(),
    created_at: Column.time(),
    read_at: Column.time().orNull().earliest(),
  },
  counts: [{ by: 'conversation_id', in: conversations, as: 'message_count' }],
  indexes: ['messages_conversation', 'messages_unread'],
});

const userId = '0b0e7a52-6c7e-4f0e-9d8e-2f1f6d1c9a10';
const messageId = 'msg-1700000000009-g5f4d3s';
const conversationId = 'conv-1700000000009-t6r5e4w';

export const notificationCreated = event('notification.created', {
  about: 'Someone was told something.',
  key: 'userId',
  data: Type.Object({
    notificationId: Id,
    userId: Id,
    type: Text,
    title: Maybe(Text),
    body: Maybe(Text),
    data: Maybe(Json),
  }),
  example: {
    notificationId: 'notif-1700000000010-y7u6i5o',
    userId,
    type: 'like',
    title: 'A new like',
    body: 'Ann likes your post.',
    data: { postId: '5a0f5e0c-6d0f-4d0e-8a39-0c1d9a1f2b3c' },
  },
  write: (d, e) =>
    notifications.insert({
      notification_id: d.notificationId,
      user_id: d.userId,
      type: d.type,
      title: d.title,
      body: d.body,
      data: d.data,
      created_at: e.timestamp,
    }),
});

export const messageCreated = event('message.created', {
  about: 'Someone wrote a message; the first that names a recipient makes the conversation.',
  key: 'conversationId',
  data: Type.Object({
    messageId: Id,
    conversationId: Id,
    senderId: Id,
    recipientId: Maybe(Id),
    content: Text,
    attachments: Maybe(
      Type.Array(
        Type.Object({ id: Type.String(), type: Type.String(), url: Type.String(), thumbnailUrl: Maybe(Type.String()) }),
      ),
    ),
  }),
  distinct: [['senderId', 'recipientId']],
  example: {
    messageId,
    conversationId,
    senderId: 'user-1700000000000-a1b2c3d',
    recipientId: userId,
    content: 'See you tomorrow?',
    attachments: [{ id: 'a-1', type: 'image', url: 'https://cdn.example.org/m/1.jpg' }],
  },
  write: (d, e) => {
    const key = { conversation_id: d.conversationId };
    const seen = { last_message_at: e.timestamp, created_at: e.timestamp };
    const message = messages.insert({
      message_id: d.messageId,
      ...key,
      sender_id: d.senderId,
      recipient_id: d.recipientId,
      content: d.content,
      attachments: d.attachments?.map(({ id, type, url, thumbnailUrl }) =>
        thumbnailUrl == null ? { id, type, url } : { id, type, url, thumbnailUrl },
      ),
      created_at: e.timestamp,
    });
    if (d.recipientId == null) return [conversations.set(key, seen), message];
    const [first, second] =
      compareText(d.senderId, d.recipientId) < 0 ? [d.senderId, d.recipientId] : [d.recipientId, d.senderId];
    return [
      conversations.insert({ ...key, ...seen, participant_a: first, participant_b: second, named_at: e.timestamp }),
      message,
    ];
  },
});

export const messageRead = event('message.read', {
  about: 'A message was read; the earliest time holds.',
  key: 'conversationId',
  data: Type.Object({ messageId: Id, conversationId: Id, userId: Id }),
  example: { messageId, conversationId, userId },
  write: (d, e) => messages.set({ message_id: d.messageId }, { read_at: e.timestamp }),
});
