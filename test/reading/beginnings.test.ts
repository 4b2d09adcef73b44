import { expect } from 'chai';
import fc from 'fast-check';
import { beginningOf, type Known } from '../../src/reading/beginnings.js';
import type { Log } from '../../src/postgres/positions.js';

const CLUSTER = 'cluster-a';
const TOPIC = '11111111-1111-1111-1111-111111111111';
const log: Log = { clusterId: CLUSTER, topicIds: new Map([['t', TOPIC]]) };

/** What is known of a partition whose log goes from `low` to `last`, and can be read up to `high`. */
function known(
  low: number,
  high: number,
  committed?: number,
  stored?: number,
  of = { clusterId: CLUSTER, topicId: TOPIC },
  last = high,
): Known {
  // prettier-ignore
  const at = { topic: 't', partition: 0 };
  return {
    end: { ...at, low, high, last },
    committed,
    stored: stored === undefined ? undefined : { ...at, next: stored, ...of },
  };
}

function begin(given: Known): { next?: number; finding?: string | undefined; from?: number; to?: number } {
  const found = beginningOf(given, log);
  return 'from' in found ? { from: found.from, to: found.to } : { next: found.next, finding: found.finding };
}

describe('where reading begins', () => {
  it('a new group: at the start of the log', () => {
    expect(begin(known(3, 9))).to.deep.equal({ next: 3, finding: undefined });
  });

  it('at the lesser of the committed offset and the position in PostgreSQL', () => {
    expect(begin(known(0, 9, 7, 5))).to.deep.equal({ next: 5, finding: 'behind' });
    expect(begin(known(0, 9, 5, 7))).to.deep.equal({ next: 5, finding: undefined });
    expect(begin(known(0, 9, 5, 5))).to.deep.equal({ next: 5, finding: undefined });
  });

  it('where the rows end, when Kafka has forgotten the offset', () => {
    expect(begin(known(0, 9, undefined, 5))).to.deep.equal({ next: 5, finding: undefined });
  });

  it('at the start, when PostgreSQL knows of no row that the committed offset stands for', () => {
    expect(begin(known(2, 9, 7))).to.deep.equal({ next: 2, finding: 'unknown' });
    expect(begin(known(2, 9, 2))).to.deep.equal({ next: 2, finding: undefined });
  });

  it('at the start of a topic that was made again, and of another cluster', () => {
    expect(begin(known(0, 900, 500, 500, { clusterId: CLUSTER, topicId: 'another' }))).to.deep.equal({ next: 0, finding: 'replaced' }); // prettier-ignore
    expect(begin(known(0, 900, 500, 500, { clusterId: 'cluster-b', topicId: TOPIC }))).to.deep.equal({ next: 0, finding: 'replaced' }); // prettier-ignore
  });

  it('at the start of a log that ends before the position', () => {
    expect(begin(known(1, 9, 12, 12))).to.deep.equal({ next: 1, finding: 'truncated' });
  });

  it('where the rows end, also where somebody has set the offset behind a transaction that is open', () => {
    const of = { clusterId: CLUSTER, topicId: TOPIC };
    expect(begin(known(1, 9, 12, 8, of, 12))).to.deep.equal({ next: 8, finding: 'behind' });
    expect(begin(known(1, 9, 13, 8, of, 12))).to.deep.equal({ next: 1, finding: 'truncated' });
  });

  it('nowhere, when what is to come was deleted: it says what is lost', () => {
    expect(begin(known(8, 20, 5, 5))).to.deep.equal({ from: 5, to: 8 });
    expect(begin(known(8, 20, 10, 5))).to.deep.equal({ from: 5, to: 8 });
    expect(begin(known(8, 8, undefined, 5))).to.deep.equal({ from: 5, to: 8 });
    expect(begin(known(8, 20, 8, 8))).to.deep.equal({ next: 8, finding: undefined });
  });

  it('never skips a record that the rows do not hold, whatever is known', () => {
    const offset = fc.integer({ min: 0, max: 20 });
    const ids = fc.record({ clusterId: fc.constantFrom(CLUSTER, 'cluster-b'), topicId: fc.constantFrom(TOPIC, 'another') }); // prettier-ignore
    fc.assert(
      fc.property(
        offset,
        fc.nat(10),
        fc.option(offset, { nil: undefined }),
        fc.option(offset, { nil: undefined }),
        ids,
        (low, more, committed, stored, of) => {
          const given = known(low, low + more, committed, stored, of);
          const found = beginningOf(given, log);
          // What the rows hold of this very log: everything below the position, if that speaks of it.
          const isOurs = of.clusterId === CLUSTER && of.topicId === TOPIC;
          const held = stored !== undefined && isOurs && stored <= low + more ? stored : 0;
          if ('from' in found) {
            expect(found.to).to.equal(low);
            expect(found.from).to.be.lessThan(low);
          } else {
            expect(found.next).to.be.at.most(Math.max(held, low));
            expect(found.next).to.be.within(low, low + more);
            if (committed !== undefined && committed >= low) expect(found.next).to.be.at.most(Math.max(committed, low));
          }
        },
      ),
    );
  });
});
