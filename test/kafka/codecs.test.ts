import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import fc from 'fast-check';
import kafkajs, { type Admin } from 'kafkajs';
import { compressFrame } from 'lz4-napi';
import { codecProblem, refuseUnreadable, registerCodecs } from '../../src/kafka/codecs.js';
import { lz4Size } from '../../src/kafka/lz4.js';
import { unpackSnappy } from '../../src/kafka/snappy.js';
import { CorruptError, TooLargeError, UnreadableBatchError } from '../../src/kafka/unreadable.js';
import { unpackZstd, unpackZstdSlowly } from '../../src/kafka/zstd.js';
import { createTopics, readTopic, send, testKafka } from '../support/topics.js';
import { unique } from '../support/unique.js';
import { pack as packSnappy } from '../support/snappy.js';

const MIB = 1024 * 1024;
const { CompressionCodecs, CompressionTypes } = kafkajs;

interface Decompress {
  decompress(bytes: Buffer): Promise<Buffer>;
}

function isDecompress(value: unknown): value is Decompress {
  return typeof value === 'object' && value !== null && 'decompress' in value;
}

/** What kafkajs has registered. */
function registered(type: keyof typeof CompressionCodecs): Decompress {
  const codec: unknown = CompressionCodecs[type]();
  if (!isDecompress(codec)) throw new Error('no codec');
  return codec;
}

async function failureOf(work: () => unknown): Promise<unknown> {
  try {
    await work();
  } catch (error) {
    return error;
  }
  throw new Error('It did not fail.');
}

/** A topic that the broker compresses with `type`. */
async function compressedTopic(admin: Admin, type: string): Promise<string> {
  const topic = unique(`packed.${type}`);
  await createTopics([topic], 1);
  await admin.alterConfigs({
    validateOnly: false,
    resources: [
      {
        type: kafkajs.ConfigResourceTypes.TOPIC,
        name: topic,
        configEntries: [{ name: 'compression.type', value: type }],
      },
    ],
  });
  return topic;
}

/** Text that repeats itself, as events do, and noise, which does not. */
const values = [
  ...Array.from({ length: 300 }, (_, i) =>
    Buffer.from(JSON.stringify({ eventId: `e${i}`, type: 'content.post.created' })),
  ),
  randomBytes(100_000),
  Buffer.from('né '.repeat(100_000)),
  Buffer.alloc(0),
];

/** Repetitions near and far, and noise. */
const bytes = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 80 }),
      fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 9 }), fc.nat(40_000)).map(([part, times]) => {
        const out = Buffer.alloc(Math.min(part.length * times, 140_000));
        return out.length > 0 ? out.fill(part) : out;
      }),
    ),
    { maxLength: 8 },
  )
  .map((parts) => Buffer.concat(parts));

const sample = Array.from({ length: 30 }, (_, i) =>
  JSON.stringify({ eventId: `e${i * 7919}`, type: 'content.post.created' }),
).join('');

/** The sample as the zstd of this machine packed it, with a checksum. */
const zstdSample = Buffer.from(
  'KLUv/WToBGUFAEILHhWQqwOIf6IFJaJM5yeym+xmH3H9gxK3/Jh9mOd5+r6G29+8Zt956H6o/Y/Mdqy2qIuayJpqzbjezux2rY92jrb/du12jde4mZypu3rbur/PzZe9nejpe3/fTxkoEUgpgrQgSZAOlA6kKKFQ0qQCylAJZQzpQAwqJx6oEBihwtf/DJAXWw4QfkT4XxFWH8fTMrO/fmg7ft8F0i3yQOglpip+g5WSkhVHQFLc5dUv',
  'base64',
);

describe('codecs', () => {
  let admin: Admin;

  before(async () => {
    await registerCodecs();
    admin = testKafka().admin();
    await admin.connect();
  });

  after(async () => {
    await registerCodecs();
    await admin.disconnect();
  });

  for (const type of ['gzip', 'snappy', 'lz4', 'zstd']) {
    it(`reads what a broker compressed with ${type}`, async () => {
      const topic = await compressedTopic(admin, type);
      await send(values.map((value) => ({ topic, key: null, value })));
      const records = await readTopic(topic);
      expect(records.map(({ value }) => value?.toString('base64'))).to.deep.equal(
        values.map((value) => value.toString('base64')),
      );
      await refuseUnreadable(admin, [topic]);
    });
  }

  for (const [name, type] of [
    ['gzip', CompressionTypes.GZIP],
    ['lz4', CompressionTypes.LZ4],
  ] as const) {
    it(`reads what a producer compressed with ${name}`, async () => {
      const topic = unique(`packed.by.producer`);
      await createTopics([topic], 1);
      const producer = testKafka().producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
      await producer.connect();
      await producer.send({ topic, compression: type, messages: values.map((value) => ({ value })) });
      await producer.disconnect();
      const records = await readTopic(topic);
      expect(records.map(({ value }) => value?.toString('base64'))).to.deep.equal(
        values.map((value) => value.toString('base64')),
      );
    });
  }

  it('reads raw snappy, and refuses every shortened form of it', () => {
    fc.assert(
      fc.property(bytes, fc.nat(), (whole, cut) => {
        const packed = packSnappy(whole);
        expect(unpackSnappy(packed, whole.length).equals(whole)).to.equal(true);
        const short = packed.subarray(0, cut % packed.length);
        expect(() => unpackSnappy(short, whole.length)).to.throw(CorruptError);
      }),
    );
  });

  it('survives any bytes that call themselves snappy, LZ4 or zstd', async () => {
    const packed = await compressFrame(Buffer.from('some words some words some words some words'.repeat(9)));
    const known = [packSnappy(Buffer.from('some words some words')), packed, zstdSample];
    await fc.assert(
      fc.asyncProperty(fc.nat(2), fc.array(fc.tuple(fc.nat(), fc.nat(255))), async (which, changes) => {
        const damaged = Buffer.from(known[which]!);
        for (const [at, byte] of changes) damaged[at % damaged.length] = byte;
        const type = ([CompressionTypes.Snappy, CompressionTypes.LZ4, CompressionTypes.ZSTD] as const)[which]!;
        try {
          await registered(type).decompress(damaged);
        } catch (error) {
          expect(error).to.be.instanceOf(UnreadableBatchError);
        }
      }),
    );
  });

  it('knows how large LZ4 frames are, in every form', async () => {
    await fc.assert(
      fc.asyncProperty(bytes, fc.boolean(), fc.boolean(), async (whole, contentChecksum, blockChecksums) => {
        const packed = await compressFrame(whole, { contentChecksum, blockChecksums });
        expect(lz4Size(packed, Infinity)).to.equal(whole.length);
        expect(lz4Size(Buffer.concat([packed, packed]), Infinity)).to.equal(2 * whole.length);
        const read = await registered(CompressionTypes.LZ4).decompress(packed);
        expect(read.equals(whole)).to.equal(true);
      }),
    );
  });

  it('refuses bombs in every codec before the memory is taken', async () => {
    await registerCodecs(MIB);
    const bombs = {
      [CompressionTypes.GZIP]: gzipSync(Buffer.alloc(MIB + 1)),
      [CompressionTypes.Snappy]: packSnappy(Buffer.alloc(MIB + 1)),
      [CompressionTypes.LZ4]: await compressFrame(Buffer.alloc(MIB + 1)),
      // A frame of nine blocks that each repeat one byte 131,072 times.
      [CompressionTypes.ZSTD]: zstdZeros(9),
    };
    for (const type of [
      CompressionTypes.GZIP,
      CompressionTypes.Snappy,
      CompressionTypes.LZ4,
      CompressionTypes.ZSTD,
    ] as const) {
      const error = await failureOf(() => registered(type).decompress(bombs[type]));
      expect(error, String(type)).to.be.instanceOf(UnreadableBatchError);
      expect(String(error)).to.include('more than 1 MiB');
    }
    await registerCodecs();
    for (const type of [CompressionTypes.GZIP, CompressionTypes.Snappy, CompressionTypes.LZ4] as const) {
      expect(await registered(type).decompress(bombs[type])).to.have.length(MIB + 1);
    }
    expect(await registered(CompressionTypes.ZSTD).decompress(bombs[CompressionTypes.ZSTD])).to.have.length(
      9 * 131_072,
    );
  });

  it('refuses snappy that claims four gigabytes, and zstd that claims a window of them', async () => {
    const claim = Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f, 0x00]);
    expect(() => unpackSnappy(claim, 64 * MIB)).to.throw(TooLargeError);
    const wide = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa0, 0x01, 0, 0]);
    expect(await failureOf(() => unpackZstdSlowly(wide, 64 * MIB))).to.be.instanceOf(TooLargeError);
  });

  it('reads zstd the same in JavaScript as in Node.js', async () => {
    for (const packed of [zstdZeros(3), zstdSample, Buffer.concat([zstdSample, zstdSample])]) {
      expect(await unpackZstdSlowly(packed, MIB)).to.deep.equal(await unpackZstd(packed, MIB));
    }
    expect((await unpackZstdSlowly(zstdSample, MIB)).toString()).to.equal(sample);
  });

  it('says that damaged bytes are damaged', async () => {
    const damaged = gzipSync(Buffer.from('words'.repeat(100)));
    damaged.fill(0xff, 12, 20);
    for (const [type, given] of [
      [CompressionTypes.GZIP, damaged],
      [CompressionTypes.Snappy, Buffer.from([5, 0xf0])],
      [CompressionTypes.LZ4, Buffer.from('no frame')],
      [CompressionTypes.LZ4, (await compressFrame(Buffer.from('words'.repeat(100)))).subarray(0, 20)],
      [CompressionTypes.ZSTD, Buffer.from('no frame')],
      [CompressionTypes.ZSTD, zstdZeros(2).subarray(0, 9)],
    ] as const) {
      const error = await failureOf(() => registered(type).decompress(given));
      expect(error).to.be.instanceOf(UnreadableBatchError);
      expect(String(error)).to.include('damaged').and.to.include('Nothing is skipped');
    }
  });

  it('refuses a topic in a codec whose library does not load, and names it', async () => {
    const [lz4, gzip] = [await compressedTopic(admin, 'lz4'), await compressedTopic(admin, 'gzip')];
    await registerCodecs(undefined, () => Promise.reject(new Error('Cannot find native binding.\n/a/file')));
    expect(codecProblem('producer')).to.equal(undefined);
    expect(codecProblem('gzip')).to.equal(undefined);
    await refuseUnreadable(admin, [gzip]);
    const refusal = await failureOf(() => refuseUnreadable(admin, [gzip, lz4]));
    expect(refusal).to.have.property('status', 5);
    expect(String(refusal)).to.include(`${lz4} (compression.type=lz4)`).and.to.include('native binding');
    expect(String(refusal)).not.to.include(gzip).and.not.to.include('/a/file');
    const error = await failureOf(() => registered(CompressionTypes.LZ4).decompress(Buffer.alloc(9)));
    expect(error).to.be.instanceOf(UnreadableBatchError);
    await registerCodecs();
    await refuseUnreadable(admin, [lz4]);
  });

  it('knows no codec that is not Kafka’s', () => {
    expect(codecProblem('brotli')).to.include('known');
  });
});

/** A zstd frame of `count` blocks, each one zero byte repeated 131,072 times. */
function zstdZeros(count: number): Buffer {
  const block = (isLast: boolean) => {
    const header = Buffer.alloc(4);
    header.writeUIntLE((131_072 << 3) | (1 << 1) | Number(isLast), 0, 3);
    return header;
  };
  const blocks = Array.from({ length: count }, (_, i) => block(i === count - 1));
  const window = 10 << 3; // a megabyte
  return Buffer.concat([Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, window]), ...blocks]);
}
