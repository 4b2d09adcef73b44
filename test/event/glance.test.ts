import { expect } from 'chai';
import fc from 'fast-check';
import { decode } from '../../src/event/decode.js';
import { glance } from '../../src/event/glance.js';
import { registry } from '../../src/handlers/index.js';
import { eventStream } from '../support/arbitraries.js';
import { envelope, messageOf, messageWith } from '../support/envelopes.js';
import { generate } from '../support/generator/index.js';
import type { Message } from '../../src/event/message.js';

function expectSame(message: Message): void {
  const decoded = decode(message, registry);
  const seen = glance(message, '');
  // After a byte-order mark nothing is seen, which costs time only.
  if (decoded.kind !== 'event' || message.value?.[0] === 0xef) return;
  const { id, time, hash } = decoded.event;
  expect(seen, message.value?.toString()).to.deep.equal({ id, time, hash });
}

describe('a glance at a message', () => {
  it('sees what every valid event is known by, in whatever order and form it is written', () => {
    fc.assert(
      fc.property(eventStream(), fc.boolean(), fc.constantFrom(undefined, 1), (stream, turned, indent) => {
        for (const given of stream) {
          const fields = Object.entries(given);
          const document = Object.fromEntries(turned ? fields.reverse() : fields);
          expectSame(messageWith(given.eventType, Buffer.from(JSON.stringify(document, null, indent))));
        }
      }),
    );
    for (const { topic, value } of generate({ seed: 3, events: 300 })) if (value) expectSame(messageWith(topic, value));
  });

  it('leaves to others what it cannot read, and what is on a wrong topic', () => {
    const given = envelope('user.deleted', { userId: 'u' });
    const wrong = ['', '{', 'null', '[]', '"x"', '{"eventId":1,"eventType":"user.deleted","timestamp":"x"}', '{}'];
    for (const text of wrong) expect(glance(messageWith('user.deleted', Buffer.from(text)), '')).to.equal(undefined);
    expect(glance(messageWith('user.deleted', null), '')).to.equal(undefined);
    const { value } = messageOf(given);
    expect(glance(messageWith('user.created', value), '')).to.equal(undefined);
    expect(glance(messageWith('x.user.deleted', value), '')).to.equal(undefined);
    expect(glance(messageWith('x.user.deleted', value), 'x.')).to.have.property('id', given.eventId);
  });
});
