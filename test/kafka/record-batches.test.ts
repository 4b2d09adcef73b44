import { expect } from 'chai';
import fc from 'fast-check';
import kafkajs from 'kafkajs';
import type { Message } from '../../src/event/message.js';
import { registerCodecs } from '../../src/kafka/codecs.js';
import { crc32c as checksumOf } from '../../src/kafka/crc32c.js';
import { LogReader } from '../../src/kafka/log-reader.js';
import { MAX_HEADERS, messageOf, waitingMessageOf } from '../../src/kafka/raw-record.js';
import { readFetchAnswer } from '../../src/kafka/record-batches.js';
import { crc32c, int32, int64, record, sendRaw } from '../support/raw-batch.js';
import { createTopics, testKafka, withAdmin } from '../support/topics.js';
import { unique } from '../support/unique.js';

async function readAll(topic: string, from = 0, to?: number): Promise<Message[]> {
  const [end] = await withAdmin((admin) => admin.fetchTopicOffsets(topic));
  const range = { topic, partition: 0, from, to: to ?? Number(end?.high) };
  const read: Message[] = [];
  const reader = new LogReader(testKafka(), [range], { signal: new AbortController().signal });
  for await (const { messages } of reader.slices()) read.push(...messages);
  return read;
}

describe('records out of fetch answers', () => {
  let kafka: kafkajs.Kafka;
  let producer: kafkajs.Producer;
  before(async () => {
    await registerCodecs();
    kafka = testKafka();
    producer = kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
    await producer.connect();
  });
  after(() => producer.disconnect());

  for (const compression of [kafkajs.CompressionTypes.None, kafkajs.CompressionTypes.GZIP]) {
    it(`are what was sent, with codec ${compression}`, async () => {
      const topic = unique('batches');
      await createTopics([topic], 1);
      const timestamp = Date.UTC(2024, 4, 1);
      const sent = Array.from({ length: 300 }, (_, i) => ({
        key: i % 3 === 0 ? null : Buffer.from(`key ${i}`),
        value: i % 5 === 0 ? null : Buffer.alloc(i * 7, i),
        timestamp: String(timestamp + (i % 2 === 0 ? -i * 86_400_000 * 60 : i)),
        headers: { a: Buffer.from([i & 255, 255]), [`ü${i}`]: Buffer.alloc(0), long: Buffer.alloc(300, i) },
      }));
      await producer.send({ topic, messages: sent.slice(0, 100), compression });
      await producer.send({ topic, messages: sent.slice(100), compression });
      const expected = sent.map(({ key, value, headers, timestamp: at }, offset) => ({
        ...{ topic, partition: 0, offset, key, value, timestamp: Number(at), headers: Object.entries(headers) },
      }));
      expect(await readAll(topic)).to.deep.equal(expected);
      expect(await readAll(topic, 150, 152)).to.deep.equal(expected.slice(150, 152));
    });
  }

  it('keep headers of one name, and those without a value', async () => {
    const topic = unique('batches');
    await createTopics([topic], 1);
    await producer.send({ topic, messages: [{ value: 'x', headers: { twice: ['1', '2'], once: '3' } }] });
    const [message] = await readAll(topic);
    const headers = message!.headers.map(([name, value]) => [name, value?.toString()]);
    expect(headers).to.have.deep.members([['twice', '1'], ['twice', '2'], ['once', '3']]); // prettier-ignore
  });

  it('have at most so many headers; of one with more they are counted', async () => {
    const topic = unique('batches');
    await createTopics([topic], 1);
    const fine = record(0, { key: 'a', value: Buffer.from('1'), headers: MAX_HEADERS, name: 'n' });
    const over = record(1, { key: 'b', value: Buffer.from('2'), headers: MAX_HEADERS + 1, name: 'n' });
    const behind = record(2, { key: 'c', value: Buffer.from('3'), headers: 1, name: 'n' });
    await sendRaw(topic, 0, Buffer.concat([fine, over, behind]), 3);
    const read = (await readAll(topic)).map(({ value, headers, headersLeftOut }) => [
      ...[value?.toString(), headers.length, headersLeftOut],
    ]);
    expect(read).to.deep.equal([['1', MAX_HEADERS, undefined], ['2', 0, MAX_HEADERS + 1], ['3', 1, undefined]]); // prettier-ignore
  });

  it('of a batch that costs too much at once come in parts, in order and each once', async () => {
    const topic = unique('batches');
    await createTopics([topic], 1);
    const count = 300_000;
    const records = Array.from({ length: count }, (_, i) => record(i, { key: null, value: null }));
    await sendRaw(topic, 0, Buffer.concat(records), count);
    const range = { topic, partition: 0, from: 5, to: count - 5 };
    const lengths: number[] = [];
    let next = range.from;
    const reader = new LogReader(testKafka(), [range], { signal: new AbortController().signal });
    for await (const { messages } of reader.slices()) {
      lengths.push(messages.length);
      for (const { offset } of messages) if (offset === next) next++;
    }
    expect(lengths.length).to.be.greaterThan(1);
    expect(next).to.equal(range.to);
    expect(lengths.reduce((sum, length) => sum + length)).to.equal(range.to - range.from);
  });

  it('leave out what was aborted, and the marks of transactions', async () => {
    const topic = unique('batches');
    await createTopics([topic], 1);
    const writer = kafka.producer({
      ...{ transactionalId: unique('tx'), maxInFlightRequests: 1, idempotent: true },
      createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
    });
    await writer.connect();
    for (const [i, keeps] of [true, false, false, true].entries()) {
      const transaction = await writer.transaction();
      await transaction.send({ topic, messages: [{ value: `${i} in` }] });
      await producer.send({ topic, messages: [{ value: `${i} beside` }] });
      await (keeps ? transaction.commit() : transaction.abort());
    }
    await writer.disconnect();
    const values = (await readAll(topic)).map(({ value }) => value?.toString());
    expect(values).to.deep.equal(['0 in', '0 beside', '1 beside', '2 beside', '3 in', '3 beside']);
  });

  it('end before a batch that cannot be read, of which nothing is taken; other partitions are read', async () => {
    const [good, torn] = [record(0, { key: 'a', value: null }), record(1, { key: 'b', value: null }).subarray(0, -2)];
    const whole = Buffer.concat([good, record(1, { key: 'b', value: null })]);
    const log = Buffer.concat([batchAt(0, whole), batchAt(2, Buffer.concat([good, torn])), batchAt(4, whole)]);
    const read = async (from: number) => {
      const bytes = answerOf('t', [log, Buffer.concat([batchAt(2, whole), batchAt(4, whole)])]);
      const { responses } = await readFetchAnswer(bytes, 11, messageOf, (_, partition) => (partition === 0 ? from : 2));
      return responses[0]?.partitions.map(({ bytes: length, offsets, next, end, unreadable }) => ({
        ...{ length, offsets, next, end, why: unreadable?.message.split(' cannot')[0] },
      }));
    };
    const { length } = log;
    const beside = {
      length: length - batchAt(2, Buffer.concat([good, torn])).length,
      offsets: [2, 3, 4, 5],
      next: 6,
      end: 6,
      why: undefined,
    };
    const why = 'A batch (t:0, offsets 2 to 3)';
    expect(await read(0)).to.deep.equal([{ length, offsets: [0, 1], next: 2, end: 6, why }, beside]);
    expect(await read(2)).to.deep.equal([{ length, offsets: [], next: 2, end: 6, why }, beside]);
  });
});

describe('records that wait', () => {
  it('say what others say, and how large they are, whatever they have', async () => {
    const part = fc.option(fc.string({ unit: 'binary', maxLength: 200 }));
    const given = fc.record({ key: part, value: part, headers: fc.constantFrom(0, 0, 1, 3, MAX_HEADERS + 1) });
    const two = fc.tuple(given, given);
    await fc.assert(
      fc.asyncProperty(two, async (both) => {
        const records = both.map(({ value, ...rest }, i) => {
          return record(i, { ...rest, value: value === null ? null : Buffer.from(value), name: 'n' });
        });
        const answer = answerOf('t', [batchAt(7, Buffer.concat(records))]);
        const read = async (reading: typeof messageOf) =>
          (await readFetchAnswer(answer, 11, reading, () => 7)).responses[0]?.partitions[0]?.records ?? [];
        const waiting = await read(waitingMessageOf);
        expect(waiting.map(said)).to.deep.equal((await read(messageOf)).map(said));
        expect(waiting).to.have.length(2);
        for (const { key, value, size } of waiting) {
          if (size !== undefined) expect(size).to.equal((key?.length ?? 0) + (value?.length ?? 0));
        }
      }),
      { numRuns: 50 },
    );
  });
});

/** All that a message says, also what is looked for when somebody asks. */
function said({ topic, partition, offset, key, value, headers, timestamp, headersLeftOut }: Message) {
  return [topic, partition, offset, key, value, headers, timestamp, headersLeftOut];
}

describe('the checksum of a batch', () => {
  it('is that of the definition', () => {
    expect(checksumOf(Buffer.from('123456789'))).to.equal(0xe3069283 | 0); // RFC 3720, B.4, has more
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        expect(checksumOf(bytes)).to.equal(crc32c(Buffer.from(bytes)) | 0);
      }),
    );
  });

  it('finds every bit that was changed behind it, and what is before it makes nothing of a batch that it is not', async () => {
    const value = Buffer.from('{"eventId":"e","amount":100}');
    const batch = batchAt(7, Buffer.concat([record(0, { key: 'a', value }), record(1, { key: 'b', value })]));
    const read = async (log: Buffer) => {
      const { responses } = await readFetchAnswer(answerOf('t', [log]), 11, messageOf, () => 7);
      return responses[0]?.partitions[0];
    };
    expect((await read(batch))?.offsets).to.deep.equal([7, 8]);
    const checksum = 17; // behind the offset, the length, the leader's epoch and the format
    for (let bit = 8 * 8; bit < batch.length * 8; bit++) {
      const changed = Buffer.from(batch);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const part = await read(changed);
      const isEpoch = bit >= 12 * 8 && bit < 16 * 8;
      if (!isEpoch) expect(part?.offsets, `bit ${bit}`).to.deep.equal([]);
      if (bit >= checksum * 8) expect(part?.unreadable?.message).to.include('their checksum is another one');
    }
    const short = Buffer.from(batch);
    int32(9).copy(short, 8); // nothing behind the checksum, and that of nothing is 0
    int32(0).copy(short, checksum);
    expect((await read(short))?.unreadable?.message).to.include('a batch is shorter than its head');
  });
});

/** Two records as a batch, not compressed. */
function batchAt(offset: number, records: Buffer): Buffer {
  const producer = Buffer.alloc(14, 255);
  const counting = Buffer.concat([Buffer.alloc(2), int32(1), Buffer.alloc(16), producer, int32(2), records]);
  const rest = Buffer.concat([int32(0), Buffer.of(2), int32(crc32c(counting)), counting]);
  return Buffer.concat([int64(offset), int32(rest.length), rest]);
}

/** What a broker answers, in version 11: these logs of the partitions of a topic. */
function answerOf(topic: string, logs: readonly Buffer[]): Buffer {
  const name = Buffer.concat([Buffer.of(0, topic.length), Buffer.from(topic)]);
  const partitions = logs.map((log, i) =>
    Buffer.concat([
      int32(i),
      Buffer.alloc(2),
      int64(9),
      int64(6),
      int64(0),
      int32(0),
      int32(-1),
      int32(log.length),
      log,
    ]),
  );
  return Buffer.concat([int32(0), Buffer.alloc(6), int32(1), name, int32(logs.length), ...partitions]);
}
