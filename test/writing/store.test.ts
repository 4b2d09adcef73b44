import { setImmediate as turn } from 'node:timers/promises';
import { expect } from 'chai';
import fc from 'fast-check';
import type { DataSource } from 'typeorm';
import type { Event } from '../../src/event/decode.js';
import { registry, tables } from '../../src/handlers/index.js';
import { users } from '../../src/handlers/users.js';
import { Parking, type GivenUp } from '../../src/writing/parking.js';
import { backoff } from '../../src/waiting/backoff.js';
import { persist } from '../../src/writing/persist.js';
import { askIdentity } from '../../src/postgres/identity.js';
import { ProcessedEvents } from '../../src/postgres/processed.js';
import { Session } from '../../src/postgres/session.js';
import { Store } from '../../src/writing/store.js';
import type { Written } from '../../src/writing/written.js';
import { delivery } from '../support/arbitraries.js';
import { emptyTables, freshDatabase } from '../support/database.js';
import { deliver, eventOf, patient } from '../support/deliver.js';
import { silent } from '../support/log.js';
import { connectedMarks } from '../support/marks.js';
import { expectedTables, type Envelope } from '../support/model.js';
import { reply } from '../support/people.js';
import { readRows } from '../support/rows.js';
import { unique } from '../support/unique.js';
import { until } from '../support/until.js';

describe('the tables depend on the set of events alone', function () {
  this.timeout(600_000);
  let dataSource: DataSource;
  const processed = new ProcessedEvents();

  before(async () => {
    dataSource = await freshDatabase();
    await processed.maintain(dataSource, 8);
  });
  after(() => dataSource.destroy());

  it('whatever their order, batches, repetition and the number of writers', async () => {
    await fc.assert(
      fc.asyncProperty(
        delivery({ maxEvents: 60 }),
        fc.integer({ min: 1, max: 4 }),
        async ({ events, arrival }, writers) => {
          await emptyTables(
            dataSource,
            tables.map(({ name }) => name),
          );
          const { tables: expected, ties } = expectedTables(events);
          expect(ties).to.deep.equal([]);
          const rows = await deliver(dataSource, processed, arrival, writers);
          expect(rows).to.deep.equal(expected);
        },
      ),
      { numRuns: Number(process.env.PROPERTY_RUNS ?? 100) },
    );
  });
});

describe('one transaction', () => {
  let dataSource: DataSource;
  const processed = new ProcessedEvents();
  before(async () => {
    dataSource = await freshDatabase();
    await processed.maintain(dataSource, 8);
  });
  after(() => dataSource.destroy());

  const user = (eventId: string, userId: string, username = 'ann'): Envelope => ({
    eventId,
    eventType: 'user.created',
    timestamp: '2024-01-01T00:00:00Z',
    data: { userId, username, email: 'ann@example.org', role: 'creator' },
  });
  const post = (eventId: string, postId: string, authorId: string): Envelope => ({
    eventId,
    eventType: 'content.post.created',
    timestamp: '2024-01-02T00:00:00Z',
    data: { postId, authorId, content: '', mediaUrls: [], visibility: 'public' },
  });

  it('leaves out a collision that others counted on, and accounts for every event of the batch once', async () => {
    const store = new Store(dataSource, tables, processed);
    await store.write([eventOf(user('x', 'u-1'), 0)]);
    const batch = [
      user('x', 'u-2'), // another event under a known id: u-2 never comes
      post('y', 'p-1', 'u-2'), // and so this waits
      user('z', 'u-3'),
      user('z', 'u-3'), // a redelivery within the batch
      post('w', 'p-2', 'u-3'),
      user('w', 'u-4'), // another event under an id of the batch
    ].map((envelope, i) => eventOf(envelope, i + 1));
    const written = await store.write(batch);
    const offsets = (events: readonly Event[]) => events.map(({ message }) => message.offset).sort();
    expect(offsets(written.collisions)).to.deep.equal([1, 6]);
    expect(offsets(written.waiting.map(({ event }) => event))).to.deep.equal([2]);
    expect(offsets(written.applied)).to.deep.equal([3, 5]);
    expect(offsets(written.duplicates)).to.deep.equal([4]);
    const rows = await readRows(dataSource);
    expect([...(rows.get('users')?.keys() ?? [])].sort()).to.deep.equal(['u-1', 'u-3']);
    expect([...(rows.get('posts')?.keys() ?? [])]).to.deep.equal(['p-2']);
    const [claims] = await dataSource.query<unknown[]>('SELECT count(*)::integer AS ids FROM dbw.processed_events');
    expect(claims).to.deep.equal({ ids: 3 });
  });

  it('believes no mark of tables that were made anew since', async () => {
    const marks = await connectedMarks();
    try {
      const store = new Store(dataSource, tables, processed, marks);
      const events = Array.from({ length: 3 }, (_, i) => eventOf(user(unique('u'), unique('u')), i));
      await store.write(events.slice(0, 1));
      await turn(); // its mark is on its way
      // Until it is believed for some time that what comes is not new.
      for (let times = 0; times < 2; times++) await store.write(events.slice(0, 1));
      const written = await store.write(events.slice(0, 2));
      expect([written.applied.length, written.duplicates.length]).to.deep.equal([1, 1]);
      await emptyTables(dataSource, tables.map(({ name }) => name)); // prettier-ignore
      const again = await store.write(events);
      expect([again.applied.length, again.duplicates.length]).to.deep.equal([3, 0]);
      expect((await readRows(dataSource)).get('users')?.size).to.equal(3);
    } finally {
      await marks.close();
    }
  });

  it('marks nothing in Redis that is not committed', async () => {
    await dataSource.query(`
      CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'at the very end'; END $$;
      CREATE CONSTRAINT TRIGGER late AFTER INSERT ON users DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW WHEN (NEW.username = 'late') EXECUTE FUNCTION refuse()`);
    const marks = await connectedMarks();
    try {
      const store = new Store(dataSource, tables, processed, marks);
      const [good, late] = [unique('good'), unique('late')];
      const events = [eventOf(user(good, good), 0), eventOf(user(late, late, 'late'), 1)];
      const failure: unknown = await store.write(events).catch((error: unknown) => error);
      expect(failure).to.be.instanceOf(Error);
      const identity = await Session.with(dataSource, askIdentity);
      expect([...(await marks.known(events, identity))]).to.deep.equal([]);
      await store.write(events.slice(0, 1));
      await until(async () => (await marks.known(events, identity)).size > 0);
      expect([...(await marks.known(events, identity))]).to.deep.equal(events.slice(0, 1));
    } finally {
      await marks.close();
      await dataSource.query('DROP TRIGGER late ON users; DROP FUNCTION refuse');
    }
  });

  it('accounts for a parked collision too when its row comes', async () => {
    const store = new Store(dataSource, tables, processed);
    const written: Written[] = [];
    const parking = new Parking({
      ...{ dataSource, store, registry, tables, prefix: '', maxAttempts: 3, log: silent },
      onWritten: (one) => written.push(one),
      sendLetters: () => Promise.reject(new Error('nothing here is refused')),
    });
    const arrival = [
      [user('known', 'known')],
      [post('known', 'p-known', 'late'), post('new', 'p-new', 'late')], // both wait, the first under a known id
      [user('late', 'late')],
    ];
    let offset = 100;
    for (const batch of arrival) parking.noticed(await store.write(batch.map((event) => eventOf(event, offset++))));
    await parking.wakeWanted();
    const offsets = (which: 'applied' | 'collisions') =>
      written.flatMap((one) => one[which].map(({ message }) => message.offset));
    expect([offsets('applied'), offsets('collisions')]).to.deep.equal([[102], [101]]);
  });

  it('applies what was given up when its row comes, without waiting for a sweep', async () => {
    const store = new Store(dataSource, tables, processed);
    const letters: GivenUp[] = [];
    const parking = new Parking({
      ...{ dataSource, store, registry, tables, prefix: '', maxAttempts: 3, log: silent, onWritten: () => undefined },
      sendLetters: (some) => Promise.resolve(void letters.push(...some)),
    });
    parking.noticed(await store.write([eventOf(post('vain', 'p-vain', 'later'), 200)]));
    await parking.giveUp(users, 0);
    expect(letters.map(({ message }) => message.offset)).to.include(200);
    parking.noticed(await store.write([eventOf(user('later', 'later'), 201)]));
    await parking.wakeWanted();
    expect((await readRows(dataSource)).get('posts')).to.include.keys('p-vain');
    expect(await dataSource.query(`SELECT FROM dbw.parked_events WHERE wait_key = 'later'`)).to.deep.equal([]);
  });

  it('writes a letter for each event that it gives up, also where an older version does not know its type', async () => {
    const letters: GivenUp[] = [];
    const known = new Map([...registry].filter(([type]) => type !== 'content.post.created'));
    const store = new Store(dataSource, tables, processed);
    const parking = new Parking({
      ...{ dataSource, store, registry: known, tables, prefix: '', maxAttempts: 3, log: silent, onWritten: () => undefined },
      sendLetters: (some) => Promise.resolve(void letters.push(...some)),
    }); // prettier-ignore
    const waiting = [post('unknown', 'p-unknown', 'never'), reply('known', 'p-never', 'never')];
    for (const [i, event] of waiting.entries()) await store.write([eventOf(event, 300 + i)]);
    const tablesWaitedFor = await parking.tablesWithDue(0);
    for (const table of tablesWaitedFor) await parking.giveUp(table, 0);
    const told = new Map(letters.map(({ message, refusal }) => [message.offset, refusal.reason]));
    expect([told.get(300), told.get(301)]).to.deep.equal(['unknown_type', 'missing_reference']);
    const dead: { offset: string }[] = await dataSource.query(
      `SELECT "offset" FROM dbw.parked_events WHERE dead_at IS NOT NULL AND "offset" >= 300 ORDER BY 1`,
    );
    expect(dead.map(({ offset }) => Number(offset))).to.deep.equal([300, 301]);
  });

  it('writes all of a batch or nothing: an event that PostgreSQL refuses stands alone, the others are written', async () => {
    await dataSource.query(`ALTER TABLE users ADD CONSTRAINT no_eve CHECK (username <> 'eve')`);
    const store = new Store(dataSource, tables, processed);
    const names = Array.from({ length: 100 }, (_, i) => (i === 37 || i === 90 ? 'eve' : 'ann'));
    const batch = names.map((name, i) => eventOf(user(`c-${i}`, `c-${i}`, name), i));
    const signal = new AbortController().signal;
    const { written, refused } = await persist(batch, patient(store, signal));
    expect(refused.map(({ event }) => event.id)).to.deep.equal(['c-37', 'c-90']);
    expect(refused[0]?.refusal).to.deep.include({ reason: 'database', code: '23514', path: 'users.no_eve' });
    expect(written.flatMap(({ applied }) => applied)).to.have.lengthOf(98);
    const [ids] = await dataSource.query<unknown[]>(
      `SELECT count(*)::integer AS ids FROM dbw.processed_events WHERE id IN (dbw.event_key('c-37'), dbw.event_key('c-36'))`,
    );
    expect(ids).to.deep.equal({ ids: 1 });
  });
});

describe('backoff', () => {
  it('stays within its bounds', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 600_000 }), fc.integer({ min: 1, max: 1_000 }), (delayMs, attempt) => {
        expect(backoff(delayMs, attempt)).to.be.within(0, 30_000);
      }),
    );
  });
});
