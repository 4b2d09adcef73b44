import { expect } from 'chai';
import fc from 'fast-check';
import { RecentEvents, WINDOW } from '../../src/writing/recent.js';

type Batch = readonly [accepted: number, causes: readonly string[]];

/** A batch's outcomes one by one: the refusals stand evenly spread in it, the last of them at its end. */
function spread([accepted, causes]: Batch): (string | undefined)[] {
  const outcomes: (string | undefined)[] = Array.from({ length: accepted + causes.length });
  causes.forEach((cause, j) => {
    outcomes[Math.ceil(((j + 1) * outcomes.length) / causes.length) - 1] = cause;
  });
  return outcomes;
}

const causes = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 12 });
const small = fc.tuple(fc.nat(30), causes).map((batch): Batch => batch);
const large = fc
  .tuple(fc.nat(2_500), fc.nat(2_500))
  .map(([accepted, n]): Batch => [accepted, Array<string>(n).fill('d')]);
const clean = fc.nat(1_500).map((accepted): Batch => [accepted, []]);

describe('the last 1,000 finished events', () => {
  it('are those that a list of all events ends with', () => {
    const batches = fc.array(fc.oneof({ weight: 6, arbitrary: small }, clean, large), { maxLength: 80, size: 'max' });
    fc.assert(
      fc.property(batches, (all) => {
        const recent = new RecentEvents();
        const list: (string | undefined)[] = [];
        for (const batch of all) {
          recent.add(...batch);
          list.push(...spread(batch));
          const last = list.slice(-WINDOW);
          const causes = last.filter((cause) => cause !== undefined);
          expect([recent.finished, recent.refused]).to.deep.equal([last.length, causes.length]);
          const countOf = (cause: string) => causes.filter((other) => other === cause).length;
          const most = Math.max(0, ...['a', 'b', 'c', 'd'].map(countOf));
          expect(countOf(recent.mostFrequent())).to.equal(most);
        }
      }),
    );
  });

  it('have the share of a batch that is larger than they', () => {
    fc.assert(
      fc.property(fc.nat(20_000), fc.nat(20_000), (accepted, n) => {
        fc.pre(accepted + n >= WINDOW);
        const recent = new RecentEvents();
        recent.add(accepted, Array<string>(n).fill('x'));
        expect(recent.refused).to.be.closeTo((n / (accepted + n)) * WINDOW, 1);
      }),
    );
  });

  it('are none after they were forgotten', () => {
    const recent = new RecentEvents();
    recent.add(3, ['x', 'y']);
    recent.clear();
    expect([recent.finished, recent.refused, recent.mostFrequent()]).to.deep.equal([0, 0, '']);
    recent.add(1, ['z']);
    expect([recent.finished, recent.refused, recent.mostFrequent()]).to.deep.equal([2, 1, 'z']);
  });
});
