import { expect } from 'chai';
import { Redis } from 'ioredis';
import {
  AclOperationTypes,
  AclPermissionTypes,
  AclResourceTypes,
  ResourcePatternTypes,
  type AclEntry,
  type Admin,
  type Kafka,
} from 'kafkajs';
import type { DataSource } from 'typeorm';
import { readConfig } from '../src/config.js';
import { EXIT } from '../src/errors.js';
import { registry } from '../src/handlers/index.js';
import { createKafka } from '../src/kafka/client.js';
import { blocksOf, linesOf } from './support/blocks.js';
import { dbw, type Ended } from './support/cli.js';
import { wordsOf } from './support/commands.js';
import { freshDatabase } from './support/database.js';
import { generate } from './support/generator/index.js';
import { ownKafka, type OwnKafka } from './support/own-kafka.js';
import { valid } from './support/place.js';
import { freePort } from './support/services/ports.js';
import { byTopic } from './support/topics.js';
import { unique } from './support/unique.js';

/** In the lists of the document. */
const PREFIX = 'production.';
const USERS = ['dbw_writer', 'dbw_operator', 'dbw_viewer', 'nobody'];
const PASSWORD = 'let-me-1n';

const typed = blocksOf('docs/security.md').flatMap(linesOf);

const OPERATIONS: Readonly<Record<string, AclOperationTypes>> = {
  Read: AclOperationTypes.READ,
  Write: AclOperationTypes.WRITE,
  Create: AclOperationTypes.CREATE,
  Describe: AclOperationTypes.DESCRIBE,
  DescribeConfigs: AclOperationTypes.DESCRIBE_CONFIGS,
  AlterConfigs: AclOperationTypes.ALTER_CONFIGS,
};

/** What a line of `kafka-acls --add` asks a broker for. */
function entriesOf(line: string): AclEntry[] {
  const given = (flag: string) =>
    [...line.matchAll(new RegExp(`--${flag} (\\S+)`, 'g'))].map(([, value = '']) => value);
  const [topic] = given('topic');
  const [principal = ''] = given('allow-principal');
  const [resourceName = ''] = [...given('topic'), ...given('group')];
  const isPrefix = given('resource-pattern-type')[0] === 'prefixed';
  return given('operation').map((name) => ({
    resourceType: topic === undefined ? AclResourceTypes.GROUP : AclResourceTypes.TOPIC,
    resourceName,
    resourcePatternType: isPrefix ? ResourcePatternTypes.PREFIXED : ResourcePatternTypes.LITERAL,
    principal,
    host: '*',
    operation: OPERATIONS[name] ?? AclOperationTypes.UNKNOWN,
    permissionType: AclPermissionTypes.ALLOW,
  }));
}

describe('access lists', function () {
  this.timeout(300_000);
  let broker: OwnKafka;
  let kafka: Kafka;
  let admin: Admin;
  let dataSource: DataSource;
  let env: Readonly<Record<string, string>>;
  const messages = generate({ seed: 3, events: 100, poison: 0.1 });
  const run = (user: string, ...args: string[]): Promise<Ended> => dbw(args, { ...env, KAFKA_SASL_USERNAME: user });

  before(async () => {
    const port = await freePort();
    const users = USERS.map((name) => `user_${name}="${PASSWORD}"`).join(' ');
    broker = await ownKafka({
      scram: {},
      settings: {
        'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
        'super.users': 'User:ANONYMOUS',
      },
      listeners: [
        {
          name: 'LISTED',
          port,
          protocol: 'SASL_PLAINTEXT',
          settings: {
            'sasl.enabled.mechanisms': 'PLAIN',
            'plain.sasl.jaas.config': `org.apache.kafka.common.security.plain.PlainLoginModule required ${users};`,
          },
        },
      ],
    });
    dataSource = await freshDatabase();
    env = {
      KAFKA_BROKERS: `127.0.0.1:${port}`,
      KAFKA_SASL_MECHANISM: 'plain',
      KAFKA_SASL_PASSWORD: PASSWORD,
      KAFKA_TOPIC_PREFIX: PREFIX,
      DB_DATABASE: String(dataSource.options.database),
    };
    kafka = createKafka(readConfig({ ...process.env, KAFKA_BROKERS: broker.brokers }).kafka);
    admin = kafka.admin();
    await admin.connect();
    await admin.createTopics({ topics: [...registry.keys()].map((type) => ({ topic: PREFIX + type })) });
    await admin.createAcls({ acl: typed.filter((line) => line.startsWith('kafka-acls ')).flatMap(entriesOf) });
    const producer = kafka.producer({ idempotent: true });
    await producer.connect();
    await producer.sendBatch({ topicMessages: byTopic(messages, PREFIX), acks: -1 });
    await producer.disconnect();
  });
  after(async () => {
    await admin.disconnect();
    await dataSource.destroy();
    await broker.close();
  });

  const topic = `${PREFIX}user.created`;
  const from = ['--topic', topic, '--from-offset', '0'];
  const works: readonly (readonly [string, readonly string[][]])[] = [
    ['dbw_writer', [['consume', '--until-caught-up'], ['health']]],
    [
      'dbw_operator',
      [
        ['replay-dlq', '--yes'],
        ['backfill', ...from, '--reason', 'test', '--yes'],
        ['backfill', ...from, '--reason', 'test', '--reapply', '--yes'],
        ['dlq', 'discard', '--died-of', 'malformed', '--reason', 'test', '--yes'],
      ],
    ],
    [
      'dbw_viewer',
      [
        ...[['health'], ['lag'], ['runs'], ['parked', 'ls'], ['dlq', 'ls'], ['dlq', 'summary'], ['dlq', 'export', '-']],
        ...[
          ['dlq', 'show', '0:0'],
          ['backfill', 'verify', ...from],
          ['topics', 'create', '--dry-run'],
        ],
      ],
    ],
  ];
  for (const [user, commands] of works) {
    it(`of Kafka let ${user} do its work`, async () => {
      for (const args of commands) {
        const { status, stdout, stderr } = await run(user, ...args);
        // The stream has poison, which fails again.
        expect([EXIT.done, EXIT.partly], `${args.join(' ')}: ${stdout}${stderr}`).to.include(status);
      }
      const [row]: { n: number }[] = await dataSource.query('SELECT count(*)::integer AS n FROM dbw.processed_events');
      expect(row?.n).to.be.within(1, valid(messages).length);
    });
  }

  it('of Kafka let nobody do more: what is refused ends with status 5 and names what to give', async () => {
    const cases: [string, string[]][] = [
      ['dbw_viewer', ['consume', '--until-caught-up']],
      ['dbw_operator', ['replay-dlq', '--republish', '--yes']],
      ['dbw_operator', ['topics', 'create', '--partitions', '2']],
    ];
    await admin.deleteTopics({ topics: [`${PREFIX}message.created`] });
    for (const [user, args] of cases) {
      const { status, stderr } = await run(user, ...args);
      expect(status, `${user} ${args.join(' ')}: ${stderr}`).to.equal(EXIT.refused);
      expect(stderr).not.to.contain('fault in dbw');
    }
    const { stderr } = await run('nobody', 'consume', '--until-caught-up');
    expect(stderr).to.contain('or this user may not see them');
  });

  it('of Redis let dbw mark what is processed, and no more', async () => {
    const { REDIS_HOST = '', REDIS_PORT = '', REDIS_PASSWORD } = process.env;
    const redis = new Redis({
      host: REDIS_HOST,
      port: Number(REDIS_PORT),
      ...(REDIS_PASSWORD ? { password: REDIS_PASSWORD } : {}),
    });
    const user = unique('dbw');
    const empty = await freshDatabase();
    try {
      const words = wordsOf(typed.find((line) => line.startsWith('redis-cli ACL')) ?? '').slice(3);
      await redis.call('ACL', 'SETUSER', user, ...words);
      const { status, stderr } = await dbw(['consume', '--until-caught-up'], {
        ...env,
        KAFKA_SASL_USERNAME: 'dbw_writer',
        DB_DATABASE: String(empty.options.database),
        REDIS_USERNAME: user,
        REDIS_PASSWORD: 'password',
      });
      expect(status, stderr).to.equal(EXIT.done);
      expect(stderr).to.contain('Redis answers').and.not.to.contain('Redis is away');
      const applied: { id: string }[] = await empty.query('SELECT id::text AS id FROM dbw.processed_events');
      const marked = valid(messages).filter(({ eventId }) => applied.some(({ id }) => id === eventId));
      expect(marked).not.to.have.length(0);
      expect(await redis.exists(marked.map(({ eventId }) => `processed:${eventId}`))).to.equal(marked.length);
      const asUser = new Redis({ host: REDIS_HOST, port: Number(REDIS_PORT), username: user, password: 'password' });
      const refused: unknown = await asUser.get('processed:x').catch((error: unknown) => error);
      asUser.disconnect();
      expect(String(refused)).to.contain('NOPERM');
    } finally {
      await redis.call('ACL', 'DELUSER', user);
      redis.disconnect();
      await empty.destroy();
    }
  });
});
