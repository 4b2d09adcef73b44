import { expect } from 'chai';
import kafkajs from 'kafkajs';
import { Source, type Jump } from '../../src/kafka/source.js';
import { Holds } from '../../src/reading/holds.js';
import type { Queued } from '../../src/reading/intake.js';
import { createTopics, send, testKafka } from '../support/topics.js';
import { unique } from '../support/unique.js';
import { until } from '../support/until.js';

/** Two records that were aborted, and the mark of it: offsets 0 to 2. */
async function abortIn(topic: string, partition: number): Promise<void> {
  const producer = testKafka().producer({
    ...{ transactionalId: unique('tx'), maxInFlightRequests: 1, idempotent: true },
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
  });
  await producer.connect();
  const transaction = await producer.transaction();
  await transaction.send({ topic, messages: ['a', 'b'].map((value) => ({ partition, value })) });
  await transaction.abort();
  await producer.disconnect();
}

describe('the source', () => {
  it('throws away what was fetched before it was told to go on elsewhere, also where that is only to be passed', async () => {
    const [first, other] = [unique('source'), unique('source')];
    await createTopics([first, other], 1);
    await send([{ topic: first, key: null, value: Buffer.from('x') }]);
    await abortIn(other, 0);

    const holds = new Holds();
    let fetched = 0;
    const came: Queued[] = [];
    const jumps: Jump[] = [];
    let release: () => void = () => undefined;
    let room: Promise<void> | undefined = new Promise((resolve) => (release = resolve));
    const source = await Source.open(testKafka(), unique('group'), [first, other], holds, {
      demand: {
        // The first is handed over first, and the other waits behind it.
        ask: (places) =>
          [...places].sort((a) => (a.topic === first ? -1 : 1)).map((place) => ({ ...place, maxBytes: 1024 * 1024 })),
        answered: (parts) => (fetched += parts.filter(({ isEmpty }) => !isEmpty).length),
      },
      onRead: (read) => came.push(...read),
      room: () => (came.length > 0 ? room : undefined),
      onAssigned: (assigned) => Promise.resolve(assigned.map((at) => ({ ...at, next: 0 }))),
      onJump: (jump) => jumps.push(jump),
      onUnreadable: () => undefined,
      onRebalancing: () => undefined,
      onAnswer: () => undefined,
      onTrouble: () => undefined,
      onCrash: () => undefined,
    });
    try {
      await until(() => came.length > 0);
      source.seek([{ topic: other, partition: 0, next: 1 }]);
      room = undefined;
      release();
      await until(() => came.length > 1 || jumps.length > 0);
      expect(jumps).to.deep.equal([]);
      expect(came.map(({ topic, message, next }) => [topic, message?.offset, next])).to.deep.equal([
        [first, 0, 1],
        [other, undefined, 3],
      ]);
      expect(source.next(other, 0)).to.equal(3);

      holds.add('gap', { topic: other, partition: 0 }); // kafkajs does not know of it yet
      await abortIn(other, 0);
      const before = fetched;
      await until(() => fetched > before + 2);
      expect(source.next(other, 0)).to.equal(3);
      holds.remove('gap', { topic: other, partition: 0 });
      await until(() => came.length > 2);
      expect(came.at(-1)?.next).to.equal(6);
    } finally {
      await source.close();
    }
  });
});
