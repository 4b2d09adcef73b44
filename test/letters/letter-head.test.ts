import { expect } from 'chai';
import { registry } from '../../src/handlers/index.js';
import type { DeadLetter, Unreadable } from '../../src/letters/dead-letter.js';
import type { LetterHead } from '../../src/letters/letter-head.js';
import { LetterTopic } from '../../src/letters/letter-topic.js';
import { readConfig } from '../../src/config.js';
import { openServers } from '../../src/servers.js';
import { dbwLetter, LetterPlace, planted, REFUSAL, type Planted } from '../support/letter-place.js';
import { recording } from '../support/log.js';

const FIELDS = ['origin', 'isOversize', 'reason', 'code', 'path', 'fingerprint', 'eventId', 'eventType'] as const;

/** What both ways of reading tell of a letter. */
function told(letter: LetterHead | DeadLetter): unknown {
  const { failedAt, firstFailedAt, record } = letter;
  const place = [record.partition, record.offset, failedAt, firstFailedAt];
  return [place, ...FIELDS.map((field) => letter[field])];
}

function toldOf({ record: { partition, offset }, why }: Unreadable): unknown {
  return [partition, offset, why];
}

describe('the head of a letter', () => {
  it('says what the whole letter says, whatever its headers are', async () => {
    const place = await LetterPlace.make(1);
    const value = Buffer.from('{"eventId":"e","eventType":"user.created"}');
    const at = (offset: number) => ({ topic: `${place.prefix}user.created`, partition: 3, offset });
    const usual = planted(0, dbwLetter(at(7), value, { ...REFUSAL, eventId: 'ü-7' }, { failedAt: Date.now() }));
    const changed = (headers: Planted['headers']): Planted => ({ ...usual, headers: { ...usual.headers, ...headers } });
    const { 'dbw.dlq.version': _version, ...unversioned } = usual.headers ?? {};
    const { 'dbw.dlq.failed-at': _failedAt, ...timeless } = usual.headers ?? {};
    const { '__connect.errors.topic': _topic, ...nowhere } = usual.headers ?? {};
    await place.plant([
      ...[usual, changed({ 'dbw.dlq.failed-at': '2024-05-01T10:00:59.999999Z' })],
      changed({
        'dbw.dlq.failed-at': '2024-05-01T10:01:00.000001Z',
        'dbw.dlq.first-failed-at': '2024-05-01T00:00:00Z',
      }),
      ...[
        changed({ 'dbw.dlq.failed-at': 'noon' }),
        changed({ 'dbw.dlq.first-failed-at': '2024-05-01T10:00:aa.000000Z' }),
      ],
      ...[changed({ 'dbw.dlq.version': '2' }), changed({ 'dbw.dlq.reason': ['invalid', 'malformed'] })],
      ...[changed({ '__connect.errors.offset': 'x' }), changed({ '__connect.errors.offset': '' })],
      ...[changed({ '__connect.errors.offset': '123456789012345' }), changed({ 'dbw.dlq.path': 'p'.repeat(500) })],
      ...[
        { ...usual, headers: unversioned },
        { ...usual, headers: timeless },
        { ...usual, headers: nowhere },
      ],
      ...[
        { partition: 0, value },
        { partition: 0, value: null },
      ],
    ]);
    const { log } = recording();
    const servers = await openServers(readConfig({ ...process.env, ...place.env }), '0.1.0', log);
    try {
      const topic = await LetterTopic.open({ servers, registry, prefix: place.prefix }, place.topic);
      const { signal } = new AbortController();
      const [heads, whole]: unknown[][] = [[], []];
      for await (const { letters, unreadable } of topic.heads(signal)) {
        heads!.push(...letters.map(told), ...unreadable.map(toldOf));
      }
      for await (const { letters, unreadable } of topic.read({ signal })) {
        whole!.push(...letters.map(told), ...unreadable.map(toldOf));
      }
      expect(heads).to.have.lengthOf(16);
      expect(heads).to.deep.equal(whole);
    } finally {
      await servers.close();
      await place.dataSource.destroy();
    }
  });
});
