import { expect } from 'chai';
import type { DataSource, QueryRunner } from 'typeorm';
import { tables } from '../../src/handlers/index.js';
import { ProcessedEvents } from '../../src/postgres/processed.js';
import { Store } from '../../src/writing/store.js';
import { freshDatabase } from '../support/database.js';
import { eventOf } from '../support/envelopes.js';
import { EMPTY, post, reply, user } from '../support/people.js';
import { until } from '../support/until.js';

const CHILD = `INSERT INTO comments (comment_id, post_id, user_id, content, created_at) VALUES ('late', 'p', 'ann', '', now())`;
const MOVE = `UPDATE posts SET comment_count = comment_count + 1 WHERE post_id = 'p'`;

describe('counters that are counted anew beside a writer', () => {
  let dataSource: DataSource;
  let writer: QueryRunner;
  const processed = new ProcessedEvents();
  before(async () => {
    dataSource = await freshDatabase();
    await processed.maintain(dataSource, 8);
  });
  after(() => dataSource.destroy());
  beforeEach(async () => {
    await dataSource.query(EMPTY);
    await new Store(dataSource, tables, processed).write(history);
    await dataSource.query('UPDATE posts SET comment_count = 7');
    writer = dataSource.createQueryRunner();
    await writer.startTransaction();
  });
  afterEach(() => writer.release());

  const history = [user('ann', 'n'), post('p', 'ann'), reply('c', 'p', 'ann')].map((one, i) => eventOf(one, i));
  // Of the comment alone: an insert of the post itself would wait for its writer before anything is locked.
  const reapply = () => new Store(dataSource, tables, processed, undefined, true).write(history.slice(2));
  const ask = async (sql: string): Promise<unknown> => {
    const [row] = await dataSource.query<Record<string, unknown>[]>(sql);
    return Object.values(row ?? {})[0];
  };
  const isWaiting = async () =>
    (await ask(`SELECT count(*)::integer FROM pg_stat_activity
      WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE 'UPDATE public.posts%'`)) === 1;
  const expectRight = async () => {
    expect(await ask('SELECT comment_count FROM posts')).to.equal(2);
    expect(await ask('SELECT count(*)::integer FROM comments')).to.equal(2);
  };

  it('see the child of one who has moved the counter and commits while they wait', async () => {
    await writer.query(CHILD);
    await writer.query(MOVE);
    const again = reapply();
    await until(isWaiting);
    await writer.commitTransaction();
    await again;
    await expectRight();
  });

  it('do not see the child of one who moves the counter after them', async () => {
    await writer.query(CHILD);
    await reapply();
    expect(await ask('SELECT comment_count FROM posts')).to.equal(1);
    await writer.query(MOVE);
    await writer.commitTransaction();
    await expectRight();
  });

  it('are right where the one who moved the counter takes it back', async () => {
    await writer.query(CHILD);
    await writer.query(MOVE);
    const again = reapply();
    await until(isWaiting);
    await writer.rollbackTransaction();
    await again;
    expect(await ask('SELECT comment_count FROM posts')).to.equal(1);
  });
});
