import { expect } from 'chai';
import fc from 'fast-check';
import { pause } from '../../src/waiting/backoff.js';
import type { Event } from '../../src/event/decode.js';
import { Session } from '../../src/postgres/session.js';
import { EMPTY, post, reply, user } from '../support/people.js';
import { eventOf } from '../support/envelopes.js';
import { expectedTables, type Envelope } from '../support/model.js';
import { readRows } from '../support/rows.js';
import { countStatements } from '../support/statements.js';
import { until } from '../support/until.js';
import { database } from '../support/writer.js';

const events = (envelopes: readonly Envelope[]): Event[] => envelopes.map((envelope, i) => eventOf(envelope, i));
const idsOf = (some: readonly { readonly event: Event }[]) => some.map(({ event }) => event.id).sort();

/** A trigger that does this for each row, and what takes it away. */
function trigger(table: string, body: string, when = 'BEFORE INSERT'): [string, string] {
  return [
    `CREATE FUNCTION obstacle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${body} RETURN NEW; END $$;
     CREATE TRIGGER obstacle ${when} ON ${table} FOR EACH ROW EXECUTE FUNCTION obstacle()`,
    'DROP FUNCTION IF EXISTS obstacle() CASCADE',
  ];
}

/** The same for each statement that inserts, with its rows as `made`. */
function statementTrigger(table: string, body: string): [string, string] {
  return [
    `CREATE FUNCTION obstacle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${body} RETURN NULL; END $$;
     CREATE TRIGGER obstacle AFTER INSERT ON ${table} REFERENCING NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION obstacle()`,
    'DROP FUNCTION IF EXISTS obstacle() CASCADE',
  ];
}

const NO_EVE: [string, string] = [
  `ALTER TABLE users ADD CONSTRAINT no_eve CHECK (username <> 'eve')`,
  'ALTER TABLE users DROP CONSTRAINT no_eve',
];

describe('a batch that PostgreSQL refuses', function () {
  this.timeout(120_000);
  const db = database();

  it('loses one guilty of 1,000; the other 999 are written in one transaction', async () => {
    await db.during(...NO_EVE);
    const writer = db.writer();
    const batch = events(Array.from({ length: 1_000 }, (_, i) => user(`u${i}`, i === 617 ? 'eve' : 'ann')));
    const statements = await countStatements(async () => {
      const { written, refused } = await writer.persist(batch);
      expect(idsOf(refused)).to.deep.equal(['user-u617']);
      expect(refused[0]).to.deep.include({ attempts: 1 });
      expect(refused[0]?.refusal).to.deep.include({ reason: 'database', code: '23514', path: 'users.no_eve' });
      expect(written).to.have.lengthOf(1);
      expect(written[0]?.applied).to.have.lengthOf(999);
    });
    expect(statements).to.be.at.most(90);
    expect(await db.ask('SELECT count(DISTINCT tx)::integer FROM users')).to.equal(1);
    expect(await db.ask('SELECT count(*)::integer FROM users')).to.equal(999);
    expect(await db.ask('SELECT count(*)::integer FROM dbw.processed_events')).to.equal(999);
    expect(writer.retries).to.deep.equal(['data']);
    expect(writer.troubles).to.deep.equal([]);
  });

  it('loses exactly the guilty, in O(k log n) statements, whatever needs what', async () => {
    await db.during(...NO_EVE);
    await db.during(
      `ALTER TABLE posts ADD CONSTRAINT no_evil CHECK (content <> 'evil')`,
      'ALTER TABLE posts DROP CONSTRAINT no_evil',
    );
    const batches = fc
      .record({
        n: fc.integer({ min: 2, max: 250 }),
        k: fc.integer({ min: 1, max: 5 }),
        seeds: fc.array(fc.nat(), { minLength: 255, maxLength: 255 }),
      })
      .map(({ n, k, seeds }) => {
        const bad = new Set(seeds.slice(-k).map((seed) => seed % n));
        const all = Array.from({ length: n }, (_, i) =>
          i % 2 === 0
            ? user(`u${i}`, bad.has(i) ? 'eve' : 'ann')
            : post(`p${i}`, `u${2 * ((seeds[i] ?? 0) % (1 + (n >> 1)))}`, bad.has(i) ? 'evil' : ''),
        );
        // Any order: what comes first may need what comes last.
        const order = all.map((envelope, i) => ({ envelope, bad: bad.has(i), by: seeds[i] ?? 0 }));
        return order.sort((a, b) => a.by - b.by);
      });
    await fc.assert(
      fc.asyncProperty(batches, async (batch) => {
        await db.dataSource.query(EMPTY);
        const model = expectedTables(batch.filter(({ bad }) => !bad).map(({ envelope }) => envelope));
        const orphans = new Set(model.waiting.map(({ eventId }) => eventId));
        // What needs the row of a guilty one waits, and nobody can say of it whether it is guilty too.
        const all = expectedTables(
          batch.filter(({ envelope }) => envelope.data.username !== 'eve').map(({ envelope }) => envelope),
        );
        for (const { eventId } of all.waiting) orphans.add(eventId);
        const guilty = batch.filter(({ bad, envelope }) => bad && !orphans.has(envelope.eventId));
        const writer = db.writer();
        const statements = await countStatements(async () => {
          const { written, refused } = await writer.persist(events(batch.map(({ envelope }) => envelope)));
          expect(idsOf(refused)).to.deep.equal(guilty.map(({ envelope }) => envelope.eventId).sort());
          const waiting = written.flatMap((one) => one.waiting);
          expect(idsOf(waiting)).to.deep.equal([...orphans].sort());
          const applied = written.flatMap((one) => one.applied);
          expect(applied).to.have.lengthOf(batch.length - guilty.length - orphans.size);
          expect(await db.ask('SELECT count(*)::integer FROM dbw.processed_events')).to.equal(applied.length);
        });
        expect(await db.ask('SELECT count(*)::integer FROM dbw.parked_events')).to.equal(orphans.size);
        expect(await readRows(db.dataSource)).to.deep.equal(model.tables);
        const made =
          'SELECT count(DISTINCT tx)::integer FROM (SELECT tx FROM users UNION ALL SELECT tx FROM posts) AS x';
        expect(await db.ask(made)).to.be.at.most(1);
        const k = guilty.length;
        expect(statements, `${k} of ${batch.length}`).to.be.at.most(20 * (k + 1) * (1 + Math.log2(batch.length)));
      }),
      { numRuns: Number(process.env.PROPERTY_RUNS ?? 20) },
    );
  });

  it('loses the second of two that are guilty only together', async () => {
    await db.during('CREATE UNIQUE INDEX one_email ON users (email)', 'DROP INDEX one_email');
    const batch = events(
      ['a', 'b', 'c', 'd'].map((name) => user(name, 'ann', name === 'd' ? 'b@x.org' : `${name}@x.org`)),
    );
    const { written, refused } = await db.writer().persist(batch);
    expect(idsOf(refused)).to.deep.equal(['user-d']);
    expect(refused[0]?.refusal).to.deep.include({ code: '23505', path: 'users.one_email' });
    expect(written[0]?.applied).to.have.lengthOf(3);
  });

  it('loses nothing where only being in one statement was the trouble', async () => {
    await db.during(
      ...statementTrigger(
        'users',
        `IF (SELECT count(*) FROM made WHERE username = 'ann') > 1 THEN RAISE 'two' USING ERRCODE = '22000'; END IF;`,
      ),
    );
    const batch = events(['a', 'b', 'c', 'd'].map((name) => user(name, name === 'a' || name === 'd' ? 'ann' : 'bob')));
    const { written, refused } = await db.writer().persist(batch);
    expect(refused).to.deep.equal([]);
    expect(written[0]?.applied).to.have.lengthOf(4);
    expect(await db.ask('SELECT count(DISTINCT tx)::integer FROM users')).to.equal(1);
  });

  it('is told by a constraint that is checked when the transaction ends, too', async () => {
    await db.during(
      'ALTER TABLE users ADD CONSTRAINT one_email UNIQUE (email) DEFERRABLE INITIALLY DEFERRED',
      'ALTER TABLE users DROP CONSTRAINT one_email',
    );
    const batch = events(['a', 'b', 'c'].map((name) => user(name, 'ann', name === 'a' ? 'a@x.org' : 'b@x.org')));
    const { refused } = await db.writer().persist(batch);
    expect(idsOf(refused)).to.deep.equal(['user-c']);
  });

  it('writes children that come before their parents, across halves', async () => {
    await db.during(...NO_EVE);
    // Each reply needs the one behind it; the guilty stand between them.
    const chain = Array.from({ length: 40 }, (_, i) => reply(`c${i}`, 'p', 'u', i === 39 ? undefined : `c${i + 1}`));
    const batch = [...chain, post('p', 'u'), user('u', 'ann')];
    for (const at of [3, 11, 24, 37]) batch.splice(at, 0, user(`bad${at}`, 'eve'));
    const { written, refused } = await db.writer().persist(events(batch));
    expect(refused).to.have.lengthOf(4);
    expect(written.flatMap(({ waiting }) => waiting)).to.deep.equal([]);
    expect(await db.ask('SELECT count(*)::integer FROM comments')).to.equal(40);
    expect(await db.ask('SELECT comment_count FROM posts')).to.equal(40);
  });

  it('leaves collisions out that others counted on', async () => {
    await db.during(...NO_EVE);
    const writer = db.writer();
    await writer.persist(events([user('known', 'ann')]));
    const batch = [
      post('p', 'other'), // waits for what the collision would have made
      { ...user('other', 'ann'), eventId: 'user-known' },
      user('bad', 'eve'),
      user('good', 'ann'),
    ];
    const { written, refused } = await writer.persist(events(batch));
    expect(idsOf(refused)).to.deep.equal(['user-bad']);
    const [one] = written;
    expect(one?.collisions.map(({ id }) => id)).to.deep.equal(['user-known']);
    expect(idsOf(one?.waiting ?? [])).to.deep.equal(['post-p']);
    expect(one?.applied.map(({ id }) => id)).to.deep.equal(['user-good']);
    expect(await db.ask('SELECT count(*)::integer FROM dbw.processed_events')).to.equal(2);
  });

  it('claims neither what is refused nor what is only parked', async () => {
    await db.during(...NO_EVE);
    const batch = [user('bad', 'eve'), user('good', 'ann'), post('p', 'nobody')];
    const { written, refused } = await db.writer().persist(events(batch));
    expect(idsOf(refused)).to.deep.equal(['user-bad']);
    expect(idsOf(written[0]?.waiting ?? [])).to.deep.equal(['post-p']);
    const claimed = `SELECT count(*)::integer FROM dbw.processed_events WHERE id`;
    expect(await db.ask(`${claimed} IN (dbw.event_key('user-bad'), dbw.event_key('post-p'))`)).to.equal(0);
    expect(await db.ask(`${claimed} = dbw.event_key('user-good')`)).to.equal(1);
  });

  it('believes in no row that was not committed', async () => {
    const [make, drop] = trigger(
      'users',
      `IF NEW.username = 'eve' THEN RAISE 'bad' USING ERRCODE = '22000'; END IF;
       IF NEW.username = 'busy' THEN RAISE 'busy' USING ERRCODE = '40001'; END IF;`,
    );
    await db.during(make, drop);
    const { store } = db.writer();
    const batch = events([user('u', 'ann'), user('bad', 'eve'), post('p', 'u'), user('last', 'busy')]);
    const error: unknown = await store.isolate(batch).catch((thrown: unknown) => thrown);
    expect(error).to.have.property('code', '40001');
    const { waiting, applied } = await store.write(batch.slice(2, 3));
    expect(applied).to.deep.equal([]);
    expect(idsOf(waiting)).to.deep.equal(['post-p']);
  });

  it('believes in no row that a transaction saw and did not commit', async () => {
    const { store } = db.writer();
    const [event, other] = events([post('p', 'u'), user('other', 'ann')]);
    if (!event || !other) throw new Error('no event');
    await store.write([other]); // from now on the store knows the database, and believes what it learns of it
    const undone = Session.with(db.dataSource, (session) =>
      session.transaction(async () => {
        await session.query(`INSERT INTO users (user_id, username, email, role, created_at)
          VALUES ('u', '', '', 'creator', now())`);
        const { applicable } = await store.resolver.resolve(session, [event]);
        throw new Error(`${applicable.length} can be written`);
      }),
    );
    expect(await undone.catch((error: unknown) => error)).to.have.property('message', '1 can be written');
    expect(idsOf((await store.write([event])).waiting)).to.deep.equal(['post-p']);
  });
});

describe('an event that breaks our own code', () => {
  const db = database();
  const broken = {
    'when its changes are looked at': (event: Event): Event =>
      Object.defineProperty({ ...event }, 'changes', {
        get: () => {
          throw new TypeError('secret');
        },
      }),
    'when they are folded': (event: Event): Event => ({
      ...event,
      changes: event.changes.map((change) => ({
        ...change,
        row: Object.defineProperty({ ...change.row }, 'created_at', {
          enumerable: true,
          get: () => {
            throw new RangeError('secret');
          },
        }),
      })),
    }),
  };

  for (const [when, breaking] of Object.entries(broken)) {
    it(`${when} is refused at once, loudly, and alone`, async () => {
      const writer = db.writer();
      const batch = events(Array.from({ length: 20 }, (_, i) => user(`u${i}`, 'ann'))).map((event, i) =>
        i === 13 ? breaking(event) : event,
      );
      const { written, refused } = await writer.persist(batch);
      expect(idsOf(refused)).to.deep.equal(['user-u13']);
      expect(refused[0]).to.deep.include({ attempts: 1 });
      expect(refused[0]?.refusal).to.deep.include({ reason: 'bug' });
      expect(refused[0]?.refusal.code).to.match(/^(Type|Range)Error$/);
      expect(written.flatMap(({ applied }) => applied)).to.have.lengthOf(19);
      expect(writer.said('error')).to.have.lengthOf(1);
      expect(JSON.stringify([writer.lines, refused[0]?.refusal])).not.to.contain('secret');
    });
  }
});

describe('a row that is not there', () => {
  const db = database();

  it('though we believed in it, is waited for', async () => {
    const writer = db.writer();
    await writer.persist(events([user('u', 'ann')]));
    await db.dataSource.query('DELETE FROM users');
    const { written, refused } = await writer.persist(events([post('p', 'u'), user('v', 'ann')]));
    expect(refused).to.deep.equal([]);
    expect(idsOf(written.flatMap(({ waiting }) => waiting))).to.deep.equal(['post-p']);
    expect(writer.retries).to.deep.equal(['dependency']);
  });

  it('of a foreign key that is none of ours, is a reason to refuse', async () => {
    await db.during('CREATE TABLE words (word text PRIMARY KEY)', 'DROP TABLE words CASCADE');
    await db.dataSource.query(`INSERT INTO words VALUES ('good')`);
    await db.dataSource.query('ALTER TABLE posts ADD CONSTRAINT known_word FOREIGN KEY (content) REFERENCES words');
    const batch = [user('u', 'ann'), post('p', 'u', 'good'), post('q', 'u', 'bad')];
    const { written, refused } = await db.writer().persist(events(batch));
    expect(idsOf(refused)).to.deep.equal(['post-q']);
    expect(refused[0]?.refusal).to.deep.include({ reason: 'database', code: '23503', path: 'posts.known_word' });
    expect(written.flatMap(({ applied }) => applied)).to.have.lengthOf(2);
  });
});

describe('what fails for an unknown reason', function () {
  this.timeout(60_000);
  const db = database();
  const [refuseEve, dropTrigger] = trigger(
    'users',
    `PERFORM nextval('tries'); IF NEW.username = 'eve' THEN RAISE 'not % again', NEW.username; END IF;`,
  );

  beforeEach(async () => {
    await db.during('CREATE SEQUENCE tries', 'DROP SEQUENCE tries');
    await db.during(refuseEve, dropTrigger);
  });

  for (const exponential of [true, false]) {
    it(`in one event is the event's: tried as often as configured, ${exponential ? 'less and less often' : 'evenly'}`, async () => {
      const writer = db.writer();
      const start = Date.now();
      const batch = events([user('a', 'ann'), user('e', 'eve'), user('b', 'ann')]);
      const { written, refused } = await writer.persist(batch, { attempts: 4, delayMs: 60, exponential });
      expect(refused).to.have.lengthOf(1);
      expect(refused[0]).to.deep.include({ attempts: 4 });
      expect(refused[0]?.refusal).to.deep.include({ reason: 'database', code: 'P0001', eventId: 'user-e' });
      expect(written.flatMap(({ applied }) => applied)).to.have.lengthOf(2);
      expect(Date.now() - start).to.be.at.least((exponential ? 15 : 4) * 60 - 4);
      // Isolating it is one, and four alone; before each try there is word of the failure before.
      expect(writer.retries).to.deep.equal(Array.from({ length: 5 }, () => 'unknown'));
      expect(JSON.stringify([writer.lines, refused[0]?.refusal])).not.to.contain('again');
    });
  }

  it('waits between tries as configured', () => {
    expect([1, 2, 3, 4].map((n) => pause(1_000, n, true))).to.deep.equal([1_000, 2_000, 4_000, 8_000]);
    expect([1, 2, 3, 4].map((n) => pause(1_000, n, false))).to.deep.equal([1_000, 1_000, 1_000, 1_000]);
  });

  it('in one event keeps no other from being written', async () => {
    const writer = db.writer();
    const stop = new AbortController();
    const batch = events([user('a', 'ann'), user('e', 'eve'), user('b', 'ann')]);
    const work = writer.persist(batch, { delayMs: 600_000 }, stop.signal).catch((error: unknown) => error);
    await until(async () => (await db.ask('SELECT count(*)::integer FROM users')) === 2);
    stop.abort();
    expect(await work).to.have.property('code', 'P0001');
  });

  it("in every event is no event's: it waits until the database is well", async () => {
    await db.during(
      ...(trigger('posts', `RAISE 'never';`).map((sql) => sql.replaceAll('obstacle', 'second')) as [string, string]),
    );
    const writer = db.writer();
    await writer.persist(events([user('u', 'ann')]));
    const batch = events(Array.from({ length: 8 }, (_, i) => post(`p${i}`, 'u')));
    const work = writer.persist(batch, { attempts: 1 });
    await until(() => writer.retries.length > 10);
    expect(writer.troubles).to.have.lengthOf(1);
    expect(writer.troubles[0]).to.include({ class: 'systemic' });
    expect(writer.troubles[0]?.reason).to.contain('P0001');
    await db.dataSource.query('DROP FUNCTION second() CASCADE');
    const { written, refused } = await work;
    expect(refused).to.deep.equal([]);
    expect(written.flatMap(({ applied }) => applied)).to.have.lengthOf(8);
    expect(writer.troubles.slice(1)).to.deep.equal([undefined]);
    expect(writer.said('error')).to.have.lengthOf(1);
    expect(writer.said('warn')).to.deep.equal([]);
    expect(writer.said('info')).to.deep.equal(['PostgreSQL takes events again']);
  });

  it("in a batch of one is the event's as soon as another writer has written", async () => {
    const writer = db.writer();
    const work = writer.persist(events([user('e', 'eve')]), { systemicMs: 600_000 });
    await until(() => writer.troubles.length === 1);
    await writer.persist(events([user('a', 'ann')]));
    const { refused } = await work;
    expect(refused).to.have.lengthOf(1);
    expect(refused[0]).to.deep.include({ attempts: 3 });
  });
});

describe("what is no event's fault", function () {
  this.timeout(60_000);
  const db = database();

  it('is one trouble for all writers, and over for all when it is for one', async () => {
    await db.during('ALTER TABLE users RENAME TO people', 'ALTER TABLE IF EXISTS people RENAME TO users');
    const writer = db.writer();
    const batches = [user('a', 'ann'), user('b', 'ann')].map((envelope) => events([envelope]));
    const [quick, slow] = batches.map((batch, i) => writer.persist(batch, { systemicMs: i === 0 ? 1 : 600_000 }));
    await until(() => writer.retries.length > 5);
    await db.dataSource.query('ALTER TABLE people RENAME TO users');
    const results = await Promise.all([quick, slow]);
    expect(results.flatMap((result) => result?.refused ?? [])).to.deep.equal([]);
    expect(await db.ask('SELECT count(*)::integer FROM users')).to.equal(2);
    expect(writer.troubles.map((trouble) => trouble?.class)).to.deep.equal(['systemic', undefined]);
    expect(writer.said('error')).to.have.lengthOf(1);
    expect(writer.said('info')).to.have.lengthOf(1);
  });

  it('is told with the first error when the process is to end', async () => {
    await db.during('ALTER TABLE users RENAME TO people', 'ALTER TABLE people RENAME TO users');
    const writer = db.writer();
    const stop = new AbortController();
    const work = writer.persist(events([user('a', 'ann')]), { systemicMs: 600_000 }, stop.signal);
    await until(() => writer.troubles.length === 1);
    stop.abort();
    const error: unknown = await work.catch((thrown: unknown) => thrown);
    expect(error).to.have.property('code', '42P01');
    expect(writer.store.condition.trouble).to.equal(undefined);
  });

  it('of the moment is tried again until it passes, and is no trouble the first time', async () => {
    const busy = `IF nextval('tries') < 3 THEN RAISE 'busy' USING ERRCODE = '40001'; END IF;`;
    await db.during('CREATE SEQUENCE tries', 'DROP SEQUENCE tries');
    await db.during(...trigger('users', busy));
    const writer = db.writer();
    const { written } = await writer.persist(events([user('a', 'ann')]), { attempts: 1 });
    expect(written[0]?.applied).to.have.lengthOf(1);
    expect(writer.retries).to.deep.equal(['transient', 'transient']);
    expect(writer.troubles.map((trouble) => trouble?.class)).to.deep.equal(['transient', undefined]);

    const another = db.writer();
    await db.dataSource.query(`SELECT setval('tries', 1)`);
    await another.persist(events([user('b', 'ann')]));
    expect(another.retries).to.deep.equal(['transient']);
    expect(another.troubles).to.deep.equal([]);
  });

  it('but too much for one statement, is halved', async () => {
    const many = `IF (SELECT count(*) FROM made) > 10 THEN RAISE 'slow' USING ERRCODE = '57014'; END IF;`;
    await db.during(...statementTrigger('users', many));
    const batch = events(Array.from({ length: 100 }, (_, i) => user(`u${i}`, 'ann')));
    const { written, refused } = await db.writer().persist(batch);
    expect(refused).to.deep.equal([]);
    expect(written).to.have.lengthOf(1);
    expect(written[0]?.applied).to.have.lengthOf(100);
  });

  it('but too much even alone, is of the moment; the others are written', async () => {
    await db.during(...trigger('users', `IF NEW.username = 'eve' THEN RAISE 'slow' USING ERRCODE = '57014'; END IF;`));
    const writer = db.writer();
    const batch = events([user('e', 'eve'), ...Array.from({ length: 9 }, (_, i) => user(`u${i}`, 'ann'))]);
    const work = writer.persist(batch, { attempts: 1 });
    await until(() => writer.retries.length > 6);
    expect(await db.ask('SELECT count(*)::integer FROM users')).to.equal(9);
    await db.dataSource.query('DROP FUNCTION obstacle() CASCADE');
    const { written, refused } = await work;
    expect(refused).to.deep.equal([]);
    expect(written.flatMap(({ applied }) => applied)).to.have.lengthOf(10);
  });
});
