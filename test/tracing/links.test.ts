import { expect } from 'chai';
import { linksTo, type Traced } from '../../src/tracing/links.js';

const PARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

function message(offset: number, ...traceparents: (string | Buffer | null)[]): Traced {
  const headers = traceparents.map((one) => ['traceparent', typeof one === 'string' ? Buffer.from(one) : one] as const);
  return { topic: 'user.created', partition: 1, offset, headers: [['source', Buffer.from('web')], ...headers] };
}

/** A traceparent of the trace of this number. */
function numbered(n: number): string {
  return `00-${String(n).padStart(32, '0')}-b7ad6b7169203331-01`;
}

describe('links to the traces of messages', () => {
  it('name the span that sent the message, and the place of the message', () => {
    expect(linksTo([message(7, PARENT)])).to.deep.equal({
      links: [
        {
          context: {
            traceId: '0af7651916cd43dd8448eb211c80319c',
            spanId: 'b7ad6b7169203331',
            traceFlags: 1,
            isRemote: true,
          },
          attributes: {
            'messaging.destination.name': 'user.created',
            'messaging.destination.partition.id': '1',
            'messaging.kafka.offset': 7,
          },
        },
      ],
      leftOut: 0,
    });
  });

  it('take the last of several headers, and a later version of the header', () => {
    const [link] = linksTo([message(0, numbered(1), numbered(2))]).links;
    expect(link?.context.traceId).to.match(/2$/);
    expect(linksTo([message(0, `${PARENT.replace(/^00/, '01')}-more`)]).links).to.have.length(1);
  });

  for (const [what, value] of [
    ['no text', Buffer.from([0xff, 0xfe, 0x00])],
    ['no value', null],
    ['an empty value', ''],
    ['zeros for a trace', numbered(0)],
    ['zeros for a span', PARENT.replace('b7ad6b7169203331', '0'.repeat(16))],
    ['capital letters', PARENT.toUpperCase()],
    ['a forbidden version', PARENT.replace(/^00/, 'ff')],
    ['more than its version has', `${PARENT}-00`],
    ['a megabyte', `01${PARENT.slice(2)}-${'x'.repeat(1_000_000)}`],
    ['what is cut off', PARENT.slice(0, 54)],
  ] as const) {
    it(`are not made of ${what}`, () => {
      expect(linksTo([message(0, value)])).to.deep.equal({ links: [], leftOut: 0 });
    });
  }

  it('are one for each trace, 32 at the most, the first ones; the others are counted', () => {
    const messages = Array.from({ length: 100 }, (_, i) => message(i, numbered(1 + (i % 50))));
    const { links, leftOut } = linksTo(messages);
    expect(links.map(({ attributes }) => attributes?.['messaging.kafka.offset'])).to.deep.equal([...Array(32).keys()]);
    expect(leftOut).to.equal(18);
  });
});
