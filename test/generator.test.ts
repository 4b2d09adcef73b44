import { expect } from 'chai';
import { isUtf8 } from 'node:buffer';
import { CLASSES } from './support/generator/poison.js';
import type { Message } from './support/generator/index.js';
import { KEYS, TYPES, generate, keyOf, messageOf, posts, shuffle } from './support/generator/index.js';
import { expectedTables } from './support/model.js';
import { time } from './support/model/values.js';

const QUIET = { duplicates: 0, disorder: 0, poison: 0 };
const stream = generate({ seed: 1, events: 3_000 });

function events(messages: readonly Message[]) {
  return messages.flatMap(({ event }) => (event ? [event] : []));
}

function count(messages: readonly Message[], expected: Message['expect']): number {
  return messages.filter((message) => message.expect === expected).length;
}

/** Every byte that goes to Kafka, and everything that is said about it. */
function bytes(messages: readonly Message[]): string {
  return JSON.stringify(messages.map(({ value, ...rest }) => [value?.toString('base64'), rest]));
}

/** A message's value read as JSON, or undefined where it is none. */
function json(value: Buffer | null): unknown {
  if (!value || !isUtf8(value)) return undefined;
  try {
    return JSON.parse(value.toString().replace(/^\uFEFF/, '')) as unknown;
  } catch {
    return undefined;
  }
}

describe('the generator: what happens', () => {
  it('gives the same bytes for the same options, and others for another seed', () => {
    expect(bytes(generate({ seed: 1, events: 3_000 }))).to.equal(bytes(stream));
    expect(bytes(generate({ seed: 2, events: 3_000 }))).not.to.equal(bytes(stream));
  });

  it('lets as many things happen as it is asked for, to as many people', () => {
    for (const n of [1, 2, 10, 300, 1_234]) expect(generate({ seed: 3, events: n, ...QUIET })).to.have.lengthOf(n);
    const crowd = generate({ seed: 3, events: 4_000, users: 500, ...QUIET });
    expect(crowd.filter(({ topic }) => topic === 'user.created')).to.have.lengthOf(500);
  });

  for (const [seed, users] of [[1], [2], [3, 2], [4, 3], [5, 100]] as const) {
    it(`shows all thirty types in 300 events (seed ${seed}, ${users ?? 'as many users as it likes'})`, () => {
      const messages = generate({ seed, events: 300, ...(users ? { users } : {}), ...QUIET });
      expect(new Set(messages.map(({ topic }) => topic))).to.deep.equal(new Set(TYPES));
      expect(TYPES).to.have.lengthOf(30);
    });
  }

  it('is in causal order: each event can be applied when it happens', () => {
    const calm = generate({ seed: 6, events: 250, ...QUIET });
    for (let n = 1; n <= calm.length; n++)
      expect(expectedTables(events(calm.slice(0, n))).waiting, `event ${n}`).to.be.empty;
  });

  it('has strictly increasing times, some to the microsecond, and starts when it is told', () => {
    const calm = events(generate({ seed: 6, events: 2_000, ...QUIET, start: '2025-03-01T00:00:00Z' }));
    const times = calm.map(({ timestamp }) => time(timestamp));
    for (let i = 1; i < times.length; i++)
      expect(times[i]! > times[i - 1]!, `${times[i - 1]} then ${times[i]}`).to.be.true;
    expect(times[0]).to.match(/^2025-03-01T00:00/);
    expect(times.filter((at) => !at.endsWith('000Z')).length).to.be.within(50, 500);
    expect(time(events(generate({ seed: 6, events: 2, ...QUIET }))[0]!.timestamp)).to.match(/^2024-01-01T/);
  });

  it('keeps the times distinct when poison is strewn in', () => {
    // In a small stream much poison shares a place.
    const original = generate({ seed: 7, events: 40 }).filter(({ event, label, expect: must }) => {
      return event && must !== 'duplicate' && label !== 'collision';
    });
    expect(original.length).to.be.greaterThan(80);
    expect(new Set(events(original).map(({ timestamp }) => time(timestamp))).size).to.equal(original.length);
  });

  it('mixes uuids and prefixed ids', () => {
    const ids = events(stream).flatMap(({ eventType, data }) =>
      eventType === 'user.created' ? [String(data.userId)] : [],
    );
    expect(ids.some((id) => /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(id))).to.be
      .true;
    expect(ids.some((id) => /^user-\d{13}-[0-9a-z]{7}$/.test(id))).to.be.true;
  });

  it('gives different events different ids', () => {
    const original = events(stream.filter(({ expect: must }) => must === 'apply' || must === 'wait'));
    expect(new Set(original.map(({ eventId }) => eventId)).size).to.equal(original.length);
  });

  it('keys each message by the field that the contract names', () => {
    for (const { topic, key, event } of stream) if (event) expect(key).to.equal(keyOf(topic, event.data));
    const tip = stream.find(({ topic, key }) => topic === 'payment.tip.created' && key === null);
    expect(tip?.event?.data, 'a tip without transaction has no key').not.to.have.property('transactionId');
    expect(
      stream.filter(({ event, key }) => event && key === null).every(({ topic }) => topic === 'payment.tip.created'),
    ).to.be.true;
    expect(KEYS['user.blocked']).to.equal('blockerId');
  });

  it('creates some rows twice, the second time later', () => {
    const calm = events(generate({ seed: 1, events: 3_000, ...QUIET }));
    for (const [type, fields] of [
      ['content.post.liked', ['postId', 'userId']],
      ['payment.completed', ['transactionId']],
    ] as const) {
      const made = calm.filter(({ eventType }) => eventType === type);
      const different = new Set(made.map(({ data }) => fields.map((field) => data[field]).join()));
      expect(made.length - different.size, type).to.be.within(1, made.length / 10);
    }
  });
});

describe('the generator: how it is delivered', () => {
  it('what has to apply applies, what has to wait waits, in this order and in others', () => {
    for (const messages of [stream, shuffle(stream, 5), generate({ seed: 8, events: 300, users: 2 })]) {
      const { waiting, ties } = expectedTables(events(messages));
      const must = messages.filter(({ expect: it }) => it === 'wait').map(({ event }) => event?.eventId);
      expect(waiting.map(({ eventId }) => eventId)).to.have.members(must);
      expect(ties).to.deep.equal([]);
    }
  });

  it('disorder changes nothing but the order', () => {
    const sorted = (messages: readonly Message[]) => messages.map(({ value }) => value?.toString() ?? '').sort();
    const calm = generate({ seed: 9, events: 2_000, ...QUIET });
    const wild = generate({ seed: 9, events: 2_000, ...QUIET, disorder: 0.05 });
    expect(sorted(wild)).to.deep.equal(sorted(calm));
    const labels = wild.flatMap(({ label }) => label ?? []);
    expect(labels.length).to.be.within(60, 100);
    expect(new Set(labels)).to.deep.equal(new Set(['early', 'late', 'inverted']));
  });

  it('disorder brings children before parents, changes before creations, and later changes before earlier ones', () => {
    const wild = generate({ seed: 9, events: 2_000, ...QUIET, disorder: 0.05 });
    const early = wild.flatMap(({ label }, index) => (label === 'early' ? [index] : []));
    for (const index of early) {
      const { waiting } = expectedTables(events(wild.slice(0, index + 1)));
      expect(waiting).to.include(wild[index]?.event);
    }
    const inverted = wild.flatMap(({ label, event }, index) =>
      label === 'inverted' && event ? [{ event, index }] : [],
    );
    for (const { event, index } of inverted) {
      const passed = events(wild.slice(index)).filter(({ timestamp }) => time(timestamp) < time(event.timestamp));
      expect(passed).not.to.be.empty;
    }
  });

  it('holds a creation up until the first event that needs it has passed', () => {
    const wild = generate({ seed: 9, events: 2_000, ...QUIET, disorder: 0.02 });
    const late = wild.flatMap(({ label }, index) => (label === 'late' ? [index] : []));
    expect(late).not.to.be.empty;
    for (const index of late) {
      const before = expectedTables(events(wild.slice(0, index))).waiting;
      const after = expectedTables(events(wild.slice(0, index + 1))).waiting;
      const freed = before.filter((event) => !after.includes(event));
      expect(freed).to.have.lengthOf.within(1, 3);
      expect(freed).to.include(wild[index - 1]?.event);
    }
  });

  it('redelivers single messages and bursts, byte for byte and never before the first time', () => {
    const wild = generate({ seed: 10, events: 2_000, ...QUIET, duplicates: 0.1 });
    expect(count(wild, 'duplicate')).to.equal(200);
    const known = new Set<Buffer | null>();
    for (const { expect: must, value } of wild) {
      expect(known.has(value)).to.equal(must === 'duplicate');
      known.add(value);
    }
    expect(new Set(wild.flatMap(({ label }) => label ?? []))).to.deep.equal(new Set(['redelivery', 'burst']));
  });

  it('poison changes nothing of what happens beside it', () => {
    const calm = generate({ seed: 11, events: 1_000, ...QUIET });
    const spoiled = generate({ seed: 11, events: 1_000, ...QUIET, poison: 0.5 });
    expect(spoiled.filter(({ label }) => label === undefined)).to.deep.equal(calm);
    expect(spoiled).to.have.lengthOf(1_500);
  });

  it('shuffles by seed', () => {
    const items = Array.from({ length: 100 }, (_, i) => i);
    expect(shuffle(items, 1)).to.deep.equal(shuffle(items, 1));
    expect(shuffle(items, 1)).not.to.deep.equal(shuffle(items, 2));
    expect(shuffle(items, 1).sort((a, b) => a - b)).to.deep.equal(items);
  });
});

describe('the generator: poison', () => {
  const of = (must: Message['expect'], reason?: string) =>
    stream.filter(
      ({ expect: it, reason: why, label }) => it === must && label !== undefined && (!reason || why === reason),
    );

  it('brings every class, also into a small stream, unless it is turned off', () => {
    const labels = new Set(generate({ seed: 12, events: 20 }).map(({ label }) => label));
    for (const { label } of CLASSES) expect(labels).to.include(label);
    expect(new Set(of('refuse').map(({ label }) => label)).size).to.be.greaterThan(100);
    expect(
      generate({ seed: 12, events: 500, poison: 0 }).every(({ expect: must }) => ['apply', 'duplicate'].includes(must)),
    ).to.be.true;
  });

  it('gives a reason for each refusal, and for nothing else', () => {
    const reasons = ['malformed', 'invalid', 'unknown_type', 'type_mismatch'];
    expect(new Set(of('refuse').map(({ reason }) => reason))).to.deep.equal(new Set(reasons));
    for (const { expect: must, reason, event } of stream)
      expect(reason !== undefined || event !== undefined).to.equal(must !== 'skip');
    for (const { expect: must, reason } of stream) expect(reason !== undefined).to.equal(must === 'refuse');
  });

  it('malformed is what is no JSON in UTF-8; all else is a document', () => {
    for (const { value, label } of of('refuse', 'malformed')) expect(json(value), label).to.equal(undefined);
    for (const reason of ['invalid', 'unknown_type', 'type_mismatch']) {
      for (const { value, label } of of('refuse', reason)) expect(json(value), label).not.to.equal(undefined);
    }
  });

  it('what is accepted reads as the event that comes with it', () => {
    for (const { value, event, expect: must } of stream)
      if (must !== 'refuse' && value) expect(json(value)).to.deep.equal(event);
  });

  it('what is accepted would often be refused by a careless reader', () => {
    const accepted = new Map(of('apply').map((message) => [message.label, message]));
    expect(accepted.get('big content')?.value?.length).to.be.within(200_000, 900_000);
    expect(accepted.get('byte-order mark')?.value?.subarray(0, 3)).to.deep.equal(Buffer.from([0xef, 0xbb, 0xbf]));
    expect(accepted.get('duplicate keys, the last wins')?.event?.data.content).to.equal('minimal');
    expect(Object.hasOwn(accepted.get('__proto__ and friends')?.event?.data ?? {}, '__proto__')).to.be.true;
    const written = expectedTables(events(stream)).tables;
    const post = (label: string) => written.get('posts')?.get(String(accepted.get(label)?.event?.data.postId));
    expect([post('PAID'), post('SUBSCRIBERS_ONLY')].map((row) => row?.visibility)).to.deep.equal([
      'ppv',
      'subscribers',
    ]);
    expect(post('id of 255 emoji')).to.exist;
  });

  it('what waits is of many types', () => {
    expect(new Set(of('wait').map(({ topic }) => topic)).size).to.be.greaterThan(20);
  });

  it('includes tombstones, and other contents under known ids', () => {
    expect(of('skip')[0]).to.deep.include({ value: null, label: 'tombstone' });
    const collision = stream.find(({ label }) => label === 'collision');
    const original = stream.find(
      ({ event, label }) => event?.eventId === collision?.event?.eventId && label !== 'collision',
    );
    expect(original).to.exist;
    expect(collision?.value?.equals(original?.value ?? Buffer.alloc(0))).to.be.false;
  });
});

describe('the generator: posts for benchmarks', () => {
  it('are users first, and then posts of about 430 bytes', () => {
    const made = [...posts({ seed: 1, events: 2_000, users: 50 })];
    expect(made).to.have.lengthOf(2_000);
    expect(made.slice(0, 50).every(({ topic }) => topic === 'user.created')).to.be.true;
    const rest = made.slice(50);
    expect(rest.every(({ topic }) => topic === 'content.post.created')).to.be.true;
    expect(rest.reduce((sum, { value }) => sum + (value?.length ?? 0), 0) / rest.length).to.be.within(410, 450);
    const { tables, waiting } = expectedTables(events(made));
    expect(waiting).to.be.empty;
    expect(tables.get('posts')?.size).to.equal(1_950);
    expect(bytes([...posts({ seed: 1, events: 2_000, users: 50 })])).to.equal(bytes(made));
  });

  it('a message carries its event', () => {
    const event = { eventId: 'e', eventType: 'user.deleted', timestamp: '2024-01-01T00:00:00Z', data: { userId: 'u' } };
    expect(messageOf(event)).to.deep.equal({ topic: 'user.deleted', key: 'u', value: Buffer.from(JSON.stringify(event)), expect: 'apply', event }); // prettier-ignore
  });
});
