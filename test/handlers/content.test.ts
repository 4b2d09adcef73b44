import { ancestorsOf } from '../support/ancestors.js';
import { envelope } from '../support/envelopes.js';
import { platform } from '../support/given.js';

type More = Record<string, unknown>;

const user = (userId: string) =>
  envelope('user.created', { userId, username: userId, email: 'e', role: 'creator' }, { second: 0 });
const post = (second: number, more: More = {}) =>
  envelope(
    'content.post.created',
    { postId: 'p', authorId: 'ann', content: 'hello', mediaUrls: [], visibility: 'public', ...more },
    { second },
  );
const edited = (updates: More, second: number) =>
  envelope('content.post.updated', { postId: 'p', updates }, { second });
const deleted = (second: number) => envelope('content.post.deleted', { postId: 'p', authorId: 'ann' }, { second });
const liked = (userId: string, second: number, postId = 'p') =>
  envelope('content.post.liked', { postId, userId }, { second });
const comment = (commentId: string, second: number, more: More = {}) =>
  envelope(
    'content.comment.created',
    { commentId, postId: 'p', userId: 'bob', content: commentId, ...more },
    { second },
  );

const people = [user('ann'), user('bob'), user('cat')];

describe('the area of content', () => {
  const { given } = platform();

  describe('posts', () => {
    it('content.post.created makes a row, whole', () =>
      given(people)
        .when(
          post(1, {
            mediaUrls: ['https://cdn.example.org/1.jpg', ''],
            visibility: 'PAID',
            contentType: 'image',
            price: 4.999,
            requiredTierId: 'gold',
            tags: ['日常', 'a"b'],
          }),
          { times: 2 },
        )
        .then({
          posts: [
            {
              post_id: 'p',
              author_id: 'ann',
              content: 'hello',
              media_urls: ['https://cdn.example.org/1.jpg', ''],
              visibility: 'ppv',
              content_type: 'image',
              price: '5.00',
              required_tier_id: 'gold',
              tags: ['日常', 'a"b'],
              like_count: 0,
              comment_count: 0,
              created_at: '2024-05-01T00:00:01.000000Z',
              deleted_at: null,
            },
          ],
        }));

    it('content.post.created may leave much out', () =>
      given(people)
        .when(post(1), { times: 2 })
        .then({ posts: [{ media_urls: [], content_type: null, price: null, required_tier_id: null, tags: null }] }));

    it('content.post.created that is earlier moves the post, and keeps its counters', () =>
      given(people, post(5, { authorId: 'bob', content: 'late' }), liked('bob', 6), comment('c', 7))
        .when(post(4, { content: 'early' }), { times: 2 })
        .then({ posts: [{ author_id: 'ann', content: 'early', like_count: 1, comment_count: 1 }] }));

    it('content.post.updated sets the columns that it names, and null clears', () =>
      given(people, post(1, { price: 4, requiredTierId: 'gold', mediaUrls: ['a'] }))
        .when(edited({ content: '', visibility: 'Subscribers_Only', mediaUrls: ['b', 'c'], price: null }, 2), {
          times: 2,
        })
        .then({
          posts: [
            { content: '', visibility: 'subscribers', media_urls: ['b', 'c'], price: null, required_tier_id: 'gold' },
          ],
        }));

    it('content.post.updated: per column the latest holds, and a null holds like any value', () =>
      given(people, post(1, { price: 1 }), edited({ price: null, content: 'five' }, 5))
        .when([edited({ price: 9.5, visibility: 'hidden' }, 4), edited({ content: 'six' }, 6)], { times: 2 })
        .then({ posts: [{ price: null, content: 'six', visibility: 'hidden' }] }));

    it('content.post.updated does not ask who the author is', () =>
      given(people, post(1))
        .when(
          envelope(
            'content.post.updated',
            { postId: 'p', authorId: 'nobody', updates: { content: 'x' } },
            { second: 2 },
          ),
        )
        .then({ posts: [{ author_id: 'ann', content: 'x' }] }));

    it('content.post.deleted says when, the latest time; likes and comments stay', () =>
      given(people, post(1), liked('bob', 2), comment('c', 3))
        .when([deleted(5), deleted(4)], { times: 2 })
        .then({
          posts: [{ deleted_at: '2024-05-01T00:00:05.000000Z', like_count: 1, comment_count: 1, content: 'hello' }],
          post_likes: [{ user_id: 'bob' }],
          comments: [{ comment_id: 'c' }],
        }));

    it('of nobody waits', () =>
      given(people)
        .when([post(1, { authorId: 'nobody' }), edited({ content: 'x' }, 2), liked('bob', 3)])
        .then({ posts: [], post_likes: [] }));
  });

  describe('likes', () => {
    it('content.post.liked makes a row a pair, and counts the rows', () =>
      given(people, post(1), post(1, { postId: 'q' }))
        .when([liked('bob', 2), liked('ann', 3), liked('bob', 4, 'q')], { times: 2 })
        .then({
          post_likes: [
            { post_id: 'p', user_id: 'bob', created_at: '2024-05-01T00:00:02.000000Z' },
            { post_id: 'p', user_id: 'ann', created_at: '2024-05-01T00:00:03.000000Z' },
            { post_id: 'q', user_id: 'bob', created_at: '2024-05-01T00:00:04.000000Z' },
          ],
          posts: [
            { post_id: 'p', like_count: 2 },
            { post_id: 'q', like_count: 1 },
          ],
        }));

    it('content.post.liked a second time counts once, and the earlier time holds', () =>
      given(people, post(1), liked('bob', 5))
        .when([liked('bob', 6), liked('bob', 4)], { times: 2 })
        .then({ post_likes: [{ created_at: '2024-05-01T00:00:04.000000Z' }], posts: [{ like_count: 1 }] }));

    it('content.post.liked comes with its post in one batch, before it', () =>
      given(people)
        .when([liked('bob', 3), liked('cat', 2), post(1)], { times: 2 })
        .then({ posts: [{ like_count: 2 }] }));
  });

  describe('comments', () => {
    it('content.comment.created makes a row, and counts the rows', () =>
      given(people, post(1))
        .when([comment('a', 2), comment('b', 3, { parentCommentId: 'a', content: '' })], { times: 2 })
        .then({
          comments: [
            { comment_id: 'a', post_id: 'p', user_id: 'bob', parent_comment_id: null, content: 'a', created_at: '2024-05-01T00:00:02.000000Z' },
            { comment_id: 'b', post_id: 'p', user_id: 'bob', parent_comment_id: 'a', content: '', created_at: '2024-05-01T00:00:03.000000Z' },
          ],
          posts: [{ comment_count: 2 }],
        })); // prettier-ignore

    it('content.comment.created in a batch that holds a whole thread backwards', () =>
      given(people)
        .when([comment('c', 4, { parentCommentId: 'b' }), comment('b', 3, { parentCommentId: 'a' }), comment('a', 2), post(1)], { times: 2 })
        .then({ posts: [{ comment_count: 3 }] })); // prettier-ignore

    it('content.comment.created twice: the earlier one says which post it belongs to, and both are counted right', () =>
      given(people, post(1), post(1, { postId: 'q' }), comment('a', 5), comment('b', 5))
        .when(comment('a', 4, { postId: 'q', content: 'moved' }), { times: 2 })
        .then({
          comments: [
            { comment_id: 'a', post_id: 'q', content: 'moved' },
            { comment_id: 'b', post_id: 'p', content: 'b' },
          ],
          posts: [
            { post_id: 'p', comment_count: 1 },
            { post_id: 'q', comment_count: 1 },
          ],
        }));

    it('that answer each other wait for ever, and others do not', () =>
      given(people, post(1))
        .when([comment('a', 2, { parentCommentId: 'b' }), comment('b', 3, { parentCommentId: 'a' }), comment('c', 4)])
        .then({ comments: [{ comment_id: 'c' }], posts: [{ comment_count: 1 }] }));
  });

  describe('stories and videos', () => {
    const story = (more: More = {}) =>
      envelope('content.story.created', { storyId: 's', authorId: 'ann', contentType: 'IMAGE', mediaUrl: 'm', expiresAt: '2024-05-02T08:00:00.1234567+08:00', ...more }, { second: 1 }); // prettier-ignore
    const video = (more: More = {}) =>
      envelope('content.video.created', { videoId: 'v', authorId: 'ann', title: 't', videoUrl: 'u', duration: 0, visibility: 'Hidden', ...more }, { second: 1 }); // prettier-ignore

    it('content.story.created makes a row, whole', () =>
      given(people)
        .when(story({ caption: 'Backstage' }), { times: 2 })
        .then({
          stories: [
            {
              story_id: 's',
              author_id: 'ann',
              content_type: 'image',
              media_url: 'm',
              caption: 'Backstage',
              expires_at: '2024-05-02T00:00:00.123456Z',
              created_at: '2024-05-01T00:00:01.000000Z',
            },
          ],
        }));

    for (const expiresAt of [
      '9999-12-31T23:59:59.999Z',
      '9999-12-31T23:59:59Z',
      '2300-01-01T00:00:00.123457Z',
      '0001-01-01T00:00:00.000001Z',
    ]) {
      it(`content.story.created may expire at ${expiresAt}`, () => given(people).when(story({ expiresAt })).asTheModelSays()); // prettier-ignore
    }

    it('content.video.created makes a row, whole', () =>
      given(people)
        .when(video({ description: 'd', thumbnailUrl: 'n', price: 0.005, duration: 2_147_483_647 }), { times: 2 })
        .then({
          videos: [
            {
              video_id: 'v',
              author_id: 'ann',
              title: 't',
              description: 'd',
              video_url: 'u',
              thumbnail_url: 'n',
              duration_seconds: 2_147_483_647,
              visibility: 'hidden',
              price: '0.01',
              created_at: '2024-05-01T00:00:01.000000Z',
            },
          ],
        }));

    it('content.video.created may leave much out', () =>
      given(ancestorsOf([video()]))
        .when(video(), { times: 2 })
        .then({ videos: [{ description: null, thumbnail_url: null, price: null, duration_seconds: 0 }] }));
  });
});
