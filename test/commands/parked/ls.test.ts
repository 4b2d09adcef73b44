import { expect } from 'chai';
import type { ParkedLsResult } from '../../../src/commands/parked/ls.js';
import { makersOf } from '../../../src/event/makers.js';
import { listParked } from '../../../src/letters/parked-report.js';
import { parkedTable } from '../../../src/letters/parked-table.js';
import { tables } from '../../../src/handlers/index.js';
import { dbw } from '../../support/cli.js';
import { Place } from '../../support/place.js';
import { send } from '../../support/topics.js';

const NOW = Date.UTC(2024, 5, 1);

describe('dbw parked ls', () => {
  let place: Place;

  before(async () => {
    place = await Place.make(['content.post.created', 'content.comment.created']);
    const event = (eventId: string, eventType: string, data: Record<string, unknown>) => ({
      topic: eventType,
      key: 'k',
      value: Buffer.from(JSON.stringify({ eventId, eventType, timestamp: '2024-01-01T00:00:00Z', data })),
    });
    const post = (i: number, authorId: string) =>
      event(`post-event-${i}`, 'content.post.created', {
        postId: `p${i}`,
        authorId,
        content: 'x',
        mediaUrls: [],
        visibility: 'public',
      });
    const comment = event('comment-event', 'content.comment.created', {
      commentId: 'c',
      postId: 'nowhere',
      userId: 'nobody',
      content: 'x',
    });
    await send([post(1, 'ann-secret'), post(2, 'ann-secret'), post(3, 'bob-secret'), comment], place.prefix);
    await place.catchUp();
    await place.dataSource.query(
      `UPDATE dbw.parked_events SET parked_at = $1::timestamptz - interval '1 hour' * right(event_id, 1)::integer
      WHERE event_id LIKE 'post-%'`,
      [new Date(NOW)],
    );
    await place.dataSource.query(`UPDATE dbw.parked_events SET dead_at = $1 WHERE event_id = 'post-event-3'`, [
      new Date(NOW),
    ]);
  });
  after(() => place.dataSource.destroy());

  it('groups what waits by table: events, rows, dead letters, since when', async () => {
    const ended = await dbw(['parked', 'ls', '--json'], place.env);
    expect(ended.status, ended.stderr).to.equal(0);
    const { total, groups, rows } = JSON.parse(ended.stdout) as ParkedLsResult;
    expect(total).to.equal(4);
    const users = groups.find(({ table }) => table === 'users');
    expect(users).to.deep.include({
      dead: 1,
      oldest: new Date(NOW - 3 * 3_600_000).toISOString(),
      comesWith: ['user.created'],
    });
    expect(groups.reduce((sum, { events }) => sum + events, 0)).to.equal(4);
    expect(rows.slice(0, 3).map(({ eventId, deadSince }) => [eventId, deadSince !== null])).to.deep.equal([
      ['post-event-3', true],
      ['post-event-2', false],
      ['post-event-1', false],
    ]);
    expect(rows[1]!.keyHash).to.equal(rows[2]!.keyHash).and.not.to.equal(rows[0]!.keyHash);
    expect(ended.stdout).not.to.contain('-secret');
  });

  it('prints them for people, with what to do', async () => {
    const report = await listParked(
      place.dataSource,
      { eventType: 'content.post.created' },
      { limit: 2, reveal: false },
    );
    const text = parkedTable(report, NOW);
    expect(text).to.match(
      /^waits for +events +rows +dead letters +oldest +comes with\nusers +3 +2 +1 +3 h 0 min +user\.created\n/,
    );
    expect(text).to.match(
      /content\.post\.created +\S+content\.post\.created:\d:\d +users #[0-9a-f]{8} +3 h 0 min +\d+ +dead letter +post-event-3\n/,
    );
    expect(text)
      .to.contain('… and 1 more; --limit')
      .and.to.contain('dbw replay-dlq --event-type user.created --dry-run');
  });

  it('filters, limits, and reveals keys when told to', async () => {
    const filter = { table: 'users', eventType: 'content.post.created' };
    const { rows, total } = await listParked(place.dataSource, filter, { limit: 1, reveal: true });
    expect([total, rows.length, rows[0]!.key]).to.deep.equal([3, 1, 'bob-secret']);
    expect((await dbw(['parked', 'ls', '--table', 'users', '--reveal'], place.env)).stdout).to.contain('ann-secret');
    const none = await listParked(place.dataSource, { table: 'skills' }, { limit: 5, reveal: false });
    expect(parkedTable(none, NOW)).to.equal('Nothing waits.');
  });

  it('refuses tables and types that do not exist', async () => {
    const [table, type] = await Promise.all([
      dbw(['parked', 'ls', '--table', 'user'], place.env),
      dbw(['parked', 'ls', '--event-type', 'user.craeted'], place.env),
    ]);
    expect([table.status, type.status]).to.deep.equal([2, 2]);
    expect(table.stderr).to.match(/There is no table "user"\. There are: .*users/);
  });
});

describe('what brings the rows of a table', () => {
  it('is known for each that others wait for', () => {
    expect(makersOf('users')).to.deep.equal(['user.created']);
    const parents = new Set(tables.flatMap(({ references }) => references.map((reference) => reference.parent.name)));
    for (const name of parents) expect(makersOf(name), name).not.to.deep.equal([]);
  });
});
