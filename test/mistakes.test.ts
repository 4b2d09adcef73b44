import { expect } from 'chai';
import type { DataSource } from 'typeorm';
import { dbw } from './support/cli.js';
import { emptyDatabase, freshDatabase } from './support/database.js';
import { createTopics } from './support/topics.js';
import { unique } from './support/unique.js';

/** A module that sets the clock of a process two days back, before anything of it runs. */
const TWO_DAYS_BACK = `data:text/javascript,${encodeURIComponent(`
  const shift = 2 * 86400000;
  const { now } = Date;
  globalThis.Date = class extends Date {
    constructor(...given) { if (given.length === 0) super(now() - shift); else super(...given); }
    static now() { return now() - shift; }
  };
`)}`;

type Case = [what: string, args: string[], env: Record<string, string>, status: number, says: RegExp];

describe('what an operator gets wrong', () => {
  const prefix = `${unique('t')}.`;
  const role = unique('role');
  const compacted = unique('compacted');
  const shortLived = unique('short');
  const overCompacted = `${unique('t')}.`;
  let database: DataSource;
  before(async () => {
    database = await freshDatabase();
    await createTopics([`${prefix}user.created`], 1);
    await createTopics([compacted, `${overCompacted}user.created`], 1, { 'cleanup.policy': 'compact' });
    await createTopics([shortLived], 1, { 'retention.ms': '60000' });
    await database.query(`CREATE ROLE ${role} LOGIN PASSWORD 'rights-secret'`);
    await database.query(`GRANT USAGE, CREATE ON SCHEMA dbw TO ${role}`);
    await database.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA dbw, public TO ${role}`);
    await database.query(`ALTER TABLE dbw.processed_events OWNER TO ${role}`);
    await database.query(`ALTER TABLE dbw.processed_events_old OWNER TO ${role}`);
    await database.query(`REVOKE INSERT ON public.posts FROM ${role}`);
  });
  after(async () => {
    await database.query(`REASSIGN OWNED BY ${role} TO CURRENT_USER`);
    await database.query(`DROP OWNED BY ${role}`);
    await database.query(`DROP ROLE ${role}`);
    await database.destroy();
  });

  const bounded = ['consume', '--until-caught-up'];
  const cases: Case[] = [
    ['an unknown flag', ['consume', '--fast'], {}, 2, /Nonexistent flag: --fast/],
    ['an unknown event type', ['consume', '--topics', 'user.craeted'], {}, 2, /no event type "user.craeted"/],
    ['BATCH_SIZE=0', ['consume'], { BATCH_SIZE: '0' }, 2, /BATCH_SIZE is "0"/],
    [
      'two wrong settings',
      ['consume'],
      { BATCH_SIZE: '0', DB_PORT: 'x' },
      2,
      /(?=.*BATCH_SIZE is "0").*DB_PORT is "x"/,
    ],
    ['PostgreSQL away', ['consume', '--until-caught-up'], { DB_PORT: '1' }, 7, /PostgreSQL at .*:1 does not answer/],
    [
      'Kafka away',
      ['consume', '--until-caught-up'],
      { KAFKA_BROKERS: '127.0.0.1:1' },
      7,
      /Kafka at 127.0.0.1:1 does not answer/,
    ],
    [
      'a wrong password',
      ['consume'],
      { DB_PASSWORD: 'wrong-secret' },
      5,
      /refuses the password of user "dbw".*DB_PASSWORD/,
    ],
    ['no such database', ['migrate'], { DB_DATABASE: 'nowhere' }, 5, /There is no database "nowhere"/],
    ['an unknown type to show', ['events', 'show', 'nothing'], {}, 2, /no event type "nothing"/],
    [
      'a right that is missing on one table',
      ['consume'],
      { DB_USERNAME: role, DB_PASSWORD: 'rights-secret' },
      5,
      new RegExp(
        `lacks rights in the database .*: INSERT on public.posts. Run .*: GRANT INSERT ON TABLE public.posts TO ${role};`,
      ),
    ],
    [
      'a clock two days off',
      ['consume'],
      { NODE_OPTIONS: `--import ${TWO_DAYS_BACK}` },
      5,
      /clock of this machine is 2 days behind PostgreSQL's: .* Set the wrong one right/,
    ],
    [
      'dead letters into a source topic',
      bounded,
      { DLQ_TOPIC: `${prefix}user.created` },
      5,
      /topic \S+\.user.created is a source topic too.*Set DLQ_TOPIC/,
    ],
    [
      'dead letters into a source topic that does not exist yet',
      bounded,
      { DLQ_TOPIC: `${prefix}content.post.created` },
      5,
      /topic \S+\.content.post.created is a source topic too.*Set DLQ_TOPIC/,
    ],
    [
      'a compacted dead-letter topic',
      bounded,
      { DLQ_TOPIC: compacted },
      5,
      /could lose letters \(cleanup.policy=compact.*Set cleanup.policy=delete/,
    ],
    [
      'a short-lived dead-letter topic',
      bounded,
      { DLQ_TOPIC: shortLived },
      5,
      /retention.ms=60000.*Set .*retention.ms=-1/,
    ],
    [
      'a compacted source topic',
      bounded,
      { KAFKA_TOPIC_PREFIX: overCompacted },
      5,
      /1 source topic is compacted.*: \S+\.user.created. Set cleanup.policy=delete/,
    ],
  ];

  for (const [what, args, env, status, says] of cases) {
    it(`${what}: one clear message and status ${status}`, async () => {
      const ended = await dbw(args, {
        DB_DATABASE: String(database.options.database),
        KAFKA_TOPIC_PREFIX: prefix,
        KAFKA_GROUP_ID: unique('group'),
        LOG_LEVEL: 'warn',
        ...env,
      });
      const words = ended.stderr.replace(/[\s›]+/g, ' ');
      expect(words, words).to.match(says);
      expect(ended.status, words).to.equal(status);
      expect(words).not.to.match(/\bat .*\.(js|ts):\d+/);
      expect(words).not.to.match(/(wrong|rights)-secret/);
      expect(words).not.to.contain('fault in dbw');
      expect(ended.stdout).to.equal('');
    });
  }

  it('a database without the tables: which command mends it', async () => {
    const ended = await dbw(['consume'], { DB_DATABASE: await emptyDatabase() });
    expect(ended.stderr.replace(/[\s›]+/g, ' ')).to.contain('Run: dbw migrate');
    expect(ended.status).to.equal(5);
  });
});
