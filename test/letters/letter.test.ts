import { expect } from 'chai';
import fc from 'fast-check';
import type { Refusal } from '../../src/event/decode.js';
import { fingerprintOf, letterOf, type Letter } from '../../src/letters/letter.js';
import type { Header, Message } from '../../src/event/message.js';

const refusal: Refusal = {
  reason: 'invalid',
  code: 'required',
  path: '/data/userId',
  message: 'userId is missing',
  eventId: 'event-1',
  eventType: 'user.created',
};

function messageOf(headers: readonly Header[] = []): Message {
  return {
    topic: 'staging.user.created',
    partition: 3,
    offset: 4_503_599_627_370_497,
    key: Buffer.from([0, 255, 1]),
    value: Buffer.from([0xff, 0x00, 0x7b]),
    headers,
    timestamp: 1_700_000_000_000,
  };
}

const attempts = { attempts: 3, clientId: 'writer-1' };

function letter(headers: readonly Header[] = [], changes: Partial<Refusal> = {}): Letter {
  return letterOf(messageOf(headers), { ...refusal, ...changes }, attempts);
}

/** The values of a header, as texts. */
function valuesOf({ headers }: Pick<Letter, 'headers'>, name: string): string[] {
  return headers.filter(([given]) => given === name).map(([, value]) => value.toString());
}

function textOf(given: Letter, name: string): string | undefined {
  const values = valuesOf(given, name);
  expect(values.length, name).to.be.lessThan(2);
  return values[0];
}

/** The letter as a record that is read again. */
function reread(given: Letter): Message {
  const headers = given.headers.map(([name, value]): Header => [
    name,
    typeof value === 'string' ? Buffer.from(value) : value,
  ]);
  return { ...messageOf(), headers };
}

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;

describe('a dead letter', () => {
  it('has the bytes of the original', () => {
    const { key, value } = letter();
    expect(key).to.deep.equal(Buffer.from([0, 255, 1]));
    expect(value).to.deep.equal(Buffer.from([0xff, 0x00, 0x7b]));
    expect(letterOf({ ...messageOf(), key: null }, refusal, attempts).key).to.equal(null);
  });

  it('says where, when and why, in the headers of Kafka Connect and in ours', () => {
    const before = Date.now();
    const { headers } = letter();
    const given = Object.fromEntries(headers.map(([name, value]) => [name, value.toString()]));
    const failedAt = given['dbw.dlq.failed-at'] ?? '';
    expect(failedAt).to.match(TIME);
    expect(Date.parse(failedAt)).to.be.within(before, Date.now());
    expect(given).to.deep.equal({
      '__connect.errors.topic': 'staging.user.created',
      '__connect.errors.partition': '3',
      '__connect.errors.offset': '4503599627370497',
      '__connect.errors.connector.name': 'writer-1',
      '__connect.errors.task.id': '0',
      '__connect.errors.stage': 'VALUE_CONVERTER',
      '__connect.errors.class.name': 'user.created',
      '__connect.errors.exception.class.name': 'dbw.invalid',
      '__connect.errors.exception.message': 'userId is missing',
      'dbw.dlq.version': '1',
      'dbw.dlq.reason': 'invalid',
      'dbw.dlq.code': 'required',
      'dbw.dlq.path': '/data/userId',
      'dbw.dlq.fingerprint': fingerprintOf(refusal),
      'dbw.dlq.event-id': 'event-1',
      'dbw.dlq.event-type': 'user.created',
      'dbw.dlq.attempts': '3',
      'dbw.dlq.replays': '0',
      'dbw.dlq.first-failed-at': failedAt,
      'dbw.dlq.failed-at': failedAt,
    });
  });

  it('leaves out an event id and type that were not found valid', () => {
    const { eventId: _id, eventType: _type, ...unknown } = refusal;
    const given = letterOf(messageOf(), { ...unknown, reason: 'malformed', code: 'syntax', path: '' }, attempts);
    expect(textOf(given, 'dbw.dlq.event-id')).to.equal(undefined);
    expect(textOf(given, 'dbw.dlq.event-type')).to.equal(undefined);
    expect(textOf(given, 'dbw.dlq.path')).to.equal('');
  });

  const stages: Record<Refusal['reason'], string> = {
    malformed: 'VALUE_CONVERTER',
    invalid: 'VALUE_CONVERTER',
    unknown_type: 'VALUE_CONVERTER',
    type_mismatch: 'VALUE_CONVERTER',
    bug: 'VALUE_CONVERTER',
    missing_reference: 'TASK_PUT',
    database: 'TASK_PUT',
  };
  for (const reason of Object.keys(stages) as Refusal['reason'][]) {
    it(`that is ${reason} died in ${stages[reason]}`, () => {
      expect(textOf(letter([], { reason }), '__connect.errors.stage')).to.equal(stages[reason]);
      expect(textOf(letter([], { reason }), 'dbw.dlq.reason')).to.equal(reason);
    });
  }

  describe('the headers of the original', () => {
    it('stay as they are: names, bytes, order, and names that occur twice', () => {
      const headers: Header[] = [
        ['x-trace', Buffer.from([1, 255])],
        ['twice', Buffer.from('a')],
        ['X-Trace', Buffer.from('')],
        ['twice', Buffer.from('b')],
      ];
      expect(letter(headers).headers.slice(0, 4)).to.deep.equal(headers);
    });

    it('that are null become empty, and are named', () => {
      const given = letter([['a', null], ['b', Buffer.from('x')], ['c', null]]); // prettier-ignore
      expect(valuesOf(given, 'a')).to.deep.equal(['']);
      expect(valuesOf(given, 'c')).to.deep.equal(['']);
      expect(textOf(given, 'dbw.dlq.null-headers')).to.equal('a,c');
      expect(textOf(letter(), 'dbw.dlq.null-headers')).to.equal(undefined);
    });
  });

  describe('that dies again', () => {
    const first = letter([['x-trace', Buffer.from('t')]]);

    it('has each of our headers once, with what is true now', () => {
      const again = letterOf(reread(first), { ...refusal, reason: 'database', code: '22003', path: 'posts.posts_price_check' }, attempts); // prettier-ignore
      const names = again.headers.map(([name]) => name);
      expect(new Set(names).size).to.equal(names.length);
      expect(textOf(again, 'dbw.dlq.reason')).to.equal('database');
      expect(textOf(again, 'dbw.dlq.code')).to.equal('22003');
      expect(textOf(again, '__connect.errors.stage')).to.equal('TASK_PUT');
      expect(textOf(again, 'x-trace')).to.equal('t');
    });

    it('also where it brought them more than once', () => {
      const { headers } = reread(first);
      const again = letterOf({ ...messageOf(), headers: [...headers, ...headers] }, refusal, attempts);
      for (const [name] of again.headers) if (name !== 'x-trace') expect(valuesOf(again, name), name).to.have.length(1);
    });

    it('keeps when it failed first, and how often it was replayed', () => {
      const earlier: Header[] = [
        ['dbw.dlq.first-failed-at', Buffer.from('2024-01-01T00:00:00.000000Z')],
        ['dbw.dlq.replays', Buffer.from('2')],
      ];
      const again = letterOf({ ...reread(first), headers: earlier }, refusal, attempts);
      expect(textOf(again, 'dbw.dlq.first-failed-at')).to.equal('2024-01-01T00:00:00.000000Z');
      expect(textOf(again, 'dbw.dlq.replays')).to.equal('2');
      expect(textOf(again, 'dbw.dlq.failed-at')).not.to.equal('2024-01-01T00:00:00.000000Z');
    });

    it('believes the last of several that say how often it was replayed', () => {
      const replays = (value: string): Header => ['dbw.dlq.replays', Buffer.from(value)];
      expect(textOf(letter([replays('1'), replays('2')]), 'dbw.dlq.replays')).to.equal('2');
    });

    it('does not keep an event id and type that it had before and that are not known now', () => {
      const { eventId: _id, eventType: _type, ...unknown } = refusal;
      const again = letterOf(reread(first), unknown, attempts);
      expect(textOf(again, 'dbw.dlq.event-id')).to.equal(undefined);
      expect(textOf(again, 'dbw.dlq.event-type')).to.equal(undefined);
    });

    it('still says which of its headers were null at first', () => {
      const again = letterOf(reread(letter([['a', null]])), refusal, attempts);
      expect(textOf(again, 'dbw.dlq.null-headers')).to.equal('a');
    });
  });

  describe('the message', () => {
    it('has 512 bytes at most, and is cut between characters', () => {
      const sizes = fc.string({ unit: fc.constantFrom('a', 'é', '語', '🦊'), maxLength: 600, size: 'max' });
      fc.assert(
        fc.property(sizes, (message) => {
          const shown = textOf(letter([], { message }), '__connect.errors.exception.message') ?? '';
          expect(message.startsWith(shown)).to.equal(true);
          expect(Buffer.byteLength(shown)).to.be.at.most(512);
          const next = Array.from(message.slice(shown.length))[0];
          if (next !== undefined) expect(Buffer.byteLength(shown + next)).to.be.greaterThan(512);
        }),
      );
    });

    it('of exactly 512 bytes is whole', () => {
      for (const message of ['x'.repeat(512), '🦊'.repeat(128), `xx${'語'.repeat(170)}`]) {
        expect(textOf(letter([], { message }), '__connect.errors.exception.message')).to.equal(message);
      }
      expect(textOf(letter([], { message: `x${'🦊'.repeat(128)}` }), '__connect.errors.exception.message')).to.equal(`x${'🦊'.repeat(127)}`); // prettier-ignore
    });

    it('and a path that is too long are cut alike', () => {
      expect(textOf(letter([], { path: `/${'語'.repeat(300)}` }), 'dbw.dlq.path')).to.equal(`/${'語'.repeat(170)}`);
    });
  });

  describe('the fingerprint', () => {
    it('is 12 hex digits', () => {
      expect(fingerprintOf(refusal)).to.match(/^[0-9a-f]{12}$/);
    });

    it('is the same for the same cause, whoever suffers it', () => {
      const expected = fingerprintOf(refusal);
      expect(fingerprintOf({ ...refusal, eventId: 'other', message: 'other words' })).to.equal(expected);
      const place = (path: string) => fingerprintOf({ ...refusal, path });
      expect(place('/data/attachments/0/url')).to.equal(place('/data/attachments/12/url'));
      expect(place('/data/mediaUrls/0')).to.equal(place('/data/mediaUrls/7'));
      expect(place('/data/a1')).not.to.equal(place('/data/a2'));
    });

    it('differs where reason, type, code or path do', () => {
      const others: Partial<Refusal>[] = [{ reason: 'database' }, { eventType: 'user.updated' }, { code: 'type' }, { path: '/data/role' }]; // prettier-ignore
      const prints = [refusal, ...others.map((other) => ({ ...refusal, ...other }))].map(fingerprintOf);
      expect(new Set(prints).size).to.equal(5);
      const { eventType: _type, ...untyped } = refusal;
      expect(prints).not.to.include(fingerprintOf(untyped));
    });
  });
});
