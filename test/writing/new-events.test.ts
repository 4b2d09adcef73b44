import { expect } from 'chai';
import type { DataSource } from 'typeorm';
import { tables } from '../../src/handlers/index.js';
import { ProcessedEvents } from '../../src/postgres/processed.js';
import { Session } from '../../src/postgres/session.js';
import { Store } from '../../src/writing/store.js';
import { emptyTables, freshDatabase } from '../support/database.js';
import { envelope, eventOf } from '../support/envelopes.js';
import { expectedTables, type Envelope } from '../support/model.js';
import { readRows } from '../support/rows.js';

const user = (userId: string) => envelope('user.created', { userId, username: userId, email: `${userId}@example.org`, role: 'creator' }); // prettier-ignore
const post = (postId: string, authorId = 'ann') => envelope('content.post.created', { postId, authorId, content: 'c', mediaUrls: [], visibility: 'public' }); // prettier-ignore
const like = (postId: string, userId: string) => envelope('content.post.liked', { postId, userId });
const renamed = (userId: string, displayName: string) => envelope('user.updated', { userId, updates: { displayName } }, { second: 9 }); // prettier-ignore

/** What sessions sent meanwhile: one number a call, of the statements in it; 0 stands for a transaction begun by itself. */
async function sentBy(work: () => Promise<unknown>): Promise<number[]> {
  const sent: number[] = [];
  const count = { run: () => 1, query: () => 1, transaction: () => 0, together: (all: unknown) => (Array.isArray(all) ? all.length : 0) }; // prettier-ignore
  const originals = Object.entries(count).map(([name, of]) => ({ name, of, original: Reflect.get(Session.prototype, name) as () => unknown })); // prettier-ignore
  for (const { name, of, original } of originals) {
    Reflect.set(Session.prototype, name, function (this: Session, ...given: unknown[]): unknown {
      if (name !== 'together' || of(given[0]) > 0) sent.push(of(given[0]));
      return Reflect.apply(original, this, given) as unknown;
    });
  }
  try {
    await work();
  } finally {
    for (const { name, original } of originals) Reflect.set(Session.prototype, name, original);
  }
  return sent;
}

describe('events that are new', () => {
  let dataSource: DataSource;
  let store: Store;
  const processed = new ProcessedEvents();
  let delivered: Envelope[] = [];

  before(async () => {
    dataSource = await freshDatabase();
    await processed.maintain(dataSource, 8);
  });
  after(() => dataSource.destroy());
  beforeEach(async () => {
    await emptyTables(dataSource, tables.map(({ name }) => name)); // prettier-ignore
    delivered = [];
    store = new Store(dataSource, tables, processed);
    await write(user('ann')); // also asks which database it is
  });

  async function write(...events: readonly Envelope[]) {
    delivered.push(...events);
    return store.write(events.map((one, i) => eventOf(one, i)));
  }

  async function expectRows() {
    expect(await readRows(dataSource)).to.deep.equal(expectedTables(delivered).tables);
  }

  it('are written in one round trip with the rows that they make, their counters, and what they change', async () => {
    const batch = [user('bob'), post('p'), post('q'), like('p', 'bob'), like('p', 'ann'), renamed('bob', 'Bob'), renamed('ann', 'Ann')]; // prettier-ignore
    // The ids, users, posts, likes, and the change of ann, whose row is there.
    expect(await sentBy(() => write(...batch))).to.deep.equal([5]);
    await expectRows();
  });

  it('are written in two where rows are there, and so for some time where these are', async () => {
    await write(post('p'));
    const [first, second] = [post('p'), post('p')];
    // The try, with the ids; BEGIN, the ids and the row that is there; what settles it; COMMIT.
    expect(await sentBy(() => write(first))).to.deep.equal([2, 3, 1, 1]);
    expect(await sentBy(() => write(second, post('q')))).to.deep.equal([3, 1, 1]);
    expect(await sentBy(() => write(user('bob')))).to.deep.equal([2]);
    expect(await sentBy(() => write(post('r')))).to.deep.equal([2]);
    await expectRows();
  });

  it('are told from those that were processed before, which change nothing', async () => {
    const [bob, again] = [user('bob'), user('cat')];
    await write(bob, again);
    const { applied, duplicates } = await write(user('dan'), again);
    expect([applied.length, duplicates.length]).to.deep.equal([1, 1]);
    const { collisions } = await write({ ...again, data: { ...again.data, username: 'other' } });
    expect(collisions).to.have.length(1);
    delivered.pop();
    await expectRows();
  });

  it('park what has to wait in the same transaction', async () => {
    const { applied, waiting } = await write(user('bob'), post('p', 'nobody'), post('q', 'bob'));
    expect([applied.length, waiting.length]).to.deep.equal([2, 1]);
    const [row]: { parked: string; ids: string }[] = await dataSource.query(
      'SELECT (SELECT count(*) FROM dbw.parked_events) AS parked, (SELECT count(*) FROM dbw.processed_events) AS ids',
    );
    expect(row).to.deep.equal({ parked: '1', ids: '3' });
  });

  it('leave nothing behind where one of them is refused', async () => {
    await dataSource.query("ALTER TABLE posts ADD CONSTRAINT poison CHECK (content <> 'poison')");
    try {
      const refused = { ...post('q'), data: { ...post('q').data, content: 'poison' } };
      for (const before of [[user('cat')], [post('p')], [post('p')]]) {
        await write(...before);
        const failed = store.write([user('bob'), refused].map((one, i) => eventOf(one, i)));
        expect(await failed.then(() => undefined, (error: unknown) => error)).to.have.property('code', '23514'); // prettier-ignore
        expect((await readRows(dataSource)).get('users')?.has('bob')).to.equal(false);
      }
    } finally {
      await dataSource.query('ALTER TABLE posts DROP CONSTRAINT poison');
    }
  });
});
