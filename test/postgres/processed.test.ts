import { expect } from 'chai';
import fc from 'fast-check';
import type { DataSource } from 'typeorm';
import type { Event } from '../../src/event/decode.js';
import { eventKey, ProcessedEvents, type Claimed } from '../../src/postgres/processed.js';
import { Session } from '../../src/postgres/session.js';
import { dayOf, formatTime, now } from '../../src/event/time.js';
import { emptyTables, freshDatabase } from '../support/database.js';
import { envelope, eventOf } from '../support/envelopes.js';
import { until } from '../support/services/until.js';

const DAY = 86_400_000_000;

/** An event of an id, so many days from now, saying something. */
function event(eventId: string, days = 0, bio = ''): Event {
  const timestamp = formatTime(now() + days * DAY);
  return eventOf(envelope('user.updated', { userId: 'ann', updates: { bio } }, { eventId, timestamp }));
}

function idsOf({ fresh, duplicates, collisions }: Claimed) {
  const ids = (events: readonly Event[]) => events.map(({ id }) => id);
  return { fresh: ids(fresh), duplicates: ids(duplicates).sort(), collisions: ids(collisions).sort() };
}

/** The partition of a day. */
function nameOf(day: number): string {
  return `processed_events_${new Date(day * 86_400_000).toISOString().slice(0, 10).replaceAll('-', '')}`;
}

describe('the record of processed events', () => {
  let dataSource: DataSource;
  const processed = new ProcessedEvents();

  before(async () => {
    dataSource = await freshDatabase();
    await processed.maintain(dataSource, 8);
  });
  after(() => dataSource.destroy());
  beforeEach(() => emptyTables(dataSource, ['users']));

  function claim(...events: Event[]): Promise<Claimed> {
    return Session.with(dataSource, (session) => session.transaction(() => processed.claim(session, events)));
  }

  async function partitions(database: DataSource): Promise<string[]> {
    const rows: { name: string }[] = await database.query(
      `SELECT relname AS name FROM pg_inherits JOIN pg_class ON oid = inhrelid WHERE inhparent = 'dbw.processed_events'::regclass ORDER BY 1`,
    );
    return rows.map(({ name }) => name);
  }

  describe('claims', () => {
    it('give events that are new, in their order, and remember them', async () => {
      const events = ['b', 'a', '0b0e7a52-6c7e-4f0e-9d8e-2f1f6d1c9a10', '🦊'].map((id) => event(id));
      expect((await claim(...events)).fresh).to.deep.equal(events);
      expect(idsOf(await claim(...events))).to.deep.equal({
        fresh: [],
        duplicates: events.map(({ id }) => id).sort(),
        collisions: [],
      });
    });

    it('tell the new from the known and from other events under a known id', async () => {
      const known = [event('a'), event('b'), event('c')];
      await claim(...known);
      const mixed = await claim(event('z'), known[0]!, event('b', 0, 'other'), event('y'), known[2]!);
      expect(idsOf(mixed)).to.deep.equal({ fresh: ['z', 'y'], duplicates: ['a', 'c'], collisions: ['b'] });
    });

    it('of one id on another day, or in another spelling of a UUID, are another matter', async () => {
      const uuid = '0b0e7a52-6c7e-4f0e-9d8e-2f1f6d1c9a10';
      await claim(event(uuid));
      expect(idsOf(await claim(event(uuid.toUpperCase()), event(`${uuid} `))).fresh).to.have.length(2);
    });

    it('count only when the transaction commits', async () => {
      const one = event('a');
      const failed = Session.with(dataSource, (session) =>
        session.transaction(async () => {
          expect((await processed.claim(session, [one])).fresh).to.deep.equal([one]);
          throw new Error('rolled back');
        }),
      );
      await failed.catch(() => undefined);
      expect((await claim(one)).fresh).to.deep.equal([one]);
    });

    it('that meet: one waits for the other, and then knows', async () => {
      const events = [event('a'), event('b'), event('c')];
      let first: Claimed | undefined;
      let second: Promise<Claimed> | undefined;
      await Session.with(dataSource, (session) =>
        session.transaction(async () => {
          first = await processed.claim(session, events);
          second = claim(...[...events].reverse());
          const waits = async () => {
            const [{ count }]: [{ count: number }] = await dataSource.query(
              `SELECT count(*)::integer FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
            );
            return count === 1;
          };
          await until('the second to wait', waits, { seconds: 60 });
        }),
      );
      expect(idsOf(first!).fresh).to.have.length(3);
      expect(idsOf(await second!)).to.deep.equal({ fresh: [], duplicates: ['a', 'b', 'c'], collisions: [] });
    });

    it('of the same ids at once by many do not deadlock, and each id goes to one', async () => {
      const ids = Array.from({ length: 200 }, (_, i) => `id-${i}`);
      const orders = [
        ids,
        [...ids].reverse(),
        [...ids].sort(() => 0.5 - Math.random()),
        ids.slice(50),
        ids.slice(0, 150),
      ];
      const claims = await Promise.all(orders.map((order) => claim(...order.map((id) => event(id)))));
      const fresh = claims.flatMap((one) => idsOf(one).fresh);
      expect(fresh.sort()).to.deep.equal([...ids].sort());
    });

    it('are made in the order of their keys, so that two that meet half-way do not wait for each other', async () => {
      const [first, middle, last] = [1, 2, 3].map((n) => event(`00000000-0000-4000-8000-00000000000${n}`));
      const claims: Promise<Claimed>[] = [];
      await Session.with(dataSource, async (session) => {
        const blocked = session.transaction(async () => {
          await processed.claim(session, [middle!]);
          claims.push(claim(first!, middle!, last!), claim(last!, middle!, first!));
          const wait = async () => {
            const [{ count }]: [{ count: number }] = await dataSource.query(
              `SELECT count(*)::integer FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
            );
            return count === 2;
          };
          await until('both to wait', wait, { seconds: 60 });
          throw new Error('rolled back');
        });
        await blocked.catch(() => undefined);
      });
      const [one, other] = await Promise.all(claims);
      expect([...one!.fresh, ...other!.fresh]).to.have.members([first, middle, last]);
    });

    it('of nothing are nothing', async () => {
      expect(idsOf(await claim())).to.deep.equal({ fresh: [], duplicates: [], collisions: [] });
    });
  });

  it('goes to the partition of the event’s own day, and what is older or far ahead to one', async () => {
    const today = dayOf(now());
    const events = [event('now'), event('ago', -3), event('old', -300), event('1', -8)];
    await claim(...events, event('tomorrow', 0.9));
    const rows: { part: string; id: string }[] = await dataSource.query(
      `SELECT relname AS part, encode(uuid_send(id), 'hex') AS id FROM dbw.processed_events p JOIN pg_class c ON c.oid = p.tableoid`,
    );
    const partOf = (id: string) => rows.find((row) => row.id === eventKey(id).toString('hex'))?.part;
    expect(partOf('now')).to.equal(nameOf(today));
    expect(partOf('ago')).to.equal(nameOf(today - 3));
    expect(partOf('1')).to.equal(nameOf(today - 8));
    expect(partOf('old')).to.equal('processed_events_old');
    expect(partOf('tomorrow')).to.match(/^processed_events_\d{8}$/);
    expect(idsOf(await claim(...events)).duplicates).to.have.length(4);
  });

  describe('keeps house', () => {
    it('attaches the days kept and some ahead, once, whoever else does it', async () => {
      const today = dayOf(now());
      const fresh = await freshDatabase();
      try {
        const many = Array.from({ length: 4 }, () => new ProcessedEvents());
        await Promise.all(many.map((one) => one.maintain(fresh, 8)));
        const days = await many[0]!.load(fresh);
        expect([...days].sort()).to.deep.equal(Array.from({ length: 8 + 1 + 3 }, (_, i) => today - 8 + i));
      } finally {
        await fresh.destroy();
      }
    });

    it('drops what is older, whole, and keeps the rest', async () => {
      const today = dayOf(now());
      const database = await freshDatabase();
      const own = new ProcessedEvents();
      const claimed = async (...events: Event[]) =>
        idsOf(await Session.with(database, (session) => session.transaction(() => own.claim(session, events))));
      try {
        await own.maintain(database, 20);
        const [old, kept, ancient] = [event('old', -15), event('kept', -5), event('ancient', -300)];
        await claimed(old, kept, ancient);
        await own.drop(database, 8);
        const left = await partitions(database);
        expect(left)
          .to.include(nameOf(today - 8))
          .and.to.include('processed_events_old');
        expect(left).not.to.include(nameOf(today - 9));
        expect(await claimed(old, kept, ancient)).to.deep.equal({
          fresh: ['old'],
          duplicates: ['ancient', 'kept'],
          collisions: [],
        });
        const tables: unknown[] = await database.query(`SELECT FROM pg_class WHERE relname = '${nameOf(today - 9)}'`);
        expect(tables).to.deep.equal([]);
      } finally {
        await database.destroy();
      }
    });

    it('drops what is older also where several do so at once', async () => {
      const database = await freshDatabase();
      try {
        await new ProcessedEvents().maintain(database, 14);
        await Promise.all(Array.from({ length: 4 }, () => new ProcessedEvents().drop(database, 8)));
        expect((await new ProcessedEvents().load(database)).size).to.equal(12);
      } finally {
        await database.destroy();
      }
    });

    it('makes no day in the past of a record that is there: its ids are among the old ones', async () => {
      const database = await freshDatabase();
      const own = new ProcessedEvents();
      const late = event('late', -15);
      const claimed = () => Session.with(database, (session) => session.transaction(() => own.claim(session, [late])));
      try {
        await own.maintain(database, 8);
        await claimed();
        await own.maintain(database, 30);
        expect((await own.load(database)).size).to.equal(12);
        expect(idsOf(await claimed()).duplicates).to.deep.equal(['late']);
      } finally {
        await database.destroy();
      }
    });

    it('goes on where a drop was cut off half-way', async () => {
      const database = await freshDatabase();
      try {
        const own = new ProcessedEvents();
        await own.maintain(database, 10);
        const name = nameOf(dayOf(now()) - 10);
        // A transaction that has looked at the table keeps the second half of the detaching waiting.
        const reader = database.createQueryRunner();
        await reader.startTransaction();
        await reader.query('SELECT FROM dbw.processed_events');
        const detaching = database.query(`ALTER TABLE dbw.processed_events DETACH PARTITION dbw.${name} CONCURRENTLY`).catch((error: unknown) => error); // prettier-ignore
        const is = async (sql: string) => {
          const rows: unknown[] = await database.query(sql);
          return rows.length === 1;
        };
        await until('the partition to be half detached', () => is('SELECT FROM pg_inherits WHERE inhdetachpending'), { seconds: 60 }); // prettier-ignore
        await until('the detaching to be cancelled', () => is(`SELECT FROM pg_stat_activity WHERE query LIKE 'ALTER TABLE%DETACH%' AND datname = current_database() AND state = 'active' AND pg_cancel_backend(pid)`), { seconds: 60 }); // prettier-ignore
        expect(await detaching).to.have.property('code', '57014');
        await reader.commitTransaction();
        await reader.release();

        await own.drop(database, 8);
        const pending: unknown[] = await database.query('SELECT FROM pg_inherits WHERE inhdetachpending');
        expect(pending).to.deep.equal([]);
        expect(await is(`SELECT FROM pg_class WHERE relname = '${name}'`)).to.equal(false);
      } finally {
        await database.destroy();
      }
    });
  });

  it('knows an id by the key that dbw.event_key() gives', async () => {
    const hex = fc.string({ unit: fc.constantFrom(...Array.from('0123456789abcdef')), minLength: 32, maxLength: 32 });
    const uuid = hex.map((text) => text.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-'));
    const id = fc.oneof(
      uuid,
      uuid.map((text) => text.toUpperCase()),
      // One letter of another case makes another text of it.
      fc
        .tuple(uuid, fc.nat(35))
        .map(([text, i]) => text.slice(0, i) + text.slice(i, i + 1).toUpperCase() + text.slice(i + 1)),
      uuid.map((text) => `${text}\n`),
      uuid.map((text) => ` ${text}`),
      uuid.map((text) => text.replaceAll('-', '')),
      uuid.map((text) => `{${text}}`),
      fc.string({ unit: 'binary', minLength: 1 }).map((text) => text.replaceAll('\0', '0')),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(id, { maxLength: 50 }), async (ids) => {
        const rows: { key: string }[] = await dataSource.query(
          `SELECT encode(uuid_send(dbw.event_key(id)), 'hex') AS key FROM unnest($1::text[]) WITH ORDINALITY AS x (id, n) ORDER BY n`,
          [ids],
        );
        expect(rows.map(({ key }) => key)).to.deep.equal(ids.map((one) => eventKey(one).toString('hex')));
      }),
    );
    expect(eventKey('0b0e7a52-6c7e-4f0e-9d8e-2f1f6d1c9a10').toString('hex')).to.equal(
      '0b0e7a526c7e4f0e9d8e2f1f6d1c9a10',
    );
  });
});
