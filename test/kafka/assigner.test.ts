import { expect } from 'chai';
import fc from 'fast-check';
import type { Assignment, Consumer, PartitionAssigner } from 'kafkajs';
import { assign, balancedAssigner, type Member } from '../../src/kafka/assigner.js';
import { createTopics, send, testKafka } from '../support/topics.js';
import { unique } from '../support/unique.js';
import { until } from '../support/until.js';

const topicNames = ['a', 'b', 'c', 'd', '__proto__'];

const partitions = fc
  .array(fc.integer({ min: 1, max: 7 }), { minLength: topicNames.length, maxLength: topicNames.length })
  .map((counts) => new Map(topicNames.map((topic, i) => [topic, Array.from({ length: counts[i]! }, (_, p) => p)])));

/** Members with any subscriptions, who say that they own anything at all, also what is another's or is gone. */
const members = fc.uniqueArray(
  fc.record({
    memberId: fc.string({ minLength: 1, maxLength: 4 }),
    topics: fc.uniqueArray(fc.constantFrom(...topicNames, 'gone')),
    owned: fc
      .array(fc.tuple(fc.constantFrom(...topicNames, 'gone'), fc.uniqueArray(fc.nat(9))))
      .map((list) => new Map(list)),
  }),
  { selector: ({ memberId }) => memberId, minLength: 1, maxLength: 6 },
);

const total = (share: Map<string, number[]>) => [...share.values()].flat().length;
const key = (topic: string, partition: number) => `${topic}:${partition}`;

/** Who has each partition. */
function owners(result: Map<string, Map<string, number[]>>): Map<string, string> {
  const map = new Map<string, string>();
  for (const [member, share] of result) {
    for (const [topic, list] of share) {
      for (const partition of list) {
        expect(map.has(key(topic, partition)), 'given twice').to.equal(false);
        map.set(key(topic, partition), member);
      }
    }
  }
  return map;
}

const keeping = (list: readonly Member[], result: Map<string, Map<string, number[]>>): Member[] =>
  list.map((member) => ({ ...member, owned: result.get(member.memberId)! }));

describe('assigner', () => {
  it('gives every partition that anybody subscribes to, once, and only to subscribers', () => {
    fc.assert(
      fc.property(members, partitions, (list, map) => {
        const given = owners(assign(list, map));
        const wanted = [...map].filter(([topic]) => list.some(({ topics }) => topics.includes(topic)));
        expect([...given.keys()].sort()).to.deep.equal(
          wanted.flatMap(([topic, numbers]) => numbers.map((partition) => key(topic, partition))).sort(),
        );
        for (const [place, owner] of given) {
          const { topics } = list.find(({ memberId }) => memberId === owner)!;
          expect(topics).to.include(place.slice(0, place.lastIndexOf(':')));
        }
      }),
    );
  });

  it('lets members with equal subscriptions differ by one at most', () => {
    fc.assert(
      fc.property(members, partitions, (list, map) => {
        const result = assign(list, map);
        for (const a of list) {
          for (const b of list) {
            if ([...a.topics].sort().join() !== [...b.topics].sort().join()) continue;
            expect(total(result.get(a.memberId)!) - total(result.get(b.memberId)!)).to.be.within(-1, 1);
          }
        }
      }),
    );
  });

  it('could make nothing more even by moving one partition', () => {
    fc.assert(
      fc.property(members, partitions, (list, map) => {
        const result = assign(list, map);
        for (const [owner, share] of result) {
          for (const topic of share.keys()) {
            for (const { memberId, topics } of list) {
              if (!topics.includes(topic)) continue;
              expect(total(result.get(owner)!) - total(result.get(memberId)!)).to.be.at.most(1);
            }
          }
        }
      }),
    );
  });

  it('decides the same whatever the order of members and topics', () => {
    fc.assert(
      fc.property(members, partitions, (list, map) => {
        const reversed = new Map([...map].reverse());
        expect(assign([...list].reverse(), reversed)).to.deep.equal(assign(list, map));
      }),
    );
  });

  it('moves nothing when nothing changed, and only the partitions of one who left', () => {
    fc.assert(
      fc.property(members, partitions, (list, map) => {
        const equal = list.map(({ memberId }) => ({ memberId, topics: topicNames }));
        for (const group of [list, equal]) {
          const before = assign(group, map);
          expect(assign(keeping(group, before), map)).to.deep.equal(before);
        }
        const before = assign(equal, map);
        const stayed = keeping(equal, before).slice(1);
        const after = owners(assign(stayed, map));
        for (const [place, owner] of owners(before)) {
          if (stayed.some(({ memberId }) => memberId === owner)) expect(after.get(place)).to.equal(owner);
        }
      }),
    );
  });

  describe('in a real group', () => {
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
