import { expect } from 'chai';
import { MAX_HEADERS } from '../src/kafka/raw-record.js';
import { dbw } from './support/cli.js';
import { Place } from './support/place.js';
import { record, sendRaw } from './support/raw-batch.js';
import { readRows } from './support/rows.js';
import { header, readTopic } from './support/topics.js';

/** A small heap: what is made of these messages without a bound does not fit. */
const SMALL = { NODE_OPTIONS: '--max-old-space-size=200' };

function userOf(i: number): Buffer {
  const data = { userId: `u-${i}`, username: 'ann', email: 'ann@example.org', role: 'subscriber' };
  const event = { eventId: `e-${i}`, eventType: 'user.created', timestamp: '2024-01-01T00:00:00Z', data };
  return Buffer.from(JSON.stringify(event));
}

describe('hostile records', function () {
  this.timeout(180_000);
  const places: Place[] = [];
  let here: Place;
  let topic = '';
  beforeEach(async () => {
    here = await Place.make(['user.created']);
    places.push(here);
    topic = `${here.prefix}user.created`;
  });
  after(() => Promise.all(places.map(({ dataSource }) => dataSource.destroy())));

  const users = async () => (await readRows(here.dataSource)).get('users')?.size ?? 0;
  /** One batch: this message, and an event before and behind it. */
  const amid = (bytes: Buffer) =>
    sendRaw(topic, 0, Buffer.concat([record(0, { key: 'a', value: userOf(0) }), bytes, record(2, { key: 'c', value: userOf(2) })]), 3); // prettier-ignore

  for (const [headers, name] of [
    [100_000, 'same'],
    [6_000_000, ''],
  ] as const) {
    it(`with ${headers} headers are refused whole but for these, and the partition goes on`, async () => {
      await amid(record(1, { key: 'b', value: userOf(1), headers, name }));
      await here.catchUp(SMALL);
      expect(await users()).to.equal(2);
      const [letter, ...others] = await readTopic(here.deadLetterTopic);
      expect(others).to.deep.equal([]);
      expect(letter?.key?.toString()).to.equal('b');
      expect(letter?.value).to.deep.equal(userOf(1));
      expect(letter && header(letter, 'dbw.dlq.code')).to.equal('too_many_headers');
      expect(letter && header(letter, 'dbw.dlq.headers-left-out')).to.equal(String(headers));
      expect(letter && header(letter, 'dbw.dlq.event-id')).to.equal('e-1');
      expect(Object.keys(letter?.headers ?? {}).filter((one) => !/^(dbw\.|__connect)/.test(one))).to.deep.equal([]);

      const replayed = await dbw(['replay-dlq', '--yes'], here.env);
      expect(replayed.status, replayed.stderr).to.equal(0);
      expect(await users()).to.equal(3);
    });
  }

  it(`with ${MAX_HEADERS} headers are events like others, and what is wrong with one is a letter that can be read`, async () => {
    await amid(record(1, { key: 'b', value: userOf(1), headers: MAX_HEADERS, name: 'n' }));
    await sendRaw(topic, 1, record(0, { key: 'b', value: Buffer.from('{}'), headers: MAX_HEADERS, name: 'n' }), 1);
    await here.catchUp(SMALL);
    expect(await users()).to.equal(3);
    const listed = await dbw(['dlq', 'ls', '--json'], here.env);
    expect(listed.stdout).to.include('required').and.to.include('/eventId');
  });

  it('of many headers in many, as small as they are when packed, fill no memory', async () => {
    const many = Array.from({ length: 400 }, (_, i) => record(i + 1, { key: null, value: null, headers: 9_999 }));
    const first = record(0, { key: 'a', value: userOf(0) });
    const last = record(401, { key: 'c', value: userOf(1) });
    await sendRaw(topic, 0, Buffer.concat([first, ...many, last]), 402);
    await here.catchUp(SMALL);
    expect(await users()).to.equal(2);
  });

  it('in one batch by hundreds of thousands come in parts, each once', async () => {
    const count = 400_000;
    const empty: Buffer[] = [record(0, { key: 'a', value: userOf(0) })];
    for (let i = 1; i < count; i++) empty.push(record(i, { key: null, value: null }));
    empty.push(record(count, { key: 'c', value: userOf(1) }));
    await sendRaw(topic, 0, Buffer.concat(empty), count + 1);
    const { stdout } = await here.catchUp(SMALL);
    expect(await users()).to.equal(2);
    expect(JSON.parse(stdout)).to.nested.include({ 'outcomes.applied': 2, 'outcomes.tombstone': count - 1 });
  });
});
