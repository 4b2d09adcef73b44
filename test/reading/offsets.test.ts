import { expect } from 'chai';
import fc from 'fast-check';
import { Offsets, type Segment } from '../../src/reading/offsets.js';

type Step = { readonly do: 'take'; readonly partition: number; readonly messages: number } | { readonly do: 'finish'; readonly which: number } | { readonly do: 'store' }; // prettier-ignore

const steps = fc.array(
  fc.oneof<fc.Arbitrary<Step>[]>(
    fc.record({ do: fc.constant('take' as const), partition: fc.nat(2), messages: fc.integer({ min: 1, max: 5 }) }),
    fc.record({ do: fc.constant('finish' as const), which: fc.nat() }),
    fc.record({ do: fc.constant('store' as const) }),
  ),
  { maxLength: 60 },
);

describe('offsets', () => {
  it('move to the end of what is finished without a gap, in whatever order batches finish', () => {
    fc.assert(
      fc.property(steps, (given) => {
        const offsets = new Offsets();
        // The naive model: every single offset, and whether it is finished.
        const finished: boolean[][] = [[], [], []];
        const stored = [0, 0, 0];
        const open: { segment: Segment; partition: number; from: number }[] = [];
        for (const step of given) {
          if (step.do === 'take') {
            const log = finished[step.partition]!;
            const from = log.length;
            for (let i = 0; i < step.messages; i++) log.push(false);
            open.push({ segment: offsets.take('topic', step.partition, log.length), partition: step.partition, from });
          } else if (step.do === 'finish' && open.length > 0) {
            const [done] = open.splice(step.which % open.length, 1);
            if (!done) continue;
            done.segment.done = true;
            finished[done.partition]!.fill(true, done.from, done.segment.end);
          } else {
            const moved = offsets.moved();
            const expected = finished.flatMap((log, partition) => {
              const gap = log.indexOf(false);
              const next = gap < 0 ? log.length : gap;
              return next > stored[partition]! ? [{ topic: 'topic', partition, next }] : [];
            });
            expect([...moved].sort((a, b) => a.partition - b.partition)).to.deep.equal(expected);
            offsets.store(moved);
            for (const { partition, next } of moved) stored[partition] = next;
          }
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it('are told again until they are stored', () => {
    const offsets = new Offsets();
    offsets.take('t', 0, 5).done = true;
    const moved = [{ topic: 't', partition: 0, next: 5 }];
    expect(offsets.moved()).to.deep.equal(moved);
    expect(offsets.moved()).to.deep.equal(moved);
    offsets.store(moved);
    expect(offsets.moved()).to.deep.equal([]);
  });

  it('move on where storing was overtaken by more that was finished', () => {
    const offsets = new Offsets();
    offsets.take('t', 0, 5).done = true;
    const first = offsets.moved();
    offsets.take('t', 0, 9).done = true;
    offsets.store(first);
    expect(offsets.moved()).to.deep.equal([{ topic: 't', partition: 0, next: 9 }]);
  });

  it('count to the end that a segment has when it is finished', () => {
    const offsets = new Offsets();
    const segment = offsets.take('t', 0, 5);
    segment.end = 8;
    segment.done = true;
    expect(offsets.moved()).to.deep.equal([{ topic: 't', partition: 0, next: 8 }]);
  });

  it('of partitions and topics do not meet', () => {
    const offsets = new Offsets();
    offsets.take('a', 0, 1);
    offsets.take('a', 1, 2).done = true;
    offsets.take('b', 0, 3).done = true;
    expect(offsets.moved()).to.deep.equal([
      { topic: 'a', partition: 1, next: 2 },
      { topic: 'b', partition: 0, next: 3 },
    ]);
  });

  it('start anew when partitions are given or taken: what was in hand counts no longer', () => {
    const offsets = new Offsets();
    const [old, late] = [offsets.take('t', 0, 5), offsets.take('t', 0, 9)];
    old.done = true;
    offsets.reset();
    expect(offsets.moved()).to.deep.equal([]);
    const again = offsets.take('t', 0, 3);
    late.done = true;
    expect(offsets.moved()).to.deep.equal([]);
    again.done = true;
    expect(offsets.moved()).to.deep.equal([{ topic: 't', partition: 0, next: 3 }]);
  });
});
