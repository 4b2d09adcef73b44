import { expect } from 'chai';
import type { Assignment, Consumer, PartitionAssigner } from 'kafkajs';
import { balancedAssigner } from '../../src/kafka/assigner.js';
import { createTopics, send, testKafka } from '../support/topics.js';
import { unique } from '../support/unique.js';
import { until } from '../support/until.js';

describe('a group with the assigner', () => {
  const open: Reader[] = [];

  afterEach(async () => {
    await Promise.all(open.splice(0).map((reader) => reader.stop()));
  });

  const start = async (group: string, topics: string[]) => {
    const reader = await join(group, topics);
    open.push(reader);
    return reader;
  };

  it('lets members with different topics read everything, also one that comes later with a new topic', async () => {
    const group = unique('group');
    const [first, second, third] = [await topicOf(3), await topicOf(2), await topicOf(2)];
    const a = await start(group, [first]);
    const b = await start(group, [first, second]);
    const texts = async (topic: string, round: number) => {
      const list = Array.from({ length: 12 }, (_, i) => `${topic} ${round} ${i}`);
      await send(list.map((text) => ({ topic, key: text, value: Buffer.from(text) })));
      return list;
    };
    const read = () => new Set(open.flatMap(({ values }) => values));
    const expected = [...(await texts(first, 1)), ...(await texts(second, 1))];
    await until(() => expected.every((text) => read().has(text)));
    // Whoever leads the group, one of the two does not know the third topic.
    const c = await start(group, [third]);
    expected.push(...(await texts(first, 2)), ...(await texts(second, 2)), ...(await texts(third, 2)));
    await until(() => expected.every((text) => read().has(text)));
    expect(Object.keys(c.assigned)).to.deep.equal([third]);
    expect(a.values.some((text) => !text.startsWith(first))).to.equal(false);
    expect(b.values.some((text) => text.startsWith(third))).to.equal(false);
  });

  it('moves one partition of four when a third member comes', async () => {
    const group = unique('group');
    const topic = await topicOf(4);
    const a = await start(group, [topic]);
    const b = await start(group, [topic]);
    const count = ({ assigned }: Reader) => assigned[topic]?.length ?? 0;
    await until(() => count(a) === 2 && count(b) === 2);
    const before = new Map([a, b].map((reader) => [reader, reader.assigned[topic]!]));
    const c = await start(group, [topic]);
    await until(() => count(c) === 1 && count(a) + count(b) === 3);
    for (const [reader, list] of before) expect(list).to.include.members(reader.assigned[topic]!);
  });

  it('gives one that comes its part of each topic, not one topic as a whole', async () => {
    const group = unique('group');
    const topics = [await topicOf(4), await topicOf(4)];
    const a = await start(group, topics);
    const b = await start(group, topics);
    await until(() => [a, b].flatMap(({ assigned }) => Object.values(assigned).flat()).length === 8);
    for (const { assigned } of [a, b]) expect(topics.map((topic) => assigned[topic]?.length)).to.deep.equal([2, 2]);
  });

  it('shares out the rest where a member asks for a topic that is gone', async () => {
    const group = unique('group');
    const [kept, other, gone] = [await topicOf(2), await topicOf(1), unique('gone')];
    const a = await start(group, [kept]);
    const alsoGone: PartitionAssigner = (config) => {
      const inner = balancedAssigner()(config);
      return { ...inner, protocol: ({ topics }) => inner.protocol({ topics: [...topics, gone] }) };
    };
    const b = await join(group, [other], alsoGone);
    open.push(b);
    await until(() => a.assigned[kept]?.length === 2 && b.assigned[other]?.length === 1);
    expect(Object.keys(b.assigned)).to.deep.equal([other]);
  });
});

async function topicOf(count: number): Promise<string> {
  const topic = unique('shared');
  await createTopics([topic], count);
  return topic;
}

interface Reader {
  readonly values: string[];
  assigned: Assignment;
  stop(): Promise<void>;
}

/** A member of a group, once it has joined. */
async function join(group: string, topics: string[], assigner?: PartitionAssigner): Promise<Reader> {
  const values: string[] = [];
  const reader: Reader = { values, assigned: {}, stop: () => consumer.disconnect() };
  const consumer: Consumer = testKafka().consumer({
    groupId: group,
    allowAutoTopicCreation: false,
    heartbeatInterval: 200,
    maxWaitTimeInMs: 100,
    partitionAssigners: [assigner ?? balancedAssigner(() => reader.assigned)],
  });
  let joined = false;
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    reader.assigned = payload.memberAssignment;
    joined = true;
  });
  await consumer.connect();
  await consumer.subscribe({ topics, fromBeginning: true });
  await consumer.run({
    eachMessage: ({ message }) => {
      values.push(String(message.value));
      return Promise.resolve();
    },
  });
  await until(() => joined);
  return reader;
}
