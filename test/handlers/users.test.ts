import { envelope } from '../support/envelopes.js';
import { platform } from '../support/given.js';

const user = (userId: string, second: number, more: Record<string, unknown> = {}) =>
  envelope(
    'user.created',
    { userId, username: userId, email: `${userId}@example.org`, role: 'creator', ...more },
    { second },
  );
const updated = (userId: string, updates: Record<string, unknown>, second: number) =>
  envelope('user.updated', { userId, updates }, { second });
const deleted = (userId: string, second: number) => envelope('user.deleted', { userId, reason: 'asked' }, { second });

const ann = user('ann', 1);
const bob = user('bob', 2);

describe('the area of users', () => {
  const { given } = platform();

  it('user.created makes a row, whole', () =>
    given()
      .when(
        user('ann', 1, {
          role: 'SUPER_ADMIN',
          userType: 'Sugar_Baby',
          displayName: 'Ann 🦊',
          bio: '',
          avatarUrl: 'https://cdn.example.org/a.jpg',
          emailVerified: true,
        }),
        { times: 2 },
      )
      .then({
        users: [
          {
            user_id: 'ann',
            username: 'ann',
            email: 'ann@example.org',
            role: 'super_admin',
            user_type: 'sugar_baby',
            display_name: 'Ann 🦊',
            bio: '',
            avatar_url: 'https://cdn.example.org/a.jpg',
            city: null,
            country: null,
            email_verified: true,
            created_at: '2024-05-01T00:00:01.000000Z',
            deleted_at: null,
          },
        ],
      }));

  it('user.created may leave much out', () =>
    given()
      .when(ann, { times: 2 })
      .then({ users: [{ user_id: 'ann', user_type: null, display_name: null, bio: null, email_verified: false }] }));

  it('user.created twice: the earlier holds, also when it comes later', () =>
    given(user('ann', 5, { bio: 'later', username: 'two' }))
      .when(user('ann', 4, { bio: 'earlier' }), { times: 2 })
      .then({ users: [{ username: 'ann', bio: 'earlier', created_at: '2024-05-01T00:00:04.000000Z' }] }));

  it('user.created of two with one name and e-mail makes two', () =>
    given(user('ann', 1, { username: 'same', email: 'same@example.org' }))
      .when(user('bob', 2, { username: 'same', email: 'same@example.org' }), { times: 2 })
      .then({ users: [{ user_id: 'ann', email: 'same@example.org' }, { user_id: 'bob', email: 'same@example.org' }] })); // prettier-ignore

  it('user.updated sets the columns that it names, and null clears', () =>
    given(user('ann', 1, { bio: 'old', displayName: 'Ann', avatarUrl: 'a' }), bob)
      .when(updated('ann', { bio: null, city: 'Taipei', country: 'TW', avatarUrl: '' }, 3), { times: 2 })
      .then({
        users: [
          { user_id: 'ann', bio: null, display_name: 'Ann', avatar_url: '', city: 'Taipei', country: 'TW' },
          { user_id: 'bob', bio: null, display_name: null, avatar_url: null, city: null, country: null },
        ],
      }));

  it('user.updated that names nothing changes nothing', () =>
    given(user('ann', 1, { bio: 'old' }))
      .when(updated('ann', {}, 3), { times: 2 })
      .then({ users: [{ user_id: 'ann', bio: 'old' }] }));

  it('user.updated: an older one still sets what nothing newer has set', () =>
    given(ann, updated('ann', { displayName: 'Ann the second' }, 5))
      .when(updated('ann', { bio: 'older', displayName: 'Ann the first' }, 3), { times: 2 })
      .then({ users: [{ bio: 'older', display_name: 'Ann the second' }] }));

  it('user.updated: of two at one time that with the greater id holds', () =>
    given(ann)
      .when(
        [
          envelope('user.updated', { userId: 'ann', updates: { bio: 'fox' } }, { second: 3, eventId: '🦊' }),
          envelope('user.updated', { userId: 'ann', updates: { bio: 'mark' } }, { second: 3, eventId: '\ufffd' }),
        ],
        { times: 2 },
      )
      .then({ users: [{ bio: 'fox' }] }));

  it('user.updated is later than the creation, whatever its time', () =>
    given(user('ann', 9, { bio: 'created' }))
      .when(updated('ann', { bio: 'changed' }, 2), { times: 2 })
      .then({ users: [{ bio: 'changed' }] }));

  it('user.deleted says when, the latest time, and takes nothing away', () =>
    given(ann, bob, envelope('user.followed', { followerId: 'bob', followedId: 'ann' }, { second: 3 }))
      .when([deleted('ann', 6), deleted('ann', 5)], { times: 2 })
      .then({
        users: [
          { user_id: 'ann', deleted_at: '2024-05-01T00:00:06.000000Z', username: 'ann' },
          { user_id: 'bob', deleted_at: null, username: 'bob' },
        ],
        follows: [{ follower_id: 'bob', followed_id: 'ann', active: true }],
      }));

  const pairs = [
    { table: 'follows', on: 'user.followed', off: 'user.unfollowed', from: 'follower', to: 'followed' },
    { table: 'blocks', on: 'user.blocked', off: 'user.unblocked', from: 'blocker', to: 'blocked' },
  ];
  for (const { table, on, off, from, to } of pairs) {
    const pair = (type: string, a: string, b: string, second: number) =>
      envelope(type, { [`${from}Id`]: a, [`${to}Id`]: b }, { second });
    const row = (a: string, b: string, active: boolean, second: number) => ({
      [`${from}_id`]: a,
      [`${to}_id`]: b,
      active,
      changed_at: `2024-05-01T00:00:0${second}.000000Z`,
    });

    it(`${on} makes the pair active, in one direction`, () =>
      given(ann, bob)
        .when(pair(on, 'ann', 'bob', 3), { times: 2 })
        .then({ [table]: [row('ann', 'bob', true, 3)] }));

    it(`${off} makes it inactive, and keeps its row`, () =>
      given(ann, bob, pair(on, 'ann', 'bob', 3), pair(on, 'bob', 'ann', 3))
        .when(pair(off, 'ann', 'bob', 4), { times: 2 })
        .then({ [table]: [row('ann', 'bob', false, 4), row('bob', 'ann', true, 3)] }));

    it(`${off} of a pair that never was makes an inactive one`, () =>
      given(ann, bob)
        .when(pair(off, 'ann', 'bob', 3), { times: 2 })
        .then({ [table]: [row('ann', 'bob', false, 3)] }));

    it(`${on} that is older than the last change changes nothing`, () =>
      given(ann, bob, pair(off, 'ann', 'bob', 5))
        .when(pair(on, 'ann', 'bob', 4), { times: 2 })
        .then({ [table]: [row('ann', 'bob', false, 5)] }));

    it(`${on} and ${off} again and again: the latest holds`, () =>
      given(ann, bob)
        .when([pair(on, 'ann', 'bob', 7), pair(off, 'ann', 'bob', 8), pair(on, 'ann', 'bob', 9), pair(off, 'ann', 'bob', 6)], { times: 2 })
        .then({ [table]: [row('ann', 'bob', true, 9)] })); // prettier-ignore

    it(`${on} waits for both`, () =>
      given(ann)
        .when(pair(on, 'ann', 'nobody', 3), { times: 1 })
        .then({ [table]: [] }));
  }

  it('user.blocked leaves follows alone', () =>
    given(ann, bob, envelope('user.followed', { followerId: 'bob', followedId: 'ann' }, { second: 3 }))
      .when(envelope('user.blocked', { blockerId: 'ann', blockedId: 'bob' }, { second: 4 }), { times: 2 })
      .then({ follows: [{ active: true }], blocks: [{ blocker_id: 'ann', blocked_id: 'bob', active: true }] }));
});
