import { isDeepStrictEqual } from 'node:util';
import { expect } from 'chai';
import fc from 'fast-check';
import type { DataSource } from 'typeorm';
import type { Event } from '../../src/event/decode.js';
import { tables } from '../../src/handlers/index.js';
import { compare, type Compared } from '../../src/postgres/effects.js';
import { ProcessedEvents } from '../../src/postgres/processed.js';
import { Session } from '../../src/postgres/session.js';
import { Store } from '../../src/writing/store.js';
import { eventStream } from '../support/arbitraries.js';
import { damage, inflict } from '../support/damage.js';
import { emptyTables, freshDatabase } from '../support/database.js';
import { envelope, eventOf } from '../support/envelopes.js';
import { expectedTables, type Envelope } from '../support/model.js';
import { readRows } from '../support/rows.js';

describe('the effects of events', function () {
  this.timeout(600_000);
  let dataSource: DataSource;
  const processed = new ProcessedEvents();
  before(async () => {
    dataSource = await freshDatabase();
    await processed.maintain(dataSource, 8);
  });
  after(() => dataSource.destroy());
  beforeEach(() => emptyTables(dataSource, tables.map(({ name }) => name))); // prettier-ignore

  const asked = (events: readonly Event[]): Promise<Compared> =>
    Session.with(dataSource, (session) => compare(session, tables, processed, events));
  const write = (events: readonly Event[]) => new Store(dataSource, tables, processed).write(events);
  const told = ({ standings, counters }: Compared): string[] => [
    ...standings.map((one) =>
      one.kind === 'lacking' ? [one.lack.what, one.lack.table, one.lack.column].join(' ').trimEnd() : one.kind,
    ),
    ...counters.map(({ table, column, key }) => `${table}.${column} of ${key}`),
  ];

  it('are there when the events were written, and found missing wherever the tables are not what the model says', async () => {
    let [spoiled, found] = [0, 0];
    await fc.assert(
      fc.asyncProperty(eventStream({ maxEvents: 60 }), damage, async (stream, damages) => {
        await emptyTables(dataSource, tables.map(({ name }) => name)); // prettier-ignore
        const events = stream.map((one, i) => eventOf(one, i));
        await write(events);
        const { tables: expected, waiting } = expectedTables(stream);
        const whole = await asked(events);
        expect(whole.counters).to.deep.equal([]);
        const waits = new Set(waiting.map(({ eventId }) => eventId));
        const kinds = events.map(({ id }) => (waits.has(id) ? 'parked' : 'present'));
        expect(whole.standings.map(({ kind }) => kind)).to.deep.equal(kinds);
        await inflict(dataSource, damages);
        const after = await asked(events);
        const isFound = after.counters.length > 0 || after.standings.some(({ kind }) => kind === 'lacking');
        const isSpoiled = !isDeepStrictEqual(await readRows(dataSource), expected);
        [spoiled, found] = [spoiled + Number(isSpoiled), found + Number(isFound)];
        if (isSpoiled) expect(isFound, JSON.stringify(damages.map(({ what }) => what))).to.equal(true);
      }),
      { numRuns: Number(process.env.PROPERTY_RUNS ?? 30) },
    );
    expect(spoiled).to.be.greaterThan(0);
    expect(found).to.be.at.least(spoiled);
  });

  const T = '2024-05-01T00:00:00Z';
  const user = (userId: string, more: Record<string, unknown> = {}): Envelope =>
    envelope('user.created', { userId, username: 'n', email: 'e', role: 'creator', ...more }, { timestamp: T });

  it('are told apart by what is missing', async () => {
    const history = [
      user('ann'),
      envelope('user.updated', { userId: 'ann', updates: { bio: 'b' } }, { second: 5 }),
      envelope('user.deleted', { userId: 'ann' }, { second: 6 }),
      user('bob'),
      envelope('user.followed', { followerId: 'ann', followedId: 'bob' }, { second: 7 }),
      envelope('content.post.created', { postId: 'p', authorId: 'ann', content: '', mediaUrls: [], visibility: 'public' }),
    ].map((one, i) => eventOf(one, i)); // prettier-ignore
    await write(history);
    expect(told(await asked(history))).to.deep.equal(Array.from({ length: 6 }, () => 'present'));
    for (const [sql, at, says] of [
      ["UPDATE users SET username = 'x' WHERE user_id = 'ann'", 0, 'other value users username'],
      ["UPDATE users SET created_at = created_at + interval '1 us' WHERE user_id = 'bob'", 3, 'created later users created_at'],
      ["UPDATE users SET bio = 'x' WHERE user_id = 'ann'", 1, 'other value users bio'],
      ["UPDATE users SET bio_v = NULL WHERE user_id = 'ann'", 1, 'older users bio'],
      ["UPDATE users SET deleted_at = deleted_at - interval '1 us' WHERE user_id = 'ann'", 2, 'older users deleted_at'],
      ['UPDATE follows SET active = false', 4, 'other value follows active'],
      ['UPDATE follows SET version = left(version, -1)', 4, 'older follows active'],
      ['DELETE FROM follows', 4, 'row missing follows'],
    ] as const) {
      await dataSource.query(sql);
      expect(told(await asked(history))[at], sql).to.equal(says);
    } // prettier-ignore
    await dataSource.query('UPDATE posts SET like_count = 3');
    expect(told(await asked(history)).at(-1)).to.equal('posts.like_count of p');
  });

  it('may be later ones', async () => {
    const [early, late] = [2, 3].map((second) =>
      eventOf(envelope('user.updated', { userId: 'ann', updates: { bio: String(second) } }, { second })),
    );
    const [first, second] = [eventOf(user('ann')), eventOf({ ...user('ann', { username: 'later' }), timestamp: '2024-05-02T00:00:00Z' })]; // prettier-ignore
    if (!early || !late) throw new Error('two events');
    const all = [first, second, early, late];
    await write(all);
    expect(told(await asked(all))).to.deep.equal(['present', 'present', 'present', 'present']);
  });

  it('are none of events that were not processed, wait, or collide', async () => {
    const [known, waits] = [eventOf(user('ann')), eventOf(envelope('user.deleted', { userId: 'nobody' }))];
    await write([known, waits]);
    const today = new Date().toISOString();
    const missed = eventOf({ ...user('eve'), timestamp: today });
    const old = eventOf(user('ann'));
    const collides = eventOf({ ...user('eve'), eventId: known.id });
    expect(told(await asked([missed, old, waits, collides]))).to.deep.equal([
      'not processed',
      'present', // its id may be forgotten; its row says as much
      'parked',
      'collision',
    ]);
  });
});
