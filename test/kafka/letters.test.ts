import { expect } from 'chai';
import type { Admin, KafkaMessage } from 'kafkajs';
import type { DataSource } from 'typeorm';
import { headersOf, LetterBox } from '../../src/kafka/letters.js';
import { changeSetting, settingsOf } from '../../src/kafka/topic-settings.js';
import type { Letter } from '../../src/letters/letter.js';
import { readHeaders } from '../../src/postgres/headers.js';
import { openLetterBox } from '../../src/servers.js';
import { startDbw } from '../support/cli.js';
import { freshDatabase } from '../support/database.js';
import { recording } from '../support/log.js';
import { createTopics, header, readTopic, send, testKafka, withAdmin } from '../support/topics.js';
import { unique } from '../support/unique.js';
import { until } from '../support/until.js';

const KIB = 1024;
let offset = 0;

function letterWith(value: Buffer, given: Partial<Letter> = {}): Letter {
  return {
    topic: 'user.created',
    partition: 1,
    offset: offset++,
    failedAt: '2024-05-01T00:00:00.000001Z',
    key: Buffer.from('ann'),
    value,
    headers: [['number', String(offset)]],
    ...given,
  };
}

/** Letters of so many bytes, each of another content. */
function lettersOf(count: number, bytes: number, given: Partial<Letter> = {}): Letter[] {
  return Array.from({ length: count }, (_, i) => letterWith(Buffer.alloc(bytes, `${i} `), given));
}

const valuesOf = (of: readonly { value: Buffer | null }[]) => of.map(({ value }) => value?.toString('base64'));

describe('the letter box', () => {
  let dataSource: DataSource;
  let admin: Admin;
  const kafka = testKafka();
  const boxes: LetterBox[] = [];
  before(async () => {
    dataSource = await freshDatabase();
    admin = kafka.admin();
    await admin.connect();
  });
  after(async () => {
    await Promise.all(boxes.map((box) => box.close()));
    await admin.disconnect();
    await dataSource.destroy();
  });

  /** A box as `consume` opens it, over a topic that then gets these settings. */
  async function open(settings: Record<string, string> = {}, partitions = 1) {
    const topic = unique('dlq');
    await createTopics([topic], partitions, { 'retention.ms': '-1' });
    const { log, lines } = recording();
    const stop = new AbortController();
    const box = await openLetterBox({ dataSource, kafka, admin }, topic, [], log);
    boxes.push(box);
    for (const [name, value] of Object.entries(settings)) await changeSetting(admin, topic, name, value);
    let retries = 0;
    const onRetry = () => {
      retries++;
    };
    const post = (letters: readonly Letter[]) =>
      box.sendPatiently(letters, { signal: stop.signal, onRetry, delayMs: 10, log });
    return { topic, post, stop, lines, retries: () => retries };
  }

  interface Kept {
    topic: string;
    partition: number;
    offset: string;
    dlq_topic: string;
    key: Buffer | null;
    value: Buffer | null;
    headers: unknown;
    failed_at: Date;
  }
  const kept = (topic: string): Promise<Kept[]> =>
    dataSource.query('SELECT * FROM dbw.oversize_letters WHERE dlq_topic = $1 ORDER BY "offset"', [topic]);

  it('sends keys, values and headers as they are, also what is null, empty, repeated or no text', async () => {
    const { topic, post } = await open();
    const headers: Letter['headers'] = [
      ['twice', Buffer.from([0, 255])],
      ['empty', Buffer.alloc(0)],
      ['twice', 'b'],
    ];
    await post([letterWith(Buffer.from([0, 255, 128]), { headers }), { ...letterWith(Buffer.alloc(0)), value: null }]);
    const [first, second] = await readTopic(topic);
    expect(first!.value).to.deep.equal(Buffer.from([0, 255, 128]));
    expect(Object.entries(first!.headers ?? {})).to.have.deep.members([
      ['twice', [Buffer.from([0, 255]), Buffer.from('b')]],
      ['empty', Buffer.alloc(0)],
    ]);
    expect(second!.value).to.equal(null);
    expect(second!.key?.toString()).to.equal('ann');
  });

  it('sends many letters at once, each once and in the order of their key', async () => {
    const { topic, post } = await open({ 'max.message.bytes': '1048588' }, 2);
    // Of sixteen keys some go where the many do not: they would be sent again if the many were refused.
    const small = Array.from({ length: 16 }, (_, i) =>
      letterWith(Buffer.alloc(100), { key: Buffer.from(`small ${i}`) }),
    );
    const large = lettersOf(1_500, 2 * KIB, { key: Buffer.from('large') });
    await post([...small, ...large]);
    const records = await readTopic(topic);
    const keyOf = ({ key }: { key: Buffer | null }) => key?.toString() ?? '';
    const isLarge = (of: { key: Buffer | null }) => keyOf(of) === 'large';
    expect(valuesOf(records.filter(isLarge))).to.deep.equal(valuesOf(large));
    expect(records.filter((record) => !isLarge(record)).map(keyOf)).to.have.members(small.map(keyOf));
    expect(await kept(topic)).to.deep.equal([]);
  });

  it('sends a letter of 900 KB', async () => {
    const { topic, post } = await open({ 'max.message.bytes': '1048588' });
    const letters = [...lettersOf(1, 10), ...lettersOf(1, 900_000), ...lettersOf(1, 20)];
    await post(letters);
    expect(valuesOf(await readTopic(topic))).to.deep.equal(valuesOf(letters));
  });

  it('keeps in PostgreSQL what alone is too large for the topic, and sends the rest', async () => {
    const { topic, post, lines } = await open({ 'max.message.bytes': String(20 * KIB) });
    const before = lettersOf(30, 2 * KIB);
    const large = letterWith(Buffer.alloc(30 * KIB, 255), {
      partition: 2_147_483_647,
      offset: 9_007_199_254_740_990,
      key: null,
      headers: [
        ['twice', Buffer.from([0, 255])],
        ['twice', 'é'],
        ['%00 and \0', Buffer.alloc(0)],
      ],
      failedAt: '2024-05-01T00:00:00.123456Z',
    });
    const behind = lettersOf(30, 2 * KIB);
    await post([...before, large, ...behind]);

    expect(valuesOf(await readTopic(topic))).to.deep.equal(valuesOf([...before, ...behind]));
    const [row, ...more] = await kept(topic);
    expect(more).to.deep.equal([]);
    expect(row).to.deep.include({
      topic: 'user.created',
      partition: 2_147_483_647,
      offset: '9007199254740990',
      key: null,
      value: large.value,
      failed_at: new Date('2024-05-01T00:00:00.123Z'),
    });
    const bytes = large.headers.map(([name, value]) => [name, Buffer.from(value)]);
    expect(readHeaders(row!.headers)).to.deep.equal(bytes);
    expect(lines.join()).to.contain(`too large for ${topic}`).and.to.contain('dbw.oversize_letters');
  });

  it('keeps the newest of several letters of one message', async () => {
    const { topic, post } = await open({ 'max.message.bytes': '1000' });
    const at = (second: number): Letter =>
      letterWith(Buffer.alloc(2_000, second), { offset: 77, failedAt: `2024-05-01T00:00:0${second}Z`, topic });
    const firstByte = async () => (await kept(topic)).map(({ value }) => value?.[0]);
    await post([at(2), at(5)]);
    expect(await firstByte()).to.deep.equal([5]);
    await post([at(3)]);
    expect(await firstByte()).to.deep.equal([5]);
    await post([at(6)]);
    expect(await firstByte()).to.deep.equal([6]);
  });

  it('is patient with PostgreSQL too', async () => {
    const { topic, post, retries } = await open({ 'max.message.bytes': '1000' });
    await dataSource.query('ALTER TABLE dbw.oversize_letters RENAME TO away');
    let done = false;
    const posted = post(lettersOf(1, 2_000)).then(() => (done = true));
    await until(() => retries() > 1);
    expect(done).to.equal(false);
    await dataSource.query('ALTER TABLE dbw.away RENAME TO oversize_letters');
    await posted;
    expect(await kept(topic)).to.have.length(1);
  });

  /** What the broker refuses, for whatever reason: here a letter without a key, while the topic is compacted. */
  const refusing = { 'cleanup.policy': 'compact' };

  it('waits until the broker has a letter, however long that takes', async () => {
    const { topic, post, retries, lines } = await open(refusing);
    let done = false;
    const letters = lettersOf(3, 10, { key: null });
    const posted = post(letters).then(() => (done = true));
    await until(() => retries() > 1);
    expect(done).to.equal(false);
    expect(lines.join()).to.contain('writing of 3 dead letters failed');
    await changeSetting(admin, topic, 'cleanup.policy', 'delete');
    await posted;
    expect(valuesOf(await readTopic(topic))).to.deep.equal(valuesOf(letters));
  });

  it('gives up when the process is to end', async () => {
    const { post, stop, retries } = await open(refusing);
    const posted = post(lettersOf(1, 10, { key: null })).then(
      () => 'sent',
      () => 'given up',
    );
    await until(() => retries() > 0);
    stop.abort();
    expect(await posted).to.equal('given up');
  });

  it('makes the topic again when it was deleted, and says so', async () => {
    const { topic, post, lines } = await open({}, 3);
    await post(lettersOf(1, 10));
    await admin.deleteTopics({ topics: [topic] });
    await until(async () => !(await admin.listTopics()).includes(topic));
    const letters = lettersOf(5, 10);
    await post(letters);
    let records: KafkaMessage[] = [];
    await until(async () => (records = await readTopic(topic)).length > 0);
    expect(valuesOf(records)).to.deep.equal(valuesOf(letters));
    expect(lines.filter((line) => line.startsWith('error')).join())
      .to.contain('was gone')
      .and.to.contain('created again');
    expect((await settingsOf(admin, [topic])).get(topic)?.get('retention.ms')?.value).to.equal('-1');
  });
});

describe('headers for kafkajs', () => {
  it('are made in one pass, also three hundred thousand of one name', () => {
    const given = Array.from({ length: 300_000 }, (_, i) => ['same', String(i)] as const);
    const { same } = headersOf({ headers: [...given, ['other', 'x']] });
    expect(same).to.have.length(300_000);
    expect(same?.at(-1)).to.equal('299999');
  });
});

describe('dbw consume', () => {
  it('moves its offset past a refused message only when its letter is safe, also where no topic takes it', async () => {
    const dataSource = await freshDatabase();
    const prefix = `${unique('t')}.`;
    const source = `${prefix}user.created`;
    const deadLetters = unique('dlq');
    const groupId = unique('group');
    await createTopics([source], 1);
    const running = startDbw(['consume'], {
      DB_DATABASE: String(dataSource.options.database),
      KAFKA_TOPIC_PREFIX: prefix,
      KAFKA_GROUP_ID: groupId,
      DLQ_TOPIC: deadLetters,
    });
    try {
      await until(() => running.output.stderr.includes('partitions assigned'), running);
      await withAdmin(async (admin) => {
        await changeSetting(admin, deadLetters, 'max.message.bytes', '10000');
        // The broker says so before it does so.
        const limit = async () =>
          (await settingsOf(admin, [deadLetters])).get(deadLetters)?.get('max.message.bytes')?.value;
        await until(async () => (await limit()) === '10000', running);
      });
      const large = Buffer.alloc(50_000, 'x');
      const small = Buffer.from('no JSON');
      await send([large, small].map((value) => ({ topic: source, key: 'ann', value })));
      const next = async () => {
        const rows: { next_offset: string }[] = await dataSource.query('SELECT next_offset FROM dbw.positions');
        return Number(rows[0]?.next_offset ?? 0);
      };
      await until(async () => (await next()) === 2, running);
      const [letter, ...more] = await readTopic(deadLetters);
      expect(more).to.deep.equal([]);
      expect(letter!.value).to.deep.equal(small);
      expect(header(letter!, '__connect.errors.offset')).to.equal('1');
      const rows: { topic: string; offset: string; value: Buffer; headers: unknown }[] = await dataSource.query(
        'SELECT topic, "offset", value, headers FROM dbw.oversize_letters',
      );
      expect(rows).to.have.length(1);
      expect(rows[0]).to.deep.include({ topic: source, offset: '0', value: large });
      const headers = new Map(readHeaders(rows[0]!.headers));
      expect(headers.get('dbw.dlq.reason')?.toString()).to.equal('malformed');
    } finally {
      running.child.kill('SIGTERM');
      await running.ended;
      await dataSource.destroy();
    }
  });
});
