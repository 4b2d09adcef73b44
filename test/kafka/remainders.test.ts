import { expect } from 'chai';
import fc from 'fast-check';
import { balance, type Remainder } from '../../src/kafka/remainders.js';

const TOPICS = 30;
const names = Array.from({ length: 16 }, (_, i) => `m${i}`);

/** A bad beginning: the first ones of those who subscribe hold all that they can. */
const heaped = fc
  .record({
    subscribers: fc.subarray(names, { minLength: 8 }),
    claimants: fc.subarray(names),
    part: fc.double({ min: 0.2, max: 0.8, noNaN: true }),
  })
  .map(({ subscribers, claimants, part }): Remainder => ({
    subscribers,
    holders: new Set(subscribers.slice(0, Math.round(part * subscribers.length))),
    claimants: new Set(claimants),
  }));

describe('remainders', () => {
  it('are balanced in fewer steps than there are, with thirty topics and sixteen members', () => {
    fc.assert(
      fc.property(fc.array(heaped, { minLength: TOPICS, maxLength: TOPICS }), (remainders) => {
        const held = () =>
          new Map(names.map((member) => [member, remainders.filter(({ holders }) => holders.has(member)).length]));
        const totals = held();
        const count = [...totals.values()].reduce((sum, total) => sum + total);
        const cycles = balance(remainders, totals);
        expect(cycles).to.be.below(count);
        expect(totals).to.deep.equal(held());
      }),
      { numRuns: 20 },
    );
  });
});
