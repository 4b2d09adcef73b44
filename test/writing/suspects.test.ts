import { expect } from 'chai';
import fc from 'fast-check';
import { Suspects, type SuspectRange } from '../../src/writing/suspects.js';

const LENGTH = 20;
const topics = ['a', 'b'];
const places = topics.flatMap((topic) =>
  [0, 1].flatMap((partition) => Array.from({ length: LENGTH }, (_, offset) => ({ topic, partition, offset }))),
);

const partition = fc.record({ topic: fc.constantFrom(...topics), partition: fc.nat(1) });
const place = fc.constantFrom(...places);
const several = fc
  .tuple(partition, fc.nat(LENGTH - 2), fc.integer({ min: 2, max: LENGTH }))
  .map(([at, first, size]): SuspectRange => ({ ...at, first, next: Math.min(first + size, LENGTH), deaths: 0 }));
const one = fc
  .tuple(place, fc.nat(3))
  .map(([{ offset, ...at }, deaths]): SuspectRange => ({ ...at, first: offset, next: offset + 1, deaths }));

const keyOf = (range: SuspectRange) => `${range.topic}:${range.partition}:${range.first}:${range.next}`;
const stored = fc.uniqueArray(fc.oneof(several, one), { selector: keyOf, maxLength: 8 });
const step = fc.oneof(
  place.map((acquit) => ({ acquit })),
  fc.tuple(partition, fc.nat(LENGTH)).map(([at, next]) => ({ pass: { ...at, next } })),
);

describe('suspects', () => {
  it('are the messages in the ranges that are stored, without the acquitted and the passed', () => {
    fc.assert(
      fc.property(stored, fc.array(step, { maxLength: 30 }), (ranges, steps) => {
        const suspects = new Suspects(ranges);
        const acquitted = new Set<string>();
        const passed = new Map<string, number>();
        const nameOf = (at: { topic: string; partition: number }) => `${at.topic}:${at.partition}`;
        let left = ranges;
        const check = () => {
          let size = 0;
          for (const at of places) {
            const { topic, partition, offset } = at;
            const isBefore = offset < (passed.get(nameOf(at)) ?? 0);
            const isIn = ranges.some(
              (r) => nameOf(r) === nameOf(at) && r.first <= offset && offset < r.next && !isBefore,
            );
            const expected = isIn && !acquitted.has(`${nameOf(at)}:${offset}`);
            if (expected) size++;
            expect(suspects.isSuspect(topic, partition, offset), `${nameOf(at)}:${offset}`).to.equal(expected);
            const alone = ranges.find((r) => nameOf(r) === nameOf(at) && r.first === offset && r.next === offset + 1);
            expect(suspects.attemptsOf(topic, partition, offset)).to.equal(expected ? (alone?.deaths ?? 0) : 0);
          }
          expect(suspects.size).to.equal(size);
          expect(suspects.isEmpty).to.equal(left.length === 0);
        };
        check();
        for (const step of steps) {
          if ('acquit' in step) {
            suspects.acquit(step.acquit);
            acquitted.add(`${nameOf(step.acquit)}:${step.acquit.offset}`);
          } else {
            const { pass } = step;
            const isBehind = (r: SuspectRange) => nameOf(r) === nameOf(pass) && r.next <= pass.next;
            expect(suspects.passable([pass])).to.deep.equal(left.some(isBehind) ? [pass] : []);
            suspects.pass([pass]);
            left = left.filter((r) => !isBehind(r));
            passed.set(nameOf(pass), Math.max(pass.next, passed.get(nameOf(pass)) ?? 0));
          }
          check();
        }
      }),
    );
  });
});
