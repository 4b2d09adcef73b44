import { expect } from 'chai';
import type { TopicsCreateResult } from '../../../src/commands/topics/create.js';
import { settingsOf } from '../../../src/kafka/topic-settings.js';
import { dbw } from '../../support/cli.js';
import { withAdmin } from '../../support/topics.js';
import { unique } from '../../support/unique.js';

const TYPES = 'user.created,user.blocked';

describe('dbw topics create', () => {
  const prefix = `${unique('t')}.`;
  const run = async (...args: string[]) => {
    const ended = await dbw(['topics', 'create', '--json', ...args], { KAFKA_TOPIC_PREFIX: prefix });
    expect(ended.status, ended.stdout + ended.stderr).to.equal(0);
    return JSON.parse(ended.stdout) as TopicsCreateResult;
  };
  const ours = async () => (await withAdmin((admin) => admin.listTopics())).filter((topic) => topic.startsWith(prefix));

  it('--dry-run says what is missing and creates nothing', async () => {
    const { created, topics } = await run('--topics', TYPES, '--dry-run');
    expect(created).to.equal(0);
    expect(topics.map(({ topic, state }) => [topic.slice(prefix.length), state])).to.deep.equal([
      ['user.created', 'missing'],
      ['user.blocked', 'missing'],
      ['db-writer.dlq', 'missing'],
    ]);
    expect(await ours()).to.deep.equal([]);
  });

  it('creates the sources as asked, and the dead-letter topic as wide, that keeps everything', async () => {
    const { created, existed, topics } = await run('--topics', TYPES, '--partitions', '3', '--retention', '7d');
    expect([created, existed]).to.deep.equal([3, 0]);
    expect(topics.map(({ partitions }) => partitions)).to.deep.equal([3, 3, 3]);
    await withAdmin(async (admin) => {
      const settings = await settingsOf(admin, await ours());
      const retention = (topic: string) => settings.get(prefix + topic)?.get('retention.ms')?.value;
      expect(retention('user.created')).to.equal('604800000');
      expect(retention('db-writer.dlq')).to.equal('-1');
    });
  });

  it('leaves what exists as it is, tells how it differs, and creates the others', async () => {
    const { created, existed, topics } = await run('--topics', `${TYPES},user.updated`, '--partitions', '2');
    expect([created, existed]).to.deep.equal([1, 3]);
    expect(topics.map(({ state, partitions, differences }) => [state, partitions, differences])).to.deep.equal([
      ['existed', 3, ['partitions 3, not 2']],
      ['existed', 3, ['partitions 3, not 2']],
      ['created', 2, []],
      ['existed', 3, []],
    ]);
    const ended = await dbw(['topics', 'create', '--topics', TYPES, '--retention', '1d'], {
      KAFKA_TOPIC_PREFIX: prefix,
    });
    expect(ended.stdout).to.match(/user\.created +was there +3 +1 +retention\.ms 604800000, not 86400000/);
    expect(ended.stdout).to.match(/\n0 created, 3 were there\.\n$/);
  });

  for (const [what, args, status, says] of [
    ['more copies than brokers', ['--replication-factor', '9'], 5, /INVALID_REPLICATION_FACTOR.*--replication-factor/s],
    ['a retention of no length', ['--retention', '0d'], 2, /--retention is "0d", expected a time such as 7d/],
    ['no partitions', ['--partitions', '0'], 2, /--partitions/],
  ] as const) {
    it(`refuses ${what}, and creates nothing`, async () => {
      const before = await ours();
      const ended = await dbw(['topics', 'create', ...args], { KAFKA_TOPIC_PREFIX: prefix });
      expect(ended.stderr).to.match(says);
      expect(ended.status).to.equal(status);
      expect(await ours()).to.have.members(before);
    });
  }
});
