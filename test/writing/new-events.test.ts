import { expect } from 'chai';
import type { DataSource } from 'typeorm';
import { tables } from '../../src/handlers/index.js';
import { ProcessedEvents } from '../../src/postgres/processed.js';
import { Store } from '../../src/writing/store.js';
import { connect } from '../../src/postgres/data-source.js';
import { databaseConfig, emptyTables, freshDatabase } from '../support/database.js';
import { envelope, eventOf } from '../support/envelopes.js';
import { expectedTables, type Envelope } from '../support/model.js';
import { readRows } from '../support/rows.js';
import { sentBy } from '../support/sent.js';
import { unique } from '../support/unique.js';

const user = (userId: string) => envelope('user.created', { userId, username: userId, email: `${userId}@example.org`, role: 'creator' }); // prettier-ignore
const post = (postId: string, authorId = 'ann') => envelope('content.post.created', { postId, authorId, content: 'c', mediaUrls: [], visibility: 'public' }); // prettier-ignore
const at = (second: number, postId: string, content = 'c') => envelope('content.post.created', { postId, authorId: 'ann', content, mediaUrls: [], visibility: 'public' }, { second }); // prettier-ignore
const like = (postId: string, userId: string) => envelope('content.post.liked', { postId, userId });
const renamed = (userId: string, displayName: string) => envelope('user.updated', { userId, updates: { displayName } }, { second: 9 }); // prettier-ignore

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
    const [first, second] = [at(5, 'p'), at(6, 'p')];
    // The try, with the ids; BEGIN, the ids, the row that is there, and whether anything is to be settled; COMMIT.
    expect(await sentBy(() => write(first))).to.deep.equal([2, 4, 1]);
    expect(await sentBy(() => write(second, post('q')))).to.deep.equal([4, 1]);
    expect(await sentBy(() => write(user('bob')))).to.deep.equal([2]);
    expect(await sentBy(() => write(post('r')))).to.deep.equal([2]);
    await expectRows();
  });

  it('are copied where they are many, and inserted where PostgreSQL copies nothing into a table', async () => {
    const [name, role] = [String(dataSource.options.database), unique('role')];
    const many = (from: number) => Array.from({ length: 250 }, (_, i) => post(`p-${from + i}`));
    await dataSource.query(`CREATE ROLE ${role} LOGIN PASSWORD 'x'; GRANT USAGE ON SCHEMA public, dbw TO ${role};
      GRANT ALL ON ALL TABLES IN SCHEMA public, dbw TO ${role};
      ALTER TABLE posts ENABLE ROW LEVEL SECURITY; CREATE POLICY all_of_it ON posts USING (true) WITH CHECK (true)`);
    const restricted = await connect({ ...databaseConfig(name), username: role, password: 'x', poolSize: 1 });
    try {
      const other = new Store(restricted, tables, processed);
      // The try, which is refused; BEGIN, the ids, the posts, and COMMIT. Then it is known.
      for (const [start, sent] of [
        [0, [2, 3, 1]],
        [500, [2]],
      ] as const) {
        const batch = many(start);
        delivered.push(...batch);
        const writing = () => other.write(batch.map((one, i) => eventOf(one, i)));
        const all = await sentBy(writing);
        expect(all.slice(-sent.length)).to.deep.equal(sent);
      }
      await expectRows();
      expect(await sentBy(() => write(...many(1_000)))).to.deep.equal([2]);
      await expectRows();
    } finally {
      await restricted.destroy();
      await dataSource.query(`DROP POLICY all_of_it ON posts; ALTER TABLE posts DISABLE ROW LEVEL SECURITY; DROP OWNED BY ${role}; DROP ROLE ${role}`); // prettier-ignore
    }
  });

  it('are settled where they create earlier what is there', async () => {
    await write(at(5, 'p', 'five'), at(5, 'q', 'five'));
    await write(at(5, 'p', 'five'));
    // With what there was before: a look at p, its update; r is new, q is there since before.
    expect(await sentBy(() => write(at(3, 'p', 'three'), at(7, 'q', 'seven'), at(3, 'r', 'three')))).to.deep.equal([4, 1, 1, 1]); // prettier-ignore
    await expectRows();
    const { ties } = await write(at(3, 'p', 'another'), at(2, 'q', 'two'));
    expect(ties).to.equal(1);
    delivered.splice(-2, 1);
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
