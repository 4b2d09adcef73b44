import { expect } from 'chai';
import fc from 'fast-check';
import { compareText, versionOf } from '../../src/event/version.js';

/** Code point by code point, the shorter of two that begin alike first. */
function reference(a: string, b: string): number {
  const [left, right] = [Array.from(a), Array.from(b)];
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const difference = (left[i]?.codePointAt(0) ?? 0) - (right[i]?.codePointAt(0) ?? 0);
    if (difference !== 0) return Math.sign(difference);
  }
  return Math.sign(left.length - right.length);
}

/** Characters on both sides of the surrogates, so that UTF-16 units and code points disagree about many. */
const edge = fc.constantFrom(
  'a',
  'b',
  '\u007f',
  '\u0080',
  '\ud7ff',
  '\ue000',
  '\ufffd',
  '\uffff',
  '\u{10000}',
  '🦊',
  '\u{10ffff}',
);
const text = fc.oneof(fc.string({ unit: edge, maxLength: 6 }), fc.string({ unit: 'binary' }));

describe('versions', () => {
  it('are compared by code point, not by unit of UTF-16', () => {
    expect(['\ufffd', '🦊'].sort()).to.deep.equal(['🦊', '\ufffd']); // JavaScript's own order
    expect(compareText('🦊', '\ufffd')).to.be.greaterThan(0);
    expect(compareText('', 'a')).to.be.lessThan(0);
    expect(compareText('a', 'ab')).to.be.lessThan(0);
    expect(compareText('B', 'a')).to.be.lessThan(0);
    expect(compareText('é', 'é')).to.equal(0);
  });

  it('are compared as their code points are', () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(Math.sign(compareText(a, b))).to.equal(reference(a, b));
      }),
      { numRuns: 3_000 },
    );
  });

  it('are compared as their bytes in UTF-8 are, which is what COLLATE "C" does', () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(Math.sign(compareText(a, b))).to.equal(Buffer.compare(Buffer.from(a), Buffer.from(b)));
      }),
    );
  });

  it('follow the time first, then the event id', () => {
    const time = fc.oneof(fc.integer({ min: 946_684_800_000_000, max: 9_007_199_254_740_991 }), fc.constantFrom(999_999_999_999_999, 1_000_000_000_000_000)); // prettier-ignore
    fc.assert(
      fc.property(time, time, text, text, (t, u, a, b) => {
        const expected = Math.sign(t - u) || reference(a, b);
        expect(Math.sign(compareText(versionOf(t, a), versionOf(u, b)))).to.equal(expected);
        expect(Math.sign(compareText(versionOf(t, a), versionOf(t, b)))).to.equal(reference(a, b));
      }),
    );
  });

  it('hold the time in sixteen digits', () => {
    expect(versionOf(946_684_800_000_000, 'e')).to.equal('0946684800000000e');
  });
});
