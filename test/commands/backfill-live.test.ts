import { expect } from 'chai';
import type { BackfillSummary } from '../../src/commands/backfill/index.js';
import { startDbw } from '../support/cli.js';
import { inflict } from '../support/damage.js';
import { at, envelope } from '../support/envelopes.js';
import { messageOf, type Message } from '../support/generator/index.js';
import { expectedTables, type Envelope } from '../support/model.js';
import { Place } from '../support/place.js';
import { readRows } from '../support/rows.js';
import { withAdmin } from '../support/topics.js';
import { until } from '../support/until.js';

const TYPES = ['user.created', 'user.updated', 'user.followed', 'user.unfollowed', 'content.post.created', 'content.post.liked', 'content.comment.created']; // prettier-ignore
const USERS = 40;
const POSTS = 6;

/** Much about few rows, so that both writers are at the same ones. */
function eventAt(n: number): Envelope {
  const [u, other, p] = [`u${n % USERS}`, `u${(n + 1 + (n % 7)) % USERS}`, `p${n % POSTS}`];
  const second = n / 100 + 10;
  if (n % 5 === 0) return envelope('user.updated', { userId: u, updates: { bio: `b${n}` } }, { second });
  if (n % 5 === 1) return envelope(n % 2 ? 'user.followed' : 'user.unfollowed', { followerId: u, followedId: other }, { second }); // prettier-ignore
  if (n % 5 === 2) return envelope('content.post.liked', { postId: p, userId: u }, { second });
  return envelope('content.comment.created', { commentId: `c${n}`, postId: p, userId: u, content: at(second) }, { second }); // prettier-ignore
}

const founders: Envelope[] = [
  ...Array.from({ length: USERS }, (_, i) =>
    envelope('user.created', { userId: `u${i}`, username: `n${i}`, email: 'e', role: 'creator' }),
  ),
  ...Array.from({ length: POSTS }, (_, i) =>
    envelope('content.post.created', { postId: `p${i}`, authorId: 'u0', content: '', mediaUrls: [], visibility: 'public' }, { second: 2 }),
  ),
]; // prettier-ignore

describe('dbw backfill --reapply beside dbw consume', function () {
  this.timeout(180_000);
  let place: Place;
  after(() => place.dataSource.destroy());

  it('leaves the tables that the model says, the group as it was, and its lag within what is sent at once', async () => {
    place = await Place.make(TYPES);
    const sent: Envelope[] = [];
    const send = async (events: readonly Envelope[]) => {
      sent.push(...events);
      await place.send(events.map((event): Message => messageOf(event)));
    };
    const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => eventAt(from + i));
    await send([...founders, ...range(0, 2_000)]);
    const consume = place.consume();
    await until(() => place.isCommitted(), consume);
    const group = () =>
      withAdmin(async (admin) => {
        const { groups } = await admin.describeGroups([place.groupId]);
        return groups.map(({ state, members }) => ({ state, members: members.map(({ memberId }) => memberId) }));
      });
    const joins = () => consume.output.stderr.split('\n').filter((line) => line.includes('partitions assigned')).length;
    const [before, joined] = [await group(), joins()];
    expect(joined).to.equal(1);
    expect(before).to.deep.include({ state: 'Stable', members: before[0]?.members });

    const damages = [
      "UPDATE users SET username = 'wrong', bio = 'wrong'",
      'UPDATE posts SET like_count = 7, comment_count = 0',
      "UPDATE comments SET content = 'wrong', post_id = 'p0'",
      "DELETE FROM post_likes WHERE user_id < 'u3'",
      'UPDATE follows SET active = NOT active',
    ].map((sql) => ({ what: sql, sql }));
    expect(await inflict(place.dataSource, damages)).to.be.greaterThan(500);

    const all = TYPES.flatMap((type) => ['--topic', type]);
    // So slow that the live events come while it is at it.
    const args = ['backfill', ...all, '--reapply', '--reason', 'a test', '--rate', '600', '--yes', '--json'];
    const backfill = startDbw(args, { ...place.env, LOG_LEVEL: 'warn' });
    const isOver = () => backfill.child.exitCode !== null;
    let beside = 0;
    for (let n = 2_000; !isOver(); n += 100) {
      await send(range(n, n + 100));
      await until(() => place.isCommitted(), consume); // no more than these are ever behind
      if (!isOver()) beside++;
    }
    const ended = await backfill.ended;
    expect(ended.status, ended.stderr).to.equal(0);
    expect((JSON.parse(ended.stdout) as BackfillSummary).counts).to.deep.include({ refused: 0, lost: 0 });
    expect(beside, 'slices that were consumed while the backfill was under way').to.be.greaterThan(0);
    expect([await group(), joins()]).to.deep.equal([before, joined]);
    expect(await readRows(place.dataSource)).to.deep.equal(expectedTables(sent).tables);
    consume.child.kill('SIGTERM');
    expect((await consume.ended).status, consume.output.stderr).to.equal(0);
  });
});
