import { envelope } from '../support/envelopes.js';
import { platform } from '../support/given.js';

type More = Record<string, unknown>;

const user = (userId: string) =>
  envelope('user.created', { userId, username: userId, email: 'e', role: 'creator' }, { second: 0 });
const people = ['ann', 'bob', '🦊', '\ufffd'].map(user);
const time = (second: number) => `2024-05-01T00:00:0${second}.000000Z`;
const message = (messageId: string, second: number, more: More = {}) =>
  envelope(
    'message.created',
    { messageId, conversationId: 'c', senderId: 'bob', content: messageId, ...more },
    { second },
  );
const read = (messageId: string, second: number, more: More = {}) =>
  envelope('message.read', { messageId, conversationId: 'c', userId: 'ann', ...more }, { second });
const to = (recipientId: string) => ({ recipientId });

describe('the area of messages', () => {
  const { given } = platform();

  it('notification.created makes a row, whole', () =>
    given(people)
      .when(
        envelope('notification.created', {
          notificationId: 'n',
          userId: 'ann',
          type: 'like',
          title: 'A like',
          body: '',
          data: { postId: 'p', deep: [1, { a: null }] },
        }),
        { times: 2 },
      )
      .then({
        notifications: [
          {
            notification_id: 'n',
            user_id: 'ann',
            type: 'like',
            title: 'A like',
            body: '',
            data: { postId: 'p', deep: [1, { a: null }] },
            created_at: time(1),
            read_at: null,
          },
        ],
      }));

  it('notification.created may leave much out', () =>
    given(people)
      .when(envelope('notification.created', { notificationId: 'n', userId: 'ann', type: '' }), { times: 2 })
      .then({ notifications: [{ type: '', title: null, body: null, data: null }] }));

  it('message.created makes a row, and its conversation with the participants in order', () =>
    given(people)
      .when(
        message('m', 1, {
          recipientId: 'ann',
          attachments: [
            { id: 'a', type: 'image', url: 'u', size: 17, thumbnailUrl: null },
            { id: 'b', type: 'x', url: '', thumbnailUrl: 't' },
          ],
        }),
        { times: 2 },
      )
      .then({
        messages: [
          {
            message_id: 'm',
            conversation_id: 'c',
            sender_id: 'bob',
            recipient_id: 'ann',
            content: 'm',
            attachments: [
              { id: 'a', type: 'image', url: 'u' },
              { id: 'b', type: 'x', url: '', thumbnailUrl: 't' },
            ],
            created_at: time(1),
            read_at: null,
          },
        ],
        conversations: [
          {
            conversation_id: 'c',
            participant_a: 'ann',
            participant_b: 'bob',
            last_message_at: time(1),
            message_count: 1,
            created_at: time(1),
          },
        ],
      }));

  it('message.created orders participants by code point', () =>
    given(people)
      .when(message('m', 1, { senderId: '🦊', recipientId: '\ufffd' }), { times: 2 })
      .then({ conversations: [{ participant_a: '\ufffd', participant_b: '🦊' }] }));

  it('message.created without recipient belongs to a conversation that is there', () =>
    given(people, message('m1', 3, to('ann')))
      .when([message('m2', 5), message('m0', 1)], { times: 2 })
      .then({
        conversations: [{ created_at: time(1), last_message_at: time(5), message_count: 3, participant_a: 'ann' }],
        messages: [
          { message_id: 'm0', recipient_id: null, attachments: null },
          { message_id: 'm1', recipient_id: 'ann', attachments: null },
          { message_id: 'm2', recipient_id: null, attachments: null },
        ],
      }));

  it('message.created without recipient waits for its conversation, and comes with the one that makes it', async () => {
    await given(people).when(message('m2', 2)).then({ messages: [], conversations: [] });
    await given(people)
      .when([message('m2', 2), message('m1', 3, to('ann'))], { times: 2 })
      .then({ conversations: [{ created_at: time(2), last_message_at: time(3), message_count: 2 }] });
  });

  it('message.created: the participants are those of the earliest that names a recipient', () =>
    given(people, message('m2', 5, to('ann')))
      .when([message('m1', 4, { senderId: '🦊', recipientId: 'bob' }), message('m0', 3)], { times: 2 })
      .then({
        conversations: [
          {
            participant_a: 'bob',
            participant_b: '🦊',
            created_at: time(3),
            last_message_at: time(5),
            message_count: 3,
          },
        ],
      }));

  it('message.created twice: the earlier one says which conversation it belongs to, and both are counted right', () =>
    given(people, message('m', 5, to('ann')), message('n', 6, { conversationId: 'd', recipientId: 'ann' }))
      .when(message('m', 4, { conversationId: 'd', recipientId: 'ann', content: 'moved' }), { times: 2 })
      .then({
        messages: [
          { message_id: 'm', conversation_id: 'd', content: 'moved' },
          { message_id: 'n', conversation_id: 'd', content: 'n' },
        ],
        conversations: [
          { conversation_id: 'c', message_count: 0, created_at: time(5) },
          { conversation_id: 'd', message_count: 2, created_at: time(4) },
        ],
      }));

  it('message.read: the earliest time of the event, whatever readAt says and whoever reads', () =>
    given(people, message('m', 1, to('ann')), message('n', 1.5, to('ann')), read('m', 5))
      .when([read('m', 3, { readAt: '2020-01-01T00:00:00Z' }), read('m', 4, { userId: 'nobody', conversationId: 'other' })], { times: 2 })
      .then({
        messages: [
          { message_id: 'm', read_at: time(3) },
          { message_id: 'n', read_at: null },
        ],
      })); // prettier-ignore

  it('message.read is kept when the message is written again, earlier', () =>
    given(people, message('m', 5, to('ann')), read('m', 6))
      .when(message('m', 4, { recipientId: 'ann', content: 'early' }), { times: 2 })
      .then({ messages: [{ content: 'early', read_at: time(6) }], conversations: [{ message_count: 1 }] }));

  it('message.read waits for the message', () => given(people).when(read('m', 1)).then({ messages: [] }));
});
