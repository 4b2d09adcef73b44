import { expect } from 'chai';
import fc from 'fast-check';
import { decode, type Decoded } from '../../src/event/decode.js';
import { event } from '../../src/event/event.js';
import { registry } from '../../src/handlers/index.js';
import { users } from '../../src/handlers/users.js';
import type { Message } from '../../src/event/message.js';
import { formatTime, now } from '../../src/event/time.js';
import { messageWith, outcome } from '../support/envelopes.js';
import { generate } from '../support/generator/index.js';

const TYPE = 'user.created';
const DATA = { userId: 'ann', username: 'ann', email: 'ann@example.org', role: 'creator' };
const ENVELOPE = { eventId: 'event-1', eventType: TYPE, timestamp: '2024-01-01T00:00:00Z', data: DATA };
const TEXT = JSON.stringify(ENVELOPE);

function decodeBytes(value: Buffer | null, topic = TYPE): Decoded {
  return decode(messageWith(topic, value), registry);
}

function ofText(text: string): Decoded {
  return decodeBytes(Buffer.from(text));
}

/** What becomes of the envelope with these fields set over it; undefined takes one away. */
function of(changes: Record<string, unknown>): string {
  return outcome(ofText(JSON.stringify({ ...ENVELOPE, ...changes })));
}

/** What becomes of the envelope with these fields set over its data. */
function ofData(changes: Record<string, unknown>): string {
  return of({ data: { ...DATA, ...changes } });
}

/** The event, which must be one. */
function accepted(decoded: Decoded) {
  if (decoded.kind !== 'event') throw new Error(`refused: ${JSON.stringify(decoded)}`);
  return decoded.event;
}

/** Puts raw JSON text into the envelope, before its last brace. */
function withText(text: string): string {
  return `${TEXT.slice(0, -1)},${text}}`;
}

/** Arrays within arrays, `depth` of them. */
function nested(depth: number): string {
  return '['.repeat(depth) + ']'.repeat(depth);
}

describe('decoding', () => {
  it('makes an event of a message', () => {
    const message: Message = { ...messageWith(TYPE, Buffer.from(TEXT), 7), key: Buffer.from('ann') };
    const decoded = accepted(decode(message, registry));
    expect(decoded.message).to.equal(message);
    expect(decoded.id).to.equal('event-1');
    expect(decoded.type).to.equal(registry.get(TYPE));
    expect(decoded.time).to.equal(Date.UTC(2024, 0, 1) * 1000);
    expect(decoded.changes.map(({ verb, table, row }) => [verb, table.name, row.user_id])).to.deep.equal([
      ['insert', 'users', 'ann'],
    ]);
  });

  it('tells messages apart by their bytes', () => {
    const hash = accepted(ofText(TEXT)).hash;
    expect(accepted(ofText(TEXT)).hash).to.equal(hash);
    expect(accepted(ofText(`${TEXT} `)).hash).not.to.equal(hash);
    expect(Number.isInteger(hash) && hash >= -(2 ** 31) && hash < 2 ** 31).to.equal(true);
  });

  it('skips a tombstone', () => {
    expect(decodeBytes(null)).to.deep.equal({ kind: 'tombstone' });
    expect(decodeBytes(null, 'no.such.topic')).to.deep.equal({ kind: 'tombstone' });
  });

  describe('bytes', () => {
    const broken: [what: string, value: Buffer, expected: string][] = [
      ['nothing', Buffer.alloc(0), 'malformed empty'],
      ['white space', Buffer.from(' \n\t '), 'malformed syntax'],
      ['a byte-order mark and nothing else', Buffer.from('\ufeff'), 'malformed syntax'],
      ['two byte-order marks', Buffer.from(`\ufeff\ufeff${TEXT}`), 'malformed syntax'],
      ['words', Buffer.from('it works'), 'malformed syntax'],
      ['half of it', Buffer.from(TEXT.slice(0, 60)), 'malformed syntax'],
      ['a second document', Buffer.from(`${TEXT}\n${TEXT}`), 'malformed syntax'],
      ['something behind it', Buffer.from(`${TEXT},`), 'malformed syntax'],
      ['single quotes', Buffer.from(TEXT.replaceAll('"', "'")), 'malformed syntax'],
      ['a comment', Buffer.from(`// v1\n${TEXT}`), 'malformed syntax'],
      ['a trailing comma', Buffer.from(`${TEXT.slice(0, -1)},}`), 'malformed syntax'],
      ['NaN', Buffer.from(withText('"x":NaN')), 'malformed syntax'],
      ['Infinity', Buffer.from(withText('"x":-Infinity')), 'malformed syntax'],
      ['a hexadecimal number', Buffer.from(withText('"x":0x1F')), 'malformed syntax'],
      ['a leading zero', Buffer.from(withText('"x":01')), 'malformed syntax'],
      ['a raw NUL in a text', Buffer.from(withText('"x":"a\0b"')), 'malformed syntax'],
      ['a NUL behind it', Buffer.from(`${TEXT}\0`), 'malformed syntax'],
      ['a raw newline in a text', Buffer.from(withText('"x":"a\nb"')), 'malformed syntax'],
      ['half an escape', Buffer.from(withText('"x":"\\u12"')), 'malformed syntax'],
      ['a byte that is no UTF-8', Buffer.concat([Buffer.from(TEXT), Buffer.from([0xff])]), 'malformed encoding'],
      ['latin-1', Buffer.from(withText('"x":"café"'), 'latin1'), 'malformed encoding'],
      ['UTF-16', Buffer.from(`\ufeff${TEXT}`, 'utf16le'), 'malformed encoding'],
      ['UTF-16 without a mark', Buffer.from(TEXT, 'utf16le'), 'malformed syntax'],
      ['an overlong form', Buffer.concat([Buffer.from('{"x":"'), Buffer.from([0xc0, 0xaf]), Buffer.from('"}')]), 'malformed encoding'],
      ['a surrogate in UTF-8', Buffer.concat([Buffer.from('{"x":"'), Buffer.from([0xed, 0xa0, 0x80]), Buffer.from('"}')]), 'malformed encoding'],
      ['beyond U+10FFFF', Buffer.concat([Buffer.from('{"x":"'), Buffer.from([0xf4, 0x90, 0x80, 0x80]), Buffer.from('"}')]), 'malformed encoding'],
      ['half a character', Buffer.concat([Buffer.from(`{"x":"`), Buffer.from([0xe2, 0x82]), Buffer.from('"}')]), 'malformed encoding'],
      ['gzip', Buffer.from([0x1f, 0x8b, 0x08, 0x00]), 'malformed encoding'],
    ]; // prettier-ignore
    for (const [what, value, expected] of broken) {
      it(`${what} are ${expected}`, () => {
        expect(outcome(decodeBytes(value))).to.equal(expected);
      });
    }

    for (const [what, text] of Object.entries({
      'a byte-order mark': `\ufeff${TEXT}`,
      'white space around it': `\r\n\t ${TEXT} \n`,
      'escapes for everything': JSON.stringify(ENVELOPE, null, 2).replaceAll('n', '\\u006e'),
      'a pair of escaped surrogates': withText('"x":"\\ud83e\\udd8a"'),
      'raw U+2028 and U+FEFF in a text': withText('"x":"\u2028\ufeff\uffff\u{10ffff}"'),
      'an unknown field that is no valid text': withText('"x":"\\u0001"'),
    })) {
      it(`with ${what} are read`, () => {
        const expected = accepted(ofText(TEXT)).changes;
        expect(accepted(ofText(text)).changes).to.deep.equal(expected);
      });
    }
  });

  describe('documents', () => {
    for (const document of ['null', 'true', '42', '"text"', '[]', `[${TEXT}]`, JSON.stringify(TEXT), '[[[]]]']) {
      it(`${document.slice(0, 20)} is no object`, () => {
        expect(outcome(ofText(document))).to.equal('invalid type');
      });
    }

    it('an empty object lacks the eventId', () => {
      expect(outcome(ofText('{}'))).to.equal('invalid required /eventId');
    });

    it('with a key twice hold the last value', () => {
      const row = accepted(ofText(TEXT.replace('"username":', '"username":17,"username":"first","username":')))
        .changes[0]!.row;
      expect(row.username).to.equal('ann');
      expect(outcome(ofText(TEXT.replace('"username":"ann"', '"username":"ann","username":17')))).to.equal(
        'invalid type /data/username',
      );
      expect(outcome(ofText(TEXT.replace('"data":', '"data":null,"data":')))).to.equal('event');
    });

    it('with unknown fields are read, and those are not written', () => {
      const plain = accepted(ofText(TEXT)).changes;
      const unknown = { user_id: 'other', created_at: 0, deletedAt: 'never', is_admin: true, deleted_at: '2024-01-01T00:00:00Z', city: 'x' }; // prettier-ignore
      const decoded = accepted(
        ofText(JSON.stringify({ version: 2, ...ENVELOPE, meta: [{}], data: { ...unknown, ...DATA } })),
      );
      expect(decoded.changes).to.deep.equal(plain);
    });

    for (const name of ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'valueOf']) {
      it(`with ${name} are read, and it does nothing`, () => {
        const evil = `"${name}":{"eventId":"x","userId":"evil","bio":"evil","displayName":"evil","emailVerified":true,"role":"admin"}`;
        const expected = accepted(ofText(TEXT)).changes;
        const inData = accepted(ofText(TEXT.replace('"data":{', `"data":{${evil},`)));
        expect(inData.changes).to.deep.equal(expected);
        expect(Object.keys(inData.changes[0]!.row)).to.deep.equal(Object.keys(expected[0]!.row));
        expect(accepted(ofText(withText(evil))).changes).to.deep.equal(expected);
        expect('evil' in {}).to.equal(false);
        expect(({} as Record<string, unknown>).bio).to.equal(undefined);
      });
    }

    it('do not find what is missing in a __proto__', () => {
      const text = `{"__proto__":${TEXT}}`;
      expect(outcome(ofText(text))).to.equal('invalid required /eventId');
      const data = '{"userId":"a","username":"a","role":"creator","__proto__":{"email":"e"}}';
      expect(outcome(ofText(TEXT.replace(JSON.stringify(DATA), data)))).to.equal('invalid required /data/email');
    });
  });

  describe('depth', () => {
    // The envelope itself is the first level.
    it('64 is read', () => {
      expect(outcome(ofText(withText(`"x":${nested(63)}`)))).to.equal('event');
      expect(outcome(ofText(withText(`"x":"\\u0041","y":${nested(63)}`)))).to.equal('event');
    });

    it('65 is refused, with and without escapes, in arrays and objects, also in unknown fields', () => {
      expect(outcome(ofText(withText(`"x":${nested(64)}`)))).to.equal('invalid depth');
      expect(outcome(ofText(withText(`"x":"\\u0041","y":${nested(64)}`)))).to.equal('invalid depth');
      const objects = '{"a":'.repeat(63) + '{}' + '}'.repeat(63);
      expect(outcome(ofText(withText(`"x":${objects}`)))).to.equal('invalid depth');
      expect(outcome(ofText(withText(`"x":${objects.replace('{}', '1')}`)))).to.equal('event');
    });

    it('of a scalar counts for nothing', () => {
      expect(outcome(ofText(withText(`"x":${'['.repeat(63)}"\\u0041"${']'.repeat(63)}`)))).to.equal('event');
    });

    for (const depth of [20_000, 1_000_000]) {
      it(`${depth.toLocaleString('en')} is refused without harm`, () => {
        expect(outcome(ofText(withText(`"x":${nested(depth)}`)))).to.equal('invalid depth');
        expect(outcome(ofText(withText(`"x":"\\u0041","y":${nested(depth)}`)))).to.equal('invalid depth');
        expect(outcome(ofText(nested(depth)))).to.equal('invalid type');
        expect(outcome(ofText(withText(`"x":${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`)))).to.equal(
          'invalid depth',
        );
      });
    }
  });

  describe('NUL and lone surrogates', () => {
    const bad: [what: string, text: string, code: string][] = [
      ['NUL', '\\u0000', 'nul'],
      ['a lone high surrogate', '\\ud83e', 'surrogate'],
      ['a lone low surrogate', '\\udd8a', 'surrogate'],
      ['surrogates the wrong way about', '\\udd8a\\ud83e', 'surrogate'],
    ];
    for (const [what, text, code] of bad) {
      it(`${what} is refused wherever it stands`, () => {
        expect(outcome(ofText(TEXT.replace('event-1', `e${text}`)))).to.equal(`invalid ${code} /eventId`);
        expect(outcome(ofText(TEXT.replace('"username":"ann"', `"username":"a${text}b"`)))).to.equal(
          `invalid ${code} /data/username`,
        );
        expect(outcome(ofText(withText(`"unknown":"${text}"`)))).to.equal(`invalid ${code} /unknown`);
        expect(outcome(ofText(withText(`"unknown":[[],{"b":["","${text}"]}]`)))).to.equal(
          `invalid ${code} /unknown/1/b/1`,
        );
      });

      it(`${what} is refused in a name, which is then not part of the path`, () => {
        expect(outcome(ofText(withText(`"a${text}":1`)))).to.equal(`invalid ${code}`);
        expect(outcome(ofText(withText(`"deep":{"a${text}":1}`)))).to.equal(`invalid ${code} /deep`);
      });
    }

    it('have a path that does not tell names which no field would have', () => {
      expect(outcome(ofText(withText('"ann@example.org":{"":"\\u0000"}')))).to.equal('invalid nul /*/*');
    });

    it('are no more than that: what is escaped and allowed stays', () => {
      const row = accepted(ofText(TEXT.replace('"username":"ann"', '"username":"\\u0001\\ud83e\\udd8a\\ufffd\\\\u0000"'))).changes[0]!.row; // prettier-ignore
      expect(row.username).to.equal('\u0001🦊\ufffd\\u0000');
    });
  });

  describe('eventId', () => {
    const cases: [what: string, eventId: unknown, expected: string][] = [
      ['missing', undefined, 'invalid required /eventId'],
      ['null', null, 'invalid type /eventId'],
      ['a number', 17, 'invalid type /eventId'],
      ['an object', { $oid: 'x' }, 'invalid type /eventId'],
      ['empty', '', 'invalid pattern /eventId'],
      ['blank', ' \t\n\u00a0\u3000', 'invalid pattern /eventId'],
      ['256 characters', 'e'.repeat(256), 'invalid maxLength /eventId'],
      ['256 emoji', '🦊'.repeat(256), 'invalid maxLength /eventId'],
      ['128 letters with accents of their own', 'e\u0301'.repeat(128), 'invalid maxLength /eventId'],
      ['255 characters', 'e'.repeat(255), 'event'],
      ['255 emoji', '🦊'.repeat(255), 'event'],
      ['one character', 'e', 'event'],
      ['surrounded by blanks', ' e ', 'event'],
      ['a UUID', '0b0e7a52-6c7e-4f0e-9d8e-2f1f6d1c9a10', 'event'],
      ['any other string', 'test-123', 'event'],
    ];
    for (const [what, eventId, expected] of cases) {
      it(`${what}: ${expected}`, () => {
        expect(of({ eventId })).to.equal(expected);
      });
    }
  });

  describe('eventType', () => {
    const cases: [what: string, eventType: unknown, expected: string][] = [
      ['missing', undefined, 'invalid required /eventType'],
      ['null', null, 'invalid type /eventType'],
      ['a number', 17, 'invalid type /eventType'],
      ['unknown', 'user.exploded', 'unknown_type unknown /eventType'],
      ['empty', '', 'unknown_type unknown /eventType'],
      ['in other case', 'User.Created', 'unknown_type unknown /eventType'],
      ['an ancestor', '__proto__', 'unknown_type unknown /eventType'],
      ['of another topic', 'user.deleted', 'type_mismatch topic /eventType'],
    ];
    for (const [what, eventType, expected] of cases) {
      it(`${what}: ${expected}`, () => {
        expect(of({ eventType })).to.equal(expected);
      });
    }

    it('is the topic without the prefix', () => {
      const message = (topic: string) => messageWith(topic, Buffer.from(TEXT));
      expect(outcome(decode(message('staging.user.created'), registry, 'staging.'))).to.equal('event');
      expect(outcome(decode(message('user.created'), registry, 'staging.'))).to.equal('type_mismatch topic /eventType');
      expect(outcome(decode(message('staging.user.created'), registry))).to.equal('type_mismatch topic /eventType');
      expect(outcome(decode(message('staging.user.deleted'), registry, 'staging.'))).to.equal(
        'type_mismatch topic /eventType',
      );
    });

    it('with the prefix is unknown', () => {
      const text = TEXT.replace(TYPE, `staging.${TYPE}`);
      const decoded = decode(messageWith('staging.user.created', Buffer.from(text)), registry, 'staging.');
      expect(outcome(decoded)).to.equal('unknown_type unknown /eventType');
    });
  });

  describe('timestamp', () => {
    const cases: [timestamp: unknown, expected: string][] = [
      [undefined, 'invalid required /timestamp'],
      [null, 'invalid type /timestamp'],
      [1_704_067_200_000, 'invalid type /timestamp'],
      ['', 'invalid format /timestamp'],
      ['yesterday', 'invalid format /timestamp'],
      ['2024-01-01', 'invalid format /timestamp'],
      ['2024-01-01T00:00:00', 'invalid format /timestamp'],
      ['2024-01-01T00:00Z', 'invalid format /timestamp'],
      ['2016-12-31T23:59:60Z', 'invalid format /timestamp'],
      ['2024-01-01T24:00:00Z', 'invalid format /timestamp'],
      ['2024-02-29T00:00:00Z', 'event'],
      ['2023-02-29T00:00:00Z', 'invalid format /timestamp'],
      ['2024-01-01T00:00:00+24:00', 'invalid format /timestamp'],
      ['2000-01-01T00:00:00Z', 'event'],
      ['1999-12-31T23:59:59.999999Z', 'invalid minimum /timestamp'],
      ['2000-01-01T00:59:59+01:00', 'invalid minimum /timestamp'],
      ['1999-12-31T23:00:00-01:00', 'event'],
      ['2999-01-01T00:00:00Z', 'invalid maximum /timestamp'],
      ['2024-01-01t00:00:00z', 'event'],
      ['2024-01-01T00:00:00.123456789+05:30', 'event'],
    ];
    for (const [timestamp, expected] of cases) {
      it(`${JSON.stringify(timestamp)}: ${expected}`, () => {
        expect(of({ timestamp })).to.equal(expected);
      });
    }

    it('is cut to microseconds', () => {
      expect(accepted(ofText(TEXT.replace('00:00Z', '00:00.1234569Z'))).time).to.equal(
        Date.UTC(2024, 0, 1) * 1000 + 123_456,
      );
    });

    it('may be 24 hours ahead of the clock, and not more', () => {
      const hour = 3_600_000_000;
      expect(of({ timestamp: formatTime(now() + 24 * hour) })).to.equal('event');
      expect(of({ timestamp: formatTime(now() + 25 * hour) })).to.equal('invalid maximum /timestamp');
    });
  });

  describe('data', () => {
    const cases: [what: string, data: unknown, expected: string][] = [
      ['missing', undefined, 'invalid required /data'],
      ['null', null, 'invalid type /data'],
      ['a text', JSON.stringify(DATA), 'invalid type /data'],
      ['an array', [DATA], 'invalid type /data'],
      ['a number', 1, 'invalid type /data'],
      ['empty', {}, 'invalid required /data/userId'],
    ];
    for (const [what, data, expected] of cases) {
      it(`${what}: ${expected}`, () => {
        expect(of({ data })).to.equal(expected);
      });
    }

    it('is said to be wrong at the field, not at what may be instead of it', () => {
      expect(ofData({ userType: 'king' })).to.equal('invalid enum /data/userType');
      expect(ofData({ bio: 17 })).to.equal('invalid type /data/bio');
    });
  });

  describe('a refusal', () => {
    it('knows the id and the type as soon as they are found valid', () => {
      const known = (changes: Record<string, unknown>) => {
        const decoded = ofText(JSON.stringify({ ...ENVELOPE, ...changes }));
        if (decoded.kind !== 'refusal') throw new Error('not refused');
        return [decoded.refusal.eventId, decoded.refusal.eventType];
      };
      expect(known({ data: {} })).to.deep.equal(['event-1', TYPE]);
      expect(known({ timestamp: '' })).to.deep.equal(['event-1', TYPE]);
      expect(known({ eventType: 'user.deleted' })).to.deep.equal(['event-1', 'user.deleted']);
      expect(known({ eventType: 'no.such.type' })).to.deep.equal(['event-1', undefined]);
      expect(known({ eventId: ' ' })).to.deep.equal([undefined, undefined]);
    });

    it('of a handler that fails is a bug, and not of what the handler said', () => {
      const failing = event(TYPE, {
        about: '',
        key: 'userId',
        data: registry.get(TYPE)!.schema,
        example: {},
        write: () => {
          throw new TypeError('ann@example.org is secret');
        },
      });
      const decoded = decode(messageWith(TYPE, Buffer.from(TEXT)), new Map([[TYPE, failing]]));
      expect(outcome(decoded)).to.equal('bug TypeError');
      expect(JSON.stringify(decoded)).not.to.contain('ann@');
    });

    it('of a handler that throws no error is a bug too', () => {
      const write = () => {
        const notAnError: unknown = 'text';
        throw notAnError;
      };
      const failing = { ...registry.get(TYPE)!, write };
      expect(outcome(decode(messageWith(TYPE, Buffer.from(TEXT)), new Map([[TYPE, failing]])))).to.match(/^bug /);
    });

    it('of a handler whose stack runs out is a bug, and no fault of the message', () => {
      const endless = (): readonly [] => endless();
      const failing = { ...registry.get(TYPE)!, write: endless };
      expect(outcome(decode(messageWith(TYPE, Buffer.from(TEXT)), new Map([[TYPE, failing]])))).to.match(/^bug /);
    });

    it('does not tell where in the text something is when it is the text that says so', () => {
      const decoded = ofText(' at position 4111');
      expect(outcome(decoded)).to.equal('malformed syntax');
      expect(JSON.stringify(decoded)).not.to.contain('4111');
    });
  });

  describe('whatever comes', () => {
    const MARK = 'PLANTED';
    const kinds = ['event', 'refusal', 'tombstone'];
    const topics = fc.constantFrom(...registry.keys());

    it('never throws: random bytes', () => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 300 }), topics, (bytes, topic) => {
          expect(kinds).to.include(decodeBytes(Buffer.from(bytes), topic).kind);
        }),
        { numRuns: 2_000 },
      );
    });

    it('never throws: an event with random bytes in it', () => {
      const place = fc.nat(TEXT.length);
      fc.assert(
        fc.property(place, fc.uint8Array({ maxLength: 6 }), fc.nat(6), (from, bytes, cut) => {
          const whole = Buffer.from(TEXT);
          const value = Buffer.concat([whole.subarray(0, from), bytes, whole.subarray(from + cut)]);
          expect(kinds).to.include(decodeBytes(value).kind);
        }),
        { numRuns: 2_000 },
      );
    });

    it('never throws: random JSON, alone and as the parts of an envelope', () => {
      const json = fc.jsonValue({ noUnicodeString: false });
      fc.assert(
        fc.property(json, topics, (value, topic) => {
          expect(kinds).to.include(decodeBytes(Buffer.from(JSON.stringify(value)), topic).kind);
          for (const field of ['eventId', 'eventType', 'timestamp', 'data']) {
            const text = JSON.stringify({ ...ENVELOPE, eventType: topic, [field]: value });
            expect(kinds).to.include(decodeBytes(Buffer.from(text), topic).kind);
          }
        }),
        { numRuns: 1_000 },
      );
    });

    it('never throws: random JSON in every field of every event', () => {
      const json = fc.jsonValue({ maxDepth: 2 });
      fc.assert(
        fc.property(fc.constantFrom(...registry.values()), fc.nat(), json, (type, which, value) => {
          const names = Object.keys(type.schema.properties);
          const data = { ...type.example, [names[which % names.length]!]: value };
          const text = JSON.stringify({ ...ENVELOPE, eventType: type.type, data });
          const decoded = decodeBytes(Buffer.from(text), type.type);
          expect(kinds).to.include(decoded.kind);
          expect(decoded.kind === 'refusal' && decoded.refusal.reason === 'bug', outcome(decoded)).to.equal(false);
        }),
        { numRuns: 3_000 },
      );
    });

    it('tells no value of a message that it refuses', () => {
      const marked = fc.constantFrom(MARK, `${MARK}\0`, `${MARK}\ud800`, `x${MARK.repeat(50)}`, [MARK], { a: MARK }, [
        [{ b: MARK }],
      ]);
      fc.assert(
        fc.property(
          fc.constantFrom(...registry.values()),
          fc.nat(),
          marked,
          fc.boolean(),
          (type, which, value, known) => {
            const names = Object.keys(type.schema.properties);
            const planted = Object.fromEntries(
              Object.entries(type.example).map(([name, one]) => [name, typeof one === 'string' ? MARK : one]),
            );
            const data = { ...planted, [names[which % names.length]!]: value };
            const envelope = {
              eventId: known ? 'event-1' : value,
              eventType: type.type,
              timestamp: known ? ENVELOPE.timestamp : MARK,
              data,
            };
            const whole = JSON.stringify({ ...envelope, unknown: value });
            for (const text of [
              whole,
              whole.slice(0, -1),
              `${whole}${MARK}`,
              JSON.stringify(whole),
              `${MARK}${whole}`,
            ]) {
              const decoded = decodeBytes(Buffer.from(text), type.type);
              if (decoded.kind !== 'refusal') continue;
              const { message, path, code, reason } = decoded.refusal;
              expect([message, path, code, reason].join('\n')).not.to.contain(MARK);
            }
          },
        ),
        { numRuns: 2_000 },
      );
    });
  });

  it('does with the stream of the generator what is expected of it', () => {
    const messages = generate({ seed: 3, events: 1_500, poison: 0.4 });
    const classes = new Set<string>();
    for (const { topic, value, expect: expected, reason, label } of messages) {
      const decoded = decodeBytes(value, topic);
      const kind = expected === 'refuse' ? 'refusal' : expected === 'skip' ? 'tombstone' : 'event';
      expect(decoded.kind, label ?? value?.toString()).to.equal(kind);
      if (decoded.kind === 'refusal') expect(decoded.refusal.reason, label).to.equal(reason);
      if (label !== undefined) classes.add(label);
    }
    expect(classes.size).to.be.greaterThan(150);
  });

  it('knows types, of which each writes to a table and has an example that is valid', () => {
    expect(registry.size).to.be.at.least(30);
    for (const [name, type] of registry) {
      expect(type.type).to.equal(name);
      const text = JSON.stringify({ ...ENVELOPE, eventType: name, data: type.example });
      expect(accepted(decodeBytes(Buffer.from(text), name)).changes.length, name).to.be.greaterThan(0);
      expect(type.example, name).to.have.property(type.key);
    }
    expect(users.name).to.equal('users');
  });
});
