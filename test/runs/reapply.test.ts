import { expect } from 'chai';
import fc from 'fast-check';
import type { DataSource } from 'typeorm';
import type { Event } from '../../src/event/decode.js';
import { registry, tables } from '../../src/handlers/index.js';
import { ProcessedEvents } from '../../src/postgres/processed.js';
import { Parking } from '../../src/writing/parking.js';
import { persist } from '../../src/writing/persist.js';
import { Store } from '../../src/writing/store.js';
import { batches, delivery, shuffled } from '../support/arbitraries.js';
import { damage, inflict } from '../support/damage.js';
import { emptyTables, freshDatabase } from '../support/database.js';
import { envelope, eventOf } from '../support/envelopes.js';
import { silent } from '../support/log.js';
import { expectedTables, type Envelope } from '../support/model.js';
import { readRows } from '../support/rows.js';

describe('events that are applied again', function () {
  this.timeout(600_000);
  let dataSource: DataSource;
  const processed = new ProcessedEvents();
  before(async () => {
    dataSource = await freshDatabase();
    await processed.maintain(dataSource, 8);
  });
  after(() => dataSource.destroy());

  async function deliver(arrival: readonly (readonly Envelope[])[], reapply: boolean, writers = 1): Promise<number> {
    const store = new Store(dataSource, tables, processed, undefined, reapply);
    let repaired = 0;
    const parking = new Parking({
      ...{ dataSource, store, registry, tables, prefix: '', maxAttempts: 3, log: silent },
      onWritten: (written) => (repaired += written.repaired ?? 0),
      sendLetters: () => Promise.reject(new Error('nothing here is refused')),
    });
    const retry = { attempts: 3, delayMs: 1, exponential: true };
    const { signal } = new AbortController();
    let offset = 0;
    const left: Event[][] = arrival.map((batch) => batch.map((envelope) => eventOf(envelope, offset++)));
    const work = async () => {
      for (let batch = left.shift(); batch; batch = left.shift()) {
        const context = { store, log: silent, retry, signal, onRetry: () => undefined, onTrouble: () => undefined };
        const { written, refused } = await persist(batch, context);
        expect(refused).to.deep.equal([]);
        for (const one of written) {
          parking.noticed(one);
          repaired += one.repaired ?? 0;
        }
        await parking.wakeWanted();
      }
    };
    const ended = await Promise.allSettled(Array.from({ length: writers }, work));
    for (const one of ended) if (one.status === 'rejected') throw one.reason;
    await parking.sweep(true);
    return repaired;
  }

  const story = delivery({ maxEvents: 60 }).chain(({ events, arrival }) =>
    fc.record({
      events: fc.constant(events),
      arrival: fc.constant(arrival),
      again: shuffled(events).chain((order) => batches(order)),
      damages: damage,
      writers: fc.integer({ min: 1, max: 3 }),
    }),
  );

  it('bring exactly the rows back that damage has changed, whatever their order and batches', async () => {
    let touched = 0;
    await fc.assert(
      fc.asyncProperty(story, async ({ events, arrival, again, damages, writers }) => {
        await emptyTables(dataSource, tables.map(({ name }) => name)); // prettier-ignore
        const { tables: expected, waiting } = expectedTables(events);
        await deliver(arrival, false);
        expect(await readRows(dataSource)).to.deep.equal(expected);
        touched += await inflict(dataSource, damages);
        await deliver(again, true, writers);
        expect(await readRows(dataSource)).to.deep.equal(expected);
        // All is known again, and what still waits is what waited.
        const parked: { event_id: string }[] = await dataSource.query('SELECT event_id FROM dbw.parked_events');
        const ids = (list: readonly { event_id: string }[]) => new Set(list.map(({ event_id }) => event_id));
        expect(ids(parked)).to.deep.equal(new Set(waiting.map(({ eventId }) => eventId)));
        expect(await deliver(again, true), 'rows that are repaired once more').to.equal(0);
      }),
      { numRuns: Number(process.env.PROPERTY_RUNS ?? 25) },
    );
    expect(touched).to.be.greaterThan(0);
  });

  const user = (userId: string): Envelope =>
    envelope('user.created', { userId, username: 'n', email: 'e', role: 'creator' });
  const post = (postId: string, authorId = 'ann'): Envelope =>
    envelope('content.post.created', { postId, authorId, content: '', mediaUrls: [], visibility: 'public' });
  const comment = (commentId: string, postId: string): Envelope =>
    envelope('content.comment.created', { commentId, postId, userId: 'ann', content: 'so' });
  const renamed = (second: number, bio: string): Envelope =>
    envelope('user.updated', { userId: 'ann', updates: { bio } }, { second });
  const ask = async (sql: string): Promise<unknown[]> => {
    const rows = await dataSource.query<Record<string, unknown>[]>(sql);
    return rows.map((row) => Object.values(row).join(' '));
  };
  const empty = () => emptyTables(dataSource, tables.map(({ name }) => name)); // prettier-ignore

  it('repair whole rows that say they hold what the event said, and keep later ones', async () => {
    await empty();
    const pair = { followerId: 'ann', followedId: 'bob' };
    const [on, off] = [1, 2].map((second) =>
      envelope(second === 1 ? 'user.followed' : 'user.unfollowed', pair, { second }),
    );
    if (!on || !off) throw new Error('two events');
    await deliver([[user('ann'), user('bob')], [on], [off]], false);
    await dataSource.query('UPDATE follows SET active = true');
    expect(await deliver([[on]], true), 'an older one').to.equal(0);
    expect(await ask('SELECT active FROM follows')).to.deep.equal(['true']);
    expect(await deliver([[off]], true)).to.equal(1);
    expect(await ask('SELECT active FROM follows')).to.deep.equal(['false']);
  });

  it('keep what later events set, and repair what just they set', async () => {
    await empty();
    const [first, second] = [renamed(2, 'first'), renamed(3, 'second')];
    await deliver([[user('ann'), first, second]], false);
    await dataSource.query("UPDATE users SET bio = 'wrong'");
    await deliver([[first]], true);
    expect(await ask('SELECT bio FROM users')).to.deep.equal(['wrong']);
    await deliver([[second], [first]], true);
    expect(await ask('SELECT bio FROM users')).to.deep.equal(['second']);
  });

  it('count the parents anew that a row has and had, and rows without children too', async () => {
    await empty();
    const said = comment('c', 'right');
    await deliver([[user('ann'), post('right'), post('wrong'), post('alone'), said]], false);
    await dataSource.query("UPDATE comments SET post_id = 'wrong'");
    await dataSource.query('UPDATE posts SET comment_count = 7, like_count = 7');
    await deliver([[said]], true);
    const counters = 'SELECT post_id, comment_count, like_count FROM posts ORDER BY 1';
    expect(await ask(counters)).to.deep.equal(['alone 7 7', 'right 1 0', 'wrong 0 0']);
    await deliver([[post('alone')]], true);
    expect(await ask(counters)).to.deep.equal(['alone 0 0', 'right 1 0', 'wrong 0 0']);
  });

  it('have no effect under an id that was processed with other content', async () => {
    await empty();
    const taken = user('ann');
    await deliver([[taken]], false);
    await deliver([[{ ...user('eve'), eventId: taken.eventId }, post('p', 'eve')]], true);
    expect(await ask('SELECT user_id FROM users')).to.deep.equal(['ann']);
    expect(await ask('SELECT count(*) FROM posts')).to.deep.equal(['0']);
  });

  it('wait where their row is gone, and are applied by whoever finds it again', async () => {
    await empty();
    const [made, changed] = [post('p'), envelope('content.post.updated', { postId: 'p', updates: { content: 'new' } })];
    await deliver([[user('ann'), made, changed]], false);
    await dataSource.query('DELETE FROM posts');
    await deliver([[changed]], true);
    expect(await ask('SELECT event_id FROM dbw.parked_events')).to.deep.equal([changed.eventId]);
    const store = new Store(dataSource, tables, processed, undefined, true);
    await store.write([eventOf(made)]);
    await deliver([], false); // what `consume` does every second
    expect(await ask('SELECT content FROM posts')).to.deep.equal(['new']);
    expect(await ask('SELECT count(*) FROM dbw.parked_events')).to.deep.equal(['0']);
  });
});
