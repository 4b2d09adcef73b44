import { expect } from 'chai';
import type { DataSource } from 'typeorm';
import { posts } from '../../src/handlers/content.js';
import { tables } from '../../src/handlers/index.js';
import { messages } from '../../src/handlers/messages.js';
import { transactions, wallets } from '../../src/handlers/payments.js';
import { follows, users } from '../../src/handlers/users.js';
import { Session } from '../../src/postgres/session.js';
import { existing, insertRows, putRows, statement, updateRows, type Statement } from '../../src/postgres/statements.js';
import type { Row } from '../../src/tables/table.js';
import { versionOf } from '../../src/event/version.js';
import { emptyTables, freshDatabase } from '../support/database.js';
import { readRows } from '../support/rows.js';

const T = 1_714_521_600_000_000;
const user = (user_id: string, more: Row = {}): Row => ({ user_id, username: user_id, email: 'e', role: 'creator', created_at: T, ...more }); // prettier-ignore
const post = (post_id: string, more: Row = {}): Row => ({ post_id, author_id: 'ann', content: 'c', media_urls: [], visibility: 'public', created_at: T, ...more }); // prettier-ignore

describe('statements', () => {
  let dataSource: DataSource;
  before(async () => {
    dataSource = await freshDatabase();
  });
  after(() => dataSource.destroy());
  beforeEach(() => emptyTables(dataSource, tables.map(({ name }) => name))); // prettier-ignore

  function run(what: Statement) {
    return Session.with(dataSource, (session) => session.run(what));
  }

  async function row(table: string, key: string): Promise<Record<string, unknown> | undefined> {
    return (await readRows(dataSource)).get(table)?.get(key);
  }

  it('of one text have one name, so that they are prepared once', () => {
    const [one, same, other] = [statement('SELECT 1', [1]), statement('SELECT 1', [2]), statement('SELECT 2', [])];
    expect(one.name).to.equal(same.name);
    expect(one.name).not.to.equal(other.name);
    expect(insertRows(users, [user('a')]).name).to.equal(insertRows(users, [user('b'), user('c')]).name);
  });

  it('of few rows name every column, so that there are few of them; of many rows those that some row names', () => {
    const many = (more: Row) => Array.from({ length: 200 }, (_, i) => user(String(i), more));
    expect(insertRows(users, [user('a')]).name).to.equal(insertRows(users, [user('a', { bio: 'x' })]).name);
    expect(insertRows(users, many({})).name).not.to.equal(insertRows(users, many({ bio: 'x' })).name);
    const change = (more: Row): Row => ({ user_id: 'a', ...more });
    const [bio, city] = [change({ bio: 'x', bio_v: 'v' }), change({ city: 'x', city_v: 'v' })];
    expect(updateRows(users, [bio]).name).to.equal(updateRows(users, [city]).name);
    const often = (row: Row) => Array.from({ length: 200 }, () => row);
    expect(updateRows(users, often(bio)).name).not.to.equal(updateRows(users, often(city)).name);
  });

  it('insert rows, and say which keys were new', async () => {
    expect((await run(insertRows(users, [user('a'), user('b')]))).rows).to.deep.equal([['a'], ['b']]);
    const again = await run(insertRows(users, [user('a', { bio: 'other' }), user('c')]));
    expect([again.count, again.rows]).to.deep.equal([1, [['c']]]);
    expect(await row('users', 'a')).to.deep.include({ bio: null });
    await run(insertRows(users, [user('ann'), user('bob')]));
    const pair = { follower_id: 'ann', followed_id: 'bob', active: true, changed_at: T, version: 'v' };
    expect((await run(insertRows(follows, [pair]))).rows).to.deep.equal([['ann', 'bob']]);
  });

  it('insert defaults where a row says nothing, beside rows that do', async () => {
    await run(
      insertRows(users, [user('ann', { email_verified: true }), user('bob'), user('cat', { email_verified: null })]),
    );
    for (const [key, verified] of [['ann', true], ['bob', false], ['cat', false]] as const) {
      expect(await row('users', key)).to.deep.include({ email_verified: verified });
    } // prettier-ignore
    await run(insertRows(posts, [post('p', { media_urls: undefined }), post('q', { price: '1.50', tags: ['x'] })]));
    expect(await row('posts', 'p')).to.deep.include({ media_urls: [], price: null, tags: null, like_count: 0 });
    expect(await row('posts', 'q')).to.deep.include({ price: '1.50', tags: ['x'] });
  });

  it('put whole rows where they are later, and not otherwise', async () => {
    await run(insertRows(users, [user('ann'), user('bob')]));
    const wallet = (user_id: string, balance: string, version: string, more: Row = {}) => ({ user_id, balance, updated_at: T, version, ...more }); // prettier-ignore
    await run(putRows(wallets, [wallet('ann', '1.00', '2', { pending_balance: '7.00' }), wallet('bob', '1.00', '5')]));
    await run(putRows(wallets, [wallet('ann', '-2.50', '3'), wallet('bob', '2.00', '4')]));
    expect(await row('wallets', 'ann')).to.deep.include({ balance: '-2.50', pending_balance: '0.00' });
    expect(await row('wallets', 'bob')).to.deep.include({ balance: '1.00' });
    await run(putRows(wallets, [wallet('ann', '9.00', '3')]));
    expect(await row('wallets', 'ann')).to.deep.include({ balance: '-2.50' });
    await run(putRows(wallets, [wallet('ann', '9.00', '3'), wallet('bob', '9.00', '4')], true));
    expect(await row('wallets', 'ann')).to.deep.include({ balance: '9.00' });
    expect(await row('wallets', 'bob')).to.deep.include({ balance: '1.00' });
  });

  it('update per column where the change is later, row by row', async () => {
    await run(insertRows(users, [user('ann', { bio: 'b', city: 'c' }), user('bob', { bio: 'b', city: 'c' })]));
    const [old, later] = [versionOf(T, 'a'), versionOf(T + 1, 'a')];
    await run(updateRows(users, [{ user_id: 'ann', bio: null, bio_v: later }, { user_id: 'bob', city: 'new', city_v: old }])); // prettier-ignore
    expect(await row('users', 'ann')).to.deep.include({ bio: null, city: 'c' });
    expect(await row('users', 'bob')).to.deep.include({ bio: 'b', city: 'new' });
    const second = [{ user_id: 'ann', bio: 'old', bio_v: old }, { user_id: 'bob', city: 'newer', city_v: later, bio: '', bio_v: old }]; // prettier-ignore
    const { count } = await run(updateRows(users, second));
    expect(count).to.equal(1);
    expect(await row('users', 'ann')).to.deep.include({ bio: null });
    expect(await row('users', 'bob')).to.deep.include({ bio: '', city: 'newer' });
    expect((await run(updateRows(users, second))).count).to.equal(0);
  });

  it('compare versions by code point', async () => {
    await run(insertRows(users, [user('ann')]));
    const bio = (text: string, id: string) =>
      run(updateRows(users, [{ user_id: 'ann', bio: text, bio_v: versionOf(T, id) }]));
    await bio('lower', 'b');
    await bio('upper', 'B');
    expect(await row('users', 'ann')).to.deep.include({ bio: 'lower' });
    await bio('mark', '\ufffd');
    await bio('fox', '🦊');
    await bio('mark', '\ufffe');
    expect(await row('users', 'ann')).to.deep.include({ bio: 'fox' });
  });

  it('set columns that share a version together', async () => {
    await run(insertRows(users, [user('ann')]));
    await run(
      insertRows(transactions, [{ transaction_id: 't', user_id: 'ann', type: 'TIP', amount: '5.00', completed_at: T }]),
    );
    await run(
      updateRows(transactions, [
        { transaction_id: 't', status: 'refunded', refunded_amount: '2.00', refunded_at: T, refund_v: '2' },
      ]),
    );
    await run(updateRows(transactions, [{ transaction_id: 't', status: 'refunded', refunded_amount: '1.00', refunded_at: T - 1, refund_v: '1', refund_reason: 'r', refund_reason_v: '1' }])); // prettier-ignore
    expect(await row('transactions', 't')).to.deep.include({
      refunded_amount: '2.00',
      refund_reason: 'r',
      status: 'refunded',
    });
  });

  it('keep the greatest and the least of times', async () => {
    await run(insertRows(users, [user('ann'), user('bob')]));
    const deleted = async (deleted_at: number) =>
      (await run(updateRows(users, [{ user_id: 'ann', deleted_at }]))).count;
    expect([await deleted(T), await deleted(T - 1), await deleted(T), await deleted(T + 1)]).to.deep.equal([
      1, 0, 0, 1,
    ]);
    expect(await row('users', 'ann')).to.deep.include({ deleted_at: '2024-05-01T00:00:00.000001Z' });
    expect(await row('users', 'bob')).to.deep.include({ deleted_at: null });
    await dataSource.query(`INSERT INTO conversations VALUES ('c', 'ann', 'bob', now(), 0, now(), now())`);
    await run(
      insertRows(messages, [{ message_id: 'm', conversation_id: 'c', sender_id: 'ann', content: '', created_at: T }]),
    );
    const read = async (read_at: number) => (await run(updateRows(messages, [{ message_id: 'm', read_at }]))).count;
    expect([await read(T), await read(T + 1), await read(T), await read(T - 1)]).to.deep.equal([1, 0, 0, 1]);
    expect(await row('messages', 'm')).to.deep.include({ read_at: '2024-04-30T23:59:59.999999Z' });
  });

  it('move counters by what they are told, each row by its own', async () => {
    await run(insertRows(users, [user('ann')]));
    await run(insertRows(posts, [post('p'), post('q'), post('r')]));
    const { count } = await run(updateRows(posts, [{ post_id: 'p', like_count: 3 }, { post_id: 'q', like_count: 0 }, { post_id: 'r', comment_count: 1 }])); // prettier-ignore
    expect(count).to.equal(2);
    await run(updateRows(posts, [{ post_id: 'p', like_count: -1, comment_count: 2 }]));
    expect(await row('posts', 'p')).to.deep.include({ like_count: 2, comment_count: 2 });
    expect(await row('posts', 'q')).to.deep.include({ like_count: 0, comment_count: 0 });
    expect(await row('posts', 'r')).to.deep.include({ like_count: 0, comment_count: 1 });
  });

  it('change nothing of rows that are not there', async () => {
    expect((await run(updateRows(users, [{ user_id: 'nobody', bio: 'x', bio_v: '1' }]))).count).to.equal(0);
    expect((await readRows(dataSource)).get('users')?.size).to.equal(0);
  });

  it('ask which rows exist', async () => {
    await run(insertRows(users, [user('ann'), user('🦊"\\')]));
    const { rows } = await run(existing(users, ['🦊"\\', 'nobody', 'ann', 'ann']));
    expect(rows.map(([key]) => key)).to.have.members(['ann', '🦊"\\']);
    expect((await run(existing(users, []))).rows).to.deep.equal([]);
  });
});
