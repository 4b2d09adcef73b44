import { expect } from 'chai';
import kafkajs, { type Producer } from 'kafkajs';
import { LogReader, type Missing, type Range, type Slice } from '../../src/kafka/log-reader.js';
import { createTopics, deleteBefore, testKafka, withAdmin } from '../support/topics.js';
import { unique } from '../support/unique.js';
import { until } from '../support/until.js';

/** What was read of each partition: offsets and values, and how far. */
type Read = Map<string, { offsets: number[]; values: (string | null)[]; next: number }>;

function gather(read: Read, { topic, partition, messages, next }: Slice): void {
  const name = `${topic}:${partition}`;
  const one = read.get(name) ?? { offsets: [], values: [], next: 0 };
  for (const { offset, value } of messages) {
    one.offsets.push(offset);
    one.values.push(value === null ? null : value.toString());
  }
  read.set(name, { ...one, next });
}

async function readAll(ranges: readonly Range[], onMissing?: (missing: Missing) => void): Promise<Read> {
  const { signal } = new AbortController();
  const reader = new LogReader(testKafka(), ranges, { signal, ...(onMissing ? { onMissing } : {}) });
  const read: Read = new Map();
  for await (const slice of reader.slices()) gather(read, slice);
  return read;
}

function counting(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

describe('a reader of ranges of logs', () => {
  let producer: Producer;
  before(async () => {
    producer = testKafka().producer({
      allowAutoTopicCreation: false,
      createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
    });
    await producer.connect();
  });
  after(() => producer.disconnect());

  /** Sends one batch: the values `<from>` to before `<to>`. */
  const fill = (topic: string, partition: number, from: number, to: number, more: { compressed?: boolean } = {}) =>
    producer.send({
      topic,
      acks: -1,
      messages: counting(from, to).map((n) => ({ partition, value: String(n) })),
      ...(more.compressed === true ? { compression: kafkajs.CompressionTypes.GZIP } : {}),
    });

  async function filled(partitions: number, ...batches: readonly number[]): Promise<string> {
    const topic = unique('log');
    await createTopics([topic], partitions);
    for (let partition = 0; partition < partitions; partition++) {
      for (const [i, to] of batches.entries()) await fill(topic, partition, batches[i - 1] ?? 0, to);
    }
    return topic;
  }

  it('reads from the first offset to before the last, wherever batches begin and end', async () => {
    const topic = await filled(1, 10, 20, 30);
    for (const [from, to] of [[0, 30], [10, 20], [3, 27], [9, 11], [29, 30], [5, 6]] as const) {
      const read = await readAll([{ topic, partition: 0, from, to }]);
      expect(read.get(`${topic}:0`)?.offsets, `${from} to ${to}`).to.deep.equal(counting(from, to));
      expect(read.get(`${topic}:0`)?.next).to.equal(to);
    } // prettier-ignore
    expect(await readAll([{ topic, partition: 0, from: 7, to: 7 }])).to.deep.equal(new Map());
    expect(await readAll([])).to.deep.equal(new Map());
  });

  it('reads several partitions of several topics, each its own range and in order', async () => {
    const [one, other] = [await filled(2, 300, 600), await filled(1, 50)];
    const read = await readAll([
      { topic: one, partition: 0, from: 0, to: 600 },
      { topic: one, partition: 1, from: 299, to: 301 },
      { topic: other, partition: 0, from: 40, to: 50 },
    ]);
    expect(read.get(`${one}:0`)?.offsets).to.deep.equal(counting(0, 600));
    expect(read.get(`${one}:1`)?.values).to.deep.equal(['299', '300']);
    expect(read.get(`${other}:0`)?.offsets).to.deep.equal(counting(40, 50));
  });

  it('reads batches that are packed by gzip', async () => {
    const topic = unique('log');
    await createTopics([topic], 1);
    await fill(topic, 0, 0, 20, { compressed: true });
    await fill(topic, 0, 20, 25);
    await fill(topic, 0, 25, 40, { compressed: true });
    const read = await readAll([{ topic, partition: 0, from: 15, to: 30 }]);
    expect(read.get(`${topic}:0`)?.values).to.deep.equal(counting(15, 30).map(String));
  });

  it('leaves out what transactions aborted, and comes to the end over their marks', async () => {
    const topic = await filled(1, 5);
    const transactional = testKafka().producer({
      transactionalId: unique('tx'),
      maxInFlightRequests: 1,
      idempotent: true,
      createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
    });
    await transactional.connect();
    try {
      for (const [what, value] of [['commit', 'kept'], ['abort', 'gone'], ['commit', 'kept too'], ['abort', 'last']] as const) {
        const transaction = await transactional.transaction();
        await transaction.send({ topic, acks: -1, messages: [{ partition: 0, value }] });
        await transaction[what]();
      } // prettier-ignore
    } finally {
      await transactional.disconnect();
    }
    const to = 13; // each of the four wrote its message and a mark, which comes a moment after the answer
    await until(async () => Number((await withAdmin((admin) => admin.fetchTopicOffsets(topic)))[0]?.high) === to);
    const read = await readAll([{ topic, partition: 0, from: 0, to }]);
    expect(read.get(`${topic}:0`)).to.deep.equal({
      offsets: [0, 1, 2, 3, 4, 5, 9],
      values: ['0', '1', '2', '3', '4', 'kept', 'kept too'],
      next: to,
    });
  });

  it('says what retention deleted before it came there, and goes on behind it', async () => {
    const topic = await filled(2, 10, 20);
    await deleteBefore(topic, 0, 12);
    const missing: Missing[] = [];
    const ranges = [0, 1].map((partition) => ({ topic, partition, from: 3, to: 20 }));
    const read = await readAll(ranges, (one) => missing.push(one));
    expect(missing).to.deep.equal([{ topic, partition: 0, from: 3, to: 12 }]);
    expect(read.get(`${topic}:0`)?.offsets).to.deep.equal(counting(12, 20));
    expect(read.get(`${topic}:1`)?.offsets).to.deep.equal(counting(3, 20));
  });

  it('says what retention deletes while it reads, also where nothing of the range is left', async () => {
    // Two batches of more than a fetch holds, so that the second comes later.
    const topic = unique('log');
    await createTopics([topic], 1, { 'max.message.bytes': '4000000' });
    for (let i = 0; i < 3; i++) {
      await producer.send({ topic, acks: -1, messages: [{ partition: 0, value: 'x'.repeat(900_000) }] });
    }
    await fill(topic, 0, 0, 5);
    const missing: Missing[] = [];
    const read: Read = new Map();
    const { signal } = new AbortController();
    const range = { topic, partition: 0, from: 0, to: 3 };
    const reader = new LogReader(testKafka(), [range], { signal, onMissing: (one) => missing.push(one) });
    const rounds = reader.slices();
    const first = await rounds.next();
    if (first.done !== true) gather(read, first.value);
    // The second was asked for already; the third is gone before it is.
    await deleteBefore(topic, 0, 4);
    for await (const slice of rounds) gather(read, slice);
    const { offsets = [] } = read.get(`${topic}:0`) ?? {};
    expect(offsets[0]).to.equal(0);
    expect(missing).to.deep.equal([{ topic, partition: 0, from: offsets.length, to: 3 }]);
  });

  it('waits for nothing in a topic without a record', async () => {
    const topic = unique('log');
    await createTopics([topic], 2);
    expect(await readAll([0, 1].map((partition) => ({ topic, partition, from: 0, to: 0 })))).to.deep.equal(new Map());
  });

  it('refuses a log that ends before the range: it is another one', async () => {
    const topic = await filled(1, 5);
    const failure: unknown = await readAll([{ topic, partition: 0, from: 8, to: 9 }]).catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(Error);
    expect(String(failure)).to.contain(`${topic}:0 ends before 8`);
  });

  it('ends in the middle when it is told to, also where it waits for what has not come yet', async () => {
    const topic = await filled(1, 10);
    const stop = new AbortController();
    const reader = new LogReader(testKafka(), [{ topic, partition: 0, from: 0, to: 1_000 }], { signal: stop.signal });
    const read: Read = new Map();
    const ended = (async () => {
      for await (const slice of reader.slices()) gather(read, slice);
    })();
    await until(() => read.size > 0);
    stop.abort();
    await ended;
    expect(read.get(`${topic}:0`)).to.deep.include({ offsets: counting(0, 10), next: 10 });
  });

  it('ends when nobody listens any more', async () => {
    const topic = await filled(1, 10);
    const reader = new LogReader(testKafka(), [{ topic, partition: 0, from: 0, to: 1_000 }], {
      signal: new AbortController().signal,
    });
    for await (const slice of reader.slices()) if (slice.messages.length > 0) break;
  });
});
