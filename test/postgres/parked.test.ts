import { expect } from 'chai';
import type { DataSource } from 'typeorm';
import type { Event } from '../../src/event/decode.js';
import { posts } from '../../src/handlers/content.js';
import { users } from '../../src/handlers/users.js';
import type { Message } from '../../src/event/message.js';
import * as parking from '../../src/postgres/parked.js';
import { Session } from '../../src/postgres/session.js';
import type { Need, Waiting } from '../../src/tables/resolve.js';
import type { Table } from '../../src/tables/table.js';
import { emptyTables, freshDatabase } from '../support/database.js';
import { envelope, eventOf } from '../support/envelopes.js';

let offset = 0;

/** An event that waits for a row, its message as given. */
function waiting(need: Need, message: Partial<Message> = {}): Waiting {
  const event = eventOf(envelope('user.deleted', { userId: need.key }), offset++);
  return { need, event: { ...event, message: { ...event.message, ...message } } };
}

const needs = (table: Table, keys: readonly string[]) => keys.map((key): Need => ({ table, key }));
const forUser = (key: string, message?: Partial<Message>) => waiting({ table: users, key }, message);

describe('parked events', () => {
  let dataSource: DataSource;
  before(async () => {
    dataSource = await freshDatabase();
  });
  after(() => dataSource.destroy());
  beforeEach(() => emptyTables(dataSource, ['users']));

  function run<T>(work: (session: Session) => Promise<T>): Promise<T> {
    return Session.with(dataSource, work);
  }
  const park = (...list: Waiting[]) => run((session) => parking.park(session, list));
  const locked = (keys: string[], limit = 100) =>
    run((session) => parking.lockWaitingFor(session, needs(users, keys), limit));
  const offsets = (list: readonly parking.Parked[]) => list.map(({ message }) => message.offset);
  const offsetsOf = (list: readonly Waiting[]) => list.map(({ event }) => event.message.offset);
  const awaited = (after = '', recentMs?: number, limit = 100) => run((session) => parking.awaited(session, 'users', after, recentMs, limit)); // prettier-ignore

  it('hold their message whole', async () => {
    const message: Message = {
      topic: 'staging.user.deleted',
      partition: 2_147_483_647,
      offset: 9_007_199_254_740_990,
      key: Buffer.from([0, 255, 128]),
      value: Buffer.from([0xff, 0x00, 0xfe]),
      headers: [
        ['twice', Buffer.from('a')],
        ['null', null],
        ['twice', Buffer.from([0, 255])],
        ['empty', Buffer.alloc(0)],
        ['名前 "\\', Buffer.from('x')],
      ],
      timestamp: 1_714_521_600_123,
    };
    const one = forUser('ann', message);
    await park(one);
    const parked = await locked(['ann']);
    expect(parked).to.have.length(1);
    expect(parked[0]).to.deep.include({ message, attempts: 1, waitTable: 'users', waitKey: 'ann' });
    const [row]: Record<string, unknown>[] = await dataSource.query(
      'SELECT event_id, event_type, dead_at FROM dbw.parked_events',
    );
    expect(row).to.deep.equal({ event_id: one.event.id, event_type: 'user.deleted', dead_at: null });
  });

  it('may have no key, no headers, an empty value, and a time before 1970', async () => {
    await park(forUser('ann', { key: null, headers: [], value: Buffer.alloc(0), timestamp: -1 }), forUser('bob', { key: Buffer.alloc(0) })); // prettier-ignore
    const [ann] = await locked(['ann']);
    expect(ann?.message).to.deep.include({ key: null, headers: [], value: Buffer.alloc(0), timestamp: -1 });
    expect((await locked(['bob']))[0]?.message.key).to.deep.equal(Buffer.alloc(0));
  });

  it('may have headers whose names hold anything', async () => {
    const headers: Message['headers'] = [['a\0b', Buffer.from('x')]];
    await park(forUser('ann', { headers }));
    expect((await locked(['ann']))[0]?.message.headers).to.deep.equal(headers);
  });

  it('stay as they are when they are parked again', async () => {
    const one = forUser('ann');
    await park(one);
    await run((session) => parking.repark(session, [one]));
    await park({ ...one, need: { table: users, key: 'bob' } }, forUser('cat'));
    expect((await locked(['ann']))[0]).to.deep.include({ attempts: 2 });
    expect(await awaited()).to.deep.equal(['ann', 'cat']);
  });

  it('are taken out, those and no others', async () => {
    const list = [forUser('ann'), forUser('ann'), forUser('bob')];
    await park(...list);
    await run((session) => parking.unpark(session, [list[0]!.event, list[2]!.event, forUser('none').event]));
    await run((session) => parking.unpark(session, []));
    expect(offsets(await locked(['ann', 'bob']))).to.deep.equal(offsetsOf([list[1]!]));
  });

  it('wait for another row, once tried in vain', async () => {
    const [one, other] = [forUser('ann'), forUser('ann')];
    await park(one, other);
    await run((session) => parking.repark(session, [{ ...one, need: { table: posts, key: 'p' } }]));
    await run((session) => parking.repark(session, []));
    expect(offsets(await locked(['ann']))).to.deep.equal(offsetsOf([other]));
    const [moved] = await run((session) => parking.lockWaitingFor(session, needs(posts, ['p']), 10));
    expect(moved).to.deep.include({ attempts: 2, waitTable: 'posts', waitKey: 'p' });
  });

  it('are found by what they wait for, in the order of the log, a limited number', async () => {
    const list = [forUser('bob'), forUser('ann'), forUser('🦊'), forUser('ann'), waiting({ table: posts, key: 'ann' })];
    await park(...[...list].reverse());
    expect(offsets(await locked(['ann', '🦊', 'nobody']))).to.deep.equal(offsetsOf([list[1]!, list[2]!, list[3]!]));
    expect(offsets(await locked(['ann', '🦊'], 2))).to.deep.equal(offsetsOf([list[1]!, list[2]!]));
    expect(await locked([])).to.deep.equal([]);
    const both = [...needs(users, ['ann']), ...needs(posts, ['ann', 'bob'])];
    expect(offsets(await run((session) => parking.lockWaitingFor(session, both, 100)))).to.deep.equal(
      offsetsOf([list[1]!, list[3]!, list[4]!]),
    );
  });

  it('that one transaction has are left to it', async () => {
    const list = [forUser('ann'), forUser('ann'), forUser('ann')];
    await park(...list);
    await run((session) =>
      session.transaction(async () => {
        expect(offsets(await parking.lockWaitingFor(session, needs(users, ['ann']), 2))).to.deep.equal(
          offsetsOf(list.slice(0, 2)),
        );
        expect(offsets(await locked(['ann']))).to.deep.equal(offsetsOf(list.slice(2)));
        expect(offsets(await run((other) => parking.lockDue(other, 'users', 0, 10)))).to.deep.equal(
          offsetsOf(list.slice(2)),
        );
      }),
    );
    expect(await locked(['ann'])).to.have.length(3);
  });

  describe('that have waited long enough', () => {
    /** Parks events as if it had been so many minutes ago. */
    async function parkedAgo(minutes: number, ...list: Waiting[]): Promise<void> {
      await park(...list);
      await dataSource.query(`UPDATE dbw.parked_events SET parked_at = clock_timestamp() - $1 * interval '1 minute' WHERE "offset" = ANY($2::bigint[])`, [minutes, offsetsOf(list)]); // prettier-ignore
    }
    const due = (minutes: number, limit = 10) =>
      run((session) => parking.lockDue(session, 'users', minutes * 60_000, limit));

    it('are due, the longest waiting first', async () => {
      const [young, old, older] = [forUser('ann'), forUser('bob'), forUser('cat')];
      await parkedAgo(5, young);
      await parkedAgo(20, old);
      await parkedAgo(30, older, waiting({ table: posts, key: 'p' }));
      expect(offsets(await due(15))).to.deep.equal(offsetsOf([older, old]));
      expect(offsets(await due(15, 1))).to.deep.equal(offsetsOf([older]));
      expect(await due(60)).to.deep.equal([]);
      expect(await due(0)).to.have.length(3);
    });

    it('are dead once and for all, and still found when their row comes', async () => {
      const list = [forUser('ann'), forUser('bob')];
      await parkedAgo(20, ...list);
      const [first] = await due(15, 1);
      await run((session) => parking.markDead(session, [first!]));
      const rest = await due(15);
      expect(rest).to.have.length(1);
      expect(rest[0]!.message.offset).not.to.equal(first!.message.offset);
      expect(await locked(['ann', 'bob'])).to.have.length(2);
    });

    it('are counted, the dead apart', async () => {
      expect(await run(parking.countParked)).to.deep.equal({ waiting: 0, dead: 0, oldestMs: 0 });
      await parkedAgo(60, forUser('ann'));
      await parkedAgo(20, forUser('bob'), forUser('cat'));
      const [first] = await due(50, 1);
      await run((session) => parking.markDead(session, [first!]));
      const { waiting: count, dead, oldestMs } = await run(parking.countParked);
      expect([count, dead]).to.deep.equal([2, 1]);
      expect(oldestMs).to.be.within(20 * 60_000, 50 * 60_000);
    });

    it('are not among the recent', async () => {
      await parkedAgo(20, forUser('ann'));
      await park(forUser('bob'));
      expect(await awaited('', 600_000)).to.deep.equal(['bob']);
      expect(await awaited()).to.deep.equal(['ann', 'bob']);
    });
  });

  it('are awaited page by page, each row once, in the order of code points', async () => {
    const keys = ['a', 'B', 'é', '\ufffd', '🦊', 'a b'];
    await park(...keys.map((key) => forUser(key)), forUser('a'), waiting({ table: posts, key: 'p' }));
    const expected = ['B', 'a', 'a b', 'é', '\ufffd', '🦊'];
    expect(await awaited()).to.deep.equal(expected);
    const pages: string[] = [];
    for (let page = await awaited('', undefined, 2); page.length > 0; page = await awaited(page.at(-1), undefined, 2)) {
      pages.push(...page);
    }
    expect(pages).to.deep.equal(expected);
  });

  it('in their thousands go in one statement', async () => {
    const list = Array.from({ length: 5_000 }, (_, i) => forUser(`user-${i % 50}`));
    await park(...list);
    const events: Event[] = list.map(({ event }) => event);
    expect((await run(parking.countParked)).waiting).to.equal(5_000);
    await run((session) => parking.unpark(session, events));
    expect((await run(parking.countParked)).waiting).to.equal(0);
  });
});
