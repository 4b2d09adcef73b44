import { expect } from 'chai';
import { DataSource, type EntitySchema } from 'typeorm';
import type { Row } from '../../src/tables/table.js';
import { AwayError, EXIT, UserError } from '../../src/errors.js';
import { tables } from '../../src/handlers/index.js';
import { connect } from '../../src/postgres/data-source.js';
import { distribution } from '../../src/postgres/distribute.js';
import { entitiesOf } from '../../src/postgres/entities.js';
import { refuseUnfit } from '../../src/postgres/fitness.js';
import { layoutOf } from '../../src/postgres/layouts.js';
import { migrate, migrateDistributed, requireSchema, revert } from '../../src/postgres/migrate.js';
import { Session } from '../../src/postgres/session.js';
import { callsOf, emptyCitus, freshDistributed } from '../support/citus.js';
import { dbw } from '../support/cli.js';
import { databaseConfig, emptyDatabase } from '../support/database.js';
import { generate } from '../support/generator/index.js';
import { silent } from '../support/log.js';
import { Place } from '../support/place.js';
import { unique } from '../support/unique.js';

async function refusal(work: Promise<unknown>): Promise<UserError> {
  const error: unknown = await work.catch((thrown: unknown) => thrown);
  expect(error).to.be.instanceOf(UserError).and.not.instanceOf(AwayError);
  return error as UserError;
}

/** What TypeORM would do to make a database what the declarations say. */
async function differences(dataSource: DataSource, entities: EntitySchema<Row>[]): Promise<string[]> {
  const { options } = dataSource;
  const other = new DataSource({ ...options, entities });
  await other.initialize();
  try {
    const { upQueries } = await other.driver.createSchemaBuilder().log();
    return upQueries.map(({ query }) => query);
  } finally {
    await other.destroy();
  }
}

describe('dbw migrate --distributed', () => {
  const open: DataSource[] = [];
  after(async () => {
    for (const dataSource of open) await dataSource.destroy();
  });

  async function connected(database: string, login = {}): Promise<DataSource> {
    const dataSource = await connect({ ...databaseConfig(database), ...login });
    open.push(dataSource);
    return dataSource;
  }

  let shared: DataSource | undefined;
  /** One database for all tests that leave it as it is. */
  async function distributed(): Promise<DataSource> {
    if (shared) return shared;
    shared = await freshDistributed();
    open.push(shared);
    return shared;
  }

  it('refuses a server without the extension, and changes nothing', async () => {
    const database = await emptyDatabase();
    const { status, stdout, stderr } = await dbw(['migrate', '--distributed'], { DB_DATABASE: database });
    expect(status).to.equal(EXIT.refused);
    expect(stdout).to.equal('');
    expect(stderr)
      .to.contain(`"${database}" has no extension citus. Nothing was changed`)
      .and.contain('CREATE EXTENSION citus');
    const dataSource = await connected(database);
    const made: unknown[] = await dataSource.query(`SELECT FROM pg_namespace WHERE nspname = 'dbw' UNION ALL SELECT FROM pg_tables WHERE schemaname = 'public'`); // prettier-ignore
    expect(made).to.deep.equal([]);
    await migrate(dataSource);
    const whole = await refusal(migrateDistributed(dataSource));
    expect(whole.message).to.contain('no extension citus');
    expect(await differences(dataSource, entitiesOf('whole'))).to.deep.equal([]);
  });

  it('copies users and skills to every node, and lays the other tables by their owner, parents first', async () => {
    const distributedBy = (relation: string, by: string, lies_with: string) => ({ relation, distributed_by: by, lies_with }); // prettier-ignore
    const copied = (relation: string) => ({ relation, distributed_by: null, lies_with: null });
    const expected = [
      copied('users'),
      copied('skills'),
      distributedBy('blocks', 'blocker_id', 'none'),
      distributedBy('follows', 'follower_id', 'public.blocks'),
      distributedBy('user_skills', 'user_id', 'public.blocks'),
      distributedBy('posts', 'post_id', 'none'),
      distributedBy('comments', 'post_id', 'public.posts'),
      distributedBy('post_likes', 'post_id', 'public.posts'),
      distributedBy('stories', 'author_id', 'public.blocks'),
      distributedBy('videos', 'author_id', 'public.blocks'),
      distributedBy('tips', 'sender_id', 'public.blocks'),
      distributedBy('transactions', 'user_id', 'public.blocks'),
      distributedBy('wallets', 'user_id', 'public.blocks'),
      distributedBy('withdrawals', 'user_id', 'public.blocks'),
      distributedBy('subscriptions', 'user_id', 'public.blocks'),
      distributedBy('conversations', 'conversation_id', 'none'),
      distributedBy('messages', 'conversation_id', 'public.conversations'),
      distributedBy('notifications', 'user_id', 'public.blocks'),
    ];
    const calls = await callsOf(await distributed());
    const ours = calls.filter(({ relation }) => expected.some((one) => one.relation === relation));
    expect(ours, 'in their order; a table of your own may lie between them').to.deep.equal(expected);
  });

  it('speaks to Citus in these words', () => {
    const calls = distribution(tables).filter((text) => text.includes('create_'));
    expect(calls).to.include("SELECT create_reference_table('public.users')");
    expect(calls).to.include("SELECT create_distributed_table('public.posts', 'post_id', colocate_with => 'none')");
    expect(calls).to.include("SELECT create_distributed_table('public.comments', 'post_id', colocate_with => 'public.posts')"); // prettier-ignore
    expect(distribution(tables)[0]).to.equal("SET LOCAL citus.multi_shard_modify_mode TO 'sequential'");
  });

  it('leaves what the declarations say, and nothing of the other layout', async () => {
    const dataSource = await distributed();
    expect(layoutOf(dataSource)).to.equal('distributed');
    expect(await differences(dataSource, entitiesOf('distributed'))).to.deep.equal([]);
    expect(await differences(dataSource, entitiesOf('whole'))).not.to.deep.equal([]);
    const keys: { key: string }[] = await dataSource.query(
      `SELECT conrelid::regclass || ' ' || pg_get_constraintdef(oid) AS key FROM pg_constraint
       WHERE contype = 'p' AND connamespace = 'public'::regnamespace ORDER BY 1`,
    );
    expect(keys.map(({ key }) => key)).to.include('comments PRIMARY KEY (post_id, comment_id)');
    const [{ gone } = { gone: '' }]: { gone: string }[] = await dataSource.query(
      `SELECT count(*)::text AS gone FROM pg_constraint WHERE contype = 'f' AND connamespace = 'public'::regnamespace`,
    );
    // Every foreign key of the whole layout but that of a comment's parent.
    expect(Number(gone)).to.equal(tables.flatMap(({ references }) => references).length - 1);
  });

  it('distributes tables that hold rows; again it does nothing, and revert leads back', async () => {
    const dataSource = await connected(await emptyCitus());
    const names = await migrate(dataSource);
    await dataSource.query(
      `INSERT INTO users (user_id, username, email, role, created_at) VALUES ('u', 'u', 'e', 'creator', now())`,
    );
    expect(await migrateDistributed(dataSource)).to.deep.equal({ applied: [], distributed: true });
    expect(await migrateDistributed(dataSource)).to.deep.equal({ applied: [], distributed: false });
    expect(await migrate(dataSource)).to.deep.equal([]);
    await dataSource.query('TRUNCATE citus_stand_in.calls');
    for (const name of [...names].reverse()) expect(await revert(dataSource)).to.equal(name);
    expect(await migrateDistributed(dataSource)).to.deep.equal({ applied: names, distributed: true });
    expect(await differences(dataSource, entitiesOf('distributed'))).to.deep.equal([]);
  });

  it('changes no key where Citus refuses, and says so', async () => {
    const dataSource = await connected(await emptyCitus());
    await migrate(dataSource);
    await dataSource.query('CREATE UNIQUE INDEX one_title ON videos (title)');
    const error = await refusal(migrateDistributed(dataSource));
    expect(error.status).to.equal(EXIT.refused);
    expect(error.message).to.contain('the partition column is not part of it').and.to.contain('They are as they were');
    await dataSource.query('DROP INDEX one_title');
    expect(layoutOf(dataSource)).to.equal('whole');
    expect(await differences(dataSource, entitiesOf('whole'))).to.deep.equal([]);
  });

  it('refuses while a writer lives that knows them whole', async () => {
    const dataSource = await connected(await emptyCitus());
    await migrate(dataSource);
    const instance = '00000000-0000-4000-8000-000000000001';
    await dataSource.query(`INSERT INTO dbw.in_hand VALUES ('g', $1, 0, '[]')`, [instance]);
    const living = dataSource.createQueryRunner();
    await living.query(`SELECT pg_advisory_lock_shared(hashtextextended('dbw.in_hand:' || $1, 0))`, [instance]);
    const error = await refusal(migrateDistributed(dataSource));
    expect(error.message).to.contain('1 dbw consume is writing').and.to.contain('Stop them');
    expect(layoutOf(dataSource)).to.equal('whole');
    await living.query('SELECT pg_advisory_unlock_all()');
    await living.release();
    expect(await migrateDistributed(dataSource)).to.deep.include({ distributed: true });
  });

  it('is known to whoever connects, and a half of it is refused', async () => {
    const dataSource = await distributed();
    const { database } = dataSource.options;
    const again = await connected(String(database));
    expect(layoutOf(again)).to.equal('distributed');
    expect(await Session.with(again, (session) => Promise.resolve(session.layout))).to.equal('distributed');
    await requireSchema(again, '0.1.0');
    await dataSource.query('ALTER TABLE tips DROP CONSTRAINT tips_pkey, ADD CONSTRAINT tips_pkey PRIMARY KEY (tip_id)');
    const error = await refusal(requireSchema(again, '0.1.0'));
    expect(error.status).to.equal(EXIT.refused);
    expect(error.message).to.contain('public.tips (sender_id, tip_id)');
    await dataSource.query(
      'ALTER TABLE tips DROP CONSTRAINT tips_pkey, ADD CONSTRAINT tips_pkey PRIMARY KEY (sender_id, tip_id)',
    );
  });

  it('asks for the right to delete where rows may move, and nowhere else', async () => {
    const dataSource = await distributed();
    const database = String(dataSource.options.database);
    const role = unique('mover');
    await dataSource.query(`CREATE ROLE ${role} LOGIN PASSWORD 'x'`);
    const error = await refusal(refuseUnfit(await connected(database, { username: role, password: 'x' }), silent));
    const [, ...remedies] = error.message.split('\n');
    for (const remedy of remedies) await dataSource.query(remedy);
    await refuseUnfit(await connected(database, { username: role, password: 'x' }), silent);
    const rows: { name: string }[] = await dataSource.query(
      `SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND has_table_privilege('${role}', oid, 'DELETE')`,
    );
    const moving = tables.filter(({ owner }) => owner !== undefined).map(({ name }) => name);
    expect(rows.map(({ name }) => name).sort()).to.deep.equal(moving.sort());
    expect(moving).to.have.lengthOf(9);
    await dataSource.query(`REASSIGN OWNED BY ${role} TO CURRENT_USER; DROP OWNED BY ${role}; DROP ROLE ${role}`);
  });
});

describe('dbw with distributed tables', function () {
  this.timeout(120_000);

  it('migrates, says how they lie, and consumes a dirty stream to the rows that the model has', async () => {
    const database = await emptyCitus();
    const env = { DB_DATABASE: database };
    const migrated = await dbw(['migrate', '--distributed', '--json'], env);
    expect(migrated.status, migrated.stderr).to.equal(0);
    expect(JSON.parse(migrated.stdout)).to.have.property('distributed', true);
    const status = await dbw(['migrate', 'status', '--json'], env);
    expect(JSON.parse(status.stdout)).to.deep.include({ pending: 0, layout: 'distributed' });
    const place = await Place.make(undefined, () => connect(databaseConfig(database)));
    try {
      const messages = generate({ seed: 11, events: 400 });
      await place.send(messages);
      await place.catchUp({ DLQ_MAX_RATE: '0' });
      await place.expectAll(messages);
    } finally {
      await place.dataSource.destroy();
    }
  });
});
