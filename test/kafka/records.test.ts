import { expect } from 'chai';
import kafkajs, { type Consumer } from 'kafkajs';
import { readIn, readingConsumer, type Answered, type Demand } from '../../src/kafka/records.js';
import { createTopics, testKafka } from '../support/topics.js';
import { unique } from '../support/unique.js';
import { until } from '../support/until.js';

/** A broker's 900,000 bytes in each of so many partitions, as one batch. */
async function fill(topic: string, partitions: number): Promise<void> {
  await createTopics([topic], partitions);
  const producer = testKafka().producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
  await producer.connect();
  for (let partition = 0; partition < partitions; partition++) {
    await producer.send({ topic, messages: [{ partition, value: Buffer.alloc(900_000) }] });
  }
  await producer.disconnect();
}

describe('a consumer that asks for what is in demand', () => {
  let consumer: Consumer | undefined;
  afterEach(async () => {
    await consumer?.disconnect();
    consumer = undefined;
  });

  /** Reads a topic; returns which partitions came, in their order. */
  async function read(
    topic: string,
    demand: Demand,
  ): Promise<{ readonly came: number[]; readonly consumer: Consumer }> {
    const onUnreadable = () => undefined;
    const opened = (consumer = readingConsumer(testKafka(), { groupId: unique('group') }, { demand, onUnreadable }));
    await opened.connect();
    await opened.subscribe({ topics: [topic], fromBeginning: true });
    const came: number[] = [];
    await opened.run({
      autoCommit: false,
      eachBatch: ({ batch }) => {
        came.push(...readIn(batch).map(({ partition }) => partition));
        return Promise.resolve();
      },
    });
    return { came, consumer: opened };
  }

  it('is answered in the order in which it asks, as far as an answer goes', async () => {
    const topic = unique('demand');
    await fill(topic, 4);
    const answers: (readonly Answered[])[] = [];
    const { came } = await read(topic, {
      ask: (places) =>
        [...places].sort((a, b) => b.partition - a.partition).map((place) => ({ ...place, maxBytes: 1024 * 1024 })),
      answered: (parts) => answers.push(parts),
    });
    await until(() => came.length === 4);
    expect(came).to.deep.equal([3, 2, 1, 0]);
    const [first] = answers;
    expect(
      first?.map(({ partition, bytes, hasMore }) => [partition, bytes > 900_000, bytes > 0, hasMore]),
    ).to.deep.equal([3, 2, 1, 0].map((partition) => [partition, partition > 1, partition > 1, true]));
  });

  it('fetches nothing while nothing is, keeps its place in the group, and goes on when something is', async () => {
    const topic = unique('demand');
    await fill(topic, 2);
    let asked = 0;
    let wanted: readonly number[] = [];
    const { came, consumer: waiting } = await read(topic, {
      ask: (places) => {
        asked++;
        return places
          .filter(({ partition }) => wanted.includes(partition))
          .map((place) => ({ ...place, maxBytes: 1024 * 1024 }));
      },
      answered: () => undefined,
    });
    let heartbeats = 0;
    waiting.on(waiting.events.HEARTBEAT, () => heartbeats++);
    const [askedBefore, begun] = [asked, performance.now()];
    await until(() => heartbeats > 0 && asked > askedBefore + 1); // heartbeats are 3 s apart
    expect(came).to.deep.equal([]);
    // It does not spin: 20 ms lie between, and a timer may be early by one.
    expect(asked - askedBefore).to.be.at.most(1 + (performance.now() - begun) / 19);

    wanted = [1];
    await until(() => came.length > 0);
    expect(came).to.deep.equal([1]);

    waiting.pause([{ topic }]);
    wanted = [0, 1];
    const [seen, then] = [asked, heartbeats];
    await until(() => heartbeats > then);
    expect(came).to.deep.equal([1]);
    expect(asked - seen).to.be.below(3); // kafkajs has nothing to ask for
    waiting.resume([{ topic }]);
    await until(() => came.length > 1);
    expect(came).to.deep.equal([1, 0]);

    wanted = [];
    const last = asked;
    await until(() => asked > last + 2);
    await waiting.disconnect();
  });
});
