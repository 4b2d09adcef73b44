import { expect } from 'chai';
import type { Admin, Consumer } from 'kafkajs';
import { balancedAssigner } from '../../src/kafka/assigner.js';
import { unreadPartitions } from '../../src/kafka/readers.js';
import { createTopics, send, testKafka } from '../support/topics.js';
import { unique } from '../support/unique.js';
import { until } from '../support/until.js';

describe('readers', () => {
  let admin: Admin;
  const open: Consumer[] = [];

  before(async () => {
    admin = testKafka().admin();
    await admin.connect();
  });

  afterEach(async () => {
    await Promise.all(open.splice(0).map((consumer) => consumer.disconnect()));
  });

  after(async () => {
    await admin.disconnect();
  });

  /** Joins a group and stays; `onMessage` keeps the member from taking part in what the group does. */
  async function join(groupId: string, topics: string[], onMessage = () => Promise.resolve()): Promise<void> {
    const consumer = testKafka().consumer({
      groupId,
      partitionAssigners: [balancedAssigner()],
      heartbeatInterval: 200,
      maxWaitTimeInMs: 100,
      sessionTimeout: 300_000,
      rebalanceTimeout: 300_000,
    });
    open.push(consumer);
    await consumer.connect();
    await consumer.subscribe({ topics, fromBeginning: true });
    let joined = false;
    consumer.on(consumer.events.GROUP_JOIN, () => {
      joined = true;
    });
    await consumer.run({ eachMessage: onMessage });
    await until(() => joined);
  }

  it('names all partitions of a group that nobody is in, and none of no topics', async () => {
    const topic = unique('read');
    await createTopics([topic], 2);
    expect(await unreadPartitions(admin, unique('group'), [topic])).to.deep.equal([
      { topic, partition: 0 },
      { topic, partition: 1 },
    ]);
    expect(await unreadPartitions(admin, unique('group'), [])).to.deep.equal([]);
  });

  it('names what no member asked for, and knows no answer while the group shares anew', async () => {
    const [group, first, second] = [unique('group'), unique('read'), unique('read')];
    await createTopics([first, second], 2);
    let isHeld = false;
    let release: () => void = () => undefined;
    const hold = new Promise<void>((resolve) => {
      release = resolve;
    });
    await join(group, [first], () => {
      isHeld = true;
      return hold;
    });
    await until(async () => (await unreadPartitions(admin, group, [first, second]))?.length === 2);
    expect(await unreadPartitions(admin, group, [second, first])).to.deep.equal([
      { topic: second, partition: 0 },
      { topic: second, partition: 1 },
    ]);
    await send([{ topic: first, key: null, value: Buffer.from('hold') }]);
    await until(() => isHeld);
    const joining = join(group, [second]);
    await until(async () => (await unreadPartitions(admin, group, [first, second])) === undefined);
    release();
    await joining;
    await until(async () => (await unreadPartitions(admin, group, [first, second]))?.length === 0);
  });
});
