import { expect } from 'chai';
import type { DataSource } from 'typeorm';
import { tables } from '../../src/handlers/index.js';
import { posts } from '../../src/handlers/content.js';
import { users } from '../../src/handlers/users.js';
import { park } from '../../src/postgres/parked.js';
import { Session } from '../../src/postgres/session.js';
import { Keys, type Need } from '../../src/tables/resolve.js';
import type { Table } from '../../src/tables/table.js';
import { AwaitedRows } from '../../src/writing/awaited.js';
import { emptyTables, freshDatabase } from '../support/database.js';
import { envelope, eventOf } from '../support/envelopes.js';

const MANY = 600;

describe('rows that parked events wait for', () => {
  let dataSource: DataSource;
  let awaited: AwaitedRows;
  let offset = 0;
  before(async () => {
    dataSource = await freshDatabase();
    awaited = new AwaitedRows(dataSource, tables.filter(({ isAwaitable }) => isAwaitable)); // prettier-ignore
  });
  after(() => dataSource.destroy());
  beforeEach(() => emptyTables(dataSource, ['users']));

  const waitFor = async (...needs: readonly Need[]) => {
    const waiting = needs.map((need) => ({ need, event: eventOf(envelope('user.deleted', { userId: need.key }), offset++) })); // prettier-ignore
    await Session.with(dataSource, (session) => park(session, waiting));
  };
  const need = (table: Table, key: string): Need => ({ table, key });
  const many = () => Array.from({ length: MANY }, (_, i) => need(users, `lost-${i}`));
  const namesOf = (needs: readonly Need[]) => needs.map(({ table, key }) => `${table.name} ${key}`).sort();
  const there = async (all: boolean) => {
    const found: Need[] = [];
    for await (const some of awaited.there(all)) found.push(...some);
    return namesOf(found);
  };
  const make = async (...userIds: readonly string[]) => {
    for (const id of userIds) await dataSource.query(`INSERT INTO users (user_id, username, email, role, created_at) VALUES ($1, $1, $1, 'creator', now())`, [id]); // prettier-ignore
  };
  function keys(...rows: readonly Need[]): Keys {
    const all = new Keys();
    for (const { table, key } of rows) all.add(table, key);
    return all;
  }

  it('are told from others', async () => {
    await waitFor(need(users, 'ann'), need(users, 'ann'), need(posts, 'p'), need(users, 'lost'));
    const made = keys(need(users, 'ann'), need(users, 'bob'), need(users, 'p'), need(posts, 'p'), need(posts, 'ann'));
    expect(namesOf(await awaited.among(made))).to.deep.equal(['posts p', 'users ann']);
    expect(await awaited.among(keys(need(users, 'bob')))).to.deep.equal([]);
  });

  it('are none, where nothing waits', async () => {
    expect(await awaited.among(keys(need(users, 'ann')))).to.deep.equal([]);
    expect(await there(true)).to.deep.equal([]);
  });

  it('where many events wait are all those of the tables that any waits for', async () => {
    await waitFor(...many(), need(users, 'ann'));
    const made = keys(need(users, 'ann'), need(users, 'bob'), need(posts, 'p'));
    expect(namesOf(await awaited.among(made))).to.deep.equal(['users ann', 'users bob']);
  });

  for (const [title, others] of [
    ['few', []],
    ['many', many()],
  ] as const) {
    it(`are found when they are there, where ${title} events wait`, async () => {
      await waitFor(need(users, 'ann'), need(users, 'bob'), need(posts, 'ann'), ...others);
      await make('ann', 'eve');
      expect(await there(true)).to.deep.equal(['users ann']);
      expect(await there(false)).to.deep.equal(['users ann']);
      await make('bob');
      expect(await there(true)).to.deep.equal(['users ann', 'users bob']);
    });
  }

  it('where many wait for long are looked for when all are', async () => {
    await waitFor(...many(), need(users, 'ann'));
    await dataSource.query(`UPDATE dbw.parked_events SET parked_at = parked_at - interval '1 hour'`);
    await make('ann');
    expect(await there(false)).to.deep.equal([]);
    expect(await there(true)).to.deep.equal(['users ann']);
  });
});
