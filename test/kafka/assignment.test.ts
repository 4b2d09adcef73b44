import { expect } from 'chai';
import fc from 'fast-check';
import { assign, type Member } from '../../src/kafka/assignment.js';

const topicNames = ['a', 'b', 'c', 'd', '__proto__'];

const partitions = fc
  .array(fc.integer({ min: 1, max: 7 }), { minLength: topicNames.length, maxLength: topicNames.length })
  .map((counts) => new Map(topicNames.map((topic, i) => [topic, Array.from({ length: counts[i]! }, (_, p) => p)])));

/** Members with any subscriptions, who say that they own anything at all, also what is another's or is gone. */
const members = fc.uniqueArray(
  fc.record({
    memberId: fc.string({ minLength: 1, maxLength: 4 }),
    topics: fc.uniqueArray(fc.constantFrom(...topicNames, 'gone')),
    owned: fc
      .array(fc.tuple(fc.constantFrom(...topicNames, 'gone'), fc.uniqueArray(fc.nat(9))))
      .map((list) => new Map(list)),
  }),
  { selector: ({ memberId }) => memberId, minLength: 1, maxLength: 6 },
);

const total = (share: Map<string, number[]>) => [...share.values()].flat().length;
const key = (topic: string, partition: number) => `${topic}:${partition}`;

/** Who has each partition. */
function owners(result: Map<string, Map<string, number[]>>): Map<string, string> {
  const map = new Map<string, string>();
  for (const [member, share] of result) {
    for (const [topic, list] of share) {
      for (const partition of list) {
        expect(map.has(key(topic, partition)), 'given twice').to.equal(false);
        map.set(key(topic, partition), member);
      }
    }
  }
  return map;
}

/** Members of whom no two say that they own the same. */
const undisputed = members.map((list) => {
  const taken = new Set<string>();
  const first = (place: string) => !taken.has(place) && Boolean(taken.add(place));
  return list.slice(0, 4).map((member) => ({
    ...member,
    owned: new Map([...member.owned].map(([topic, list]) => [topic, list.filter((one) => first(key(topic, one)))])),
  }));
});

/** Members with equal subscriptions, to one topic or to some that each of them reads as many partitions of. */
const plain = fc.integer({ min: 2, max: 6 }).chain((count) => {
  const names = Array.from({ length: count }, (_, i) => `m${i}`);
  const numbered = (length: number) => Array.from({ length }, (_, partition) => partition);
  const one = fc.integer({ min: 1, max: 20 }).map((length) => new Map([['a', numbered(length)]]));
  const several = fc
    .array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 6 })
    .map((list) => new Map(list.map((times, i) => [`t${i}`, numbered(times * count)])));
  return fc.record({ names: fc.constant(names), map: fc.oneof(one, several) });
});

/** The sum of the squares of the totals, which is to be small, and how many partitions stay where they were. */
type Score = readonly [squares: number, kept: number];

const scored = (totals: Iterable<number>, kept: number): Score => [
  [...totals].reduce((sum, count) => sum + count ** 2, 0),
  kept,
];

const ownedBy = ({ owned }: Member, topic: string, numbers: readonly number[]) =>
  (owned?.get(topic) ?? []).filter((partition) => numbers.includes(partition));

function scoreOf(
  list: readonly Member[],
  map: ReadonlyMap<string, readonly number[]>,
  result: Map<string, Map<string, number[]>>,
): Score {
  const kept = list.flatMap((member) =>
    [...result.get(member.memberId)!].flatMap(([topic, numbers]) => ownedBy(member, topic, numbers)),
  );
  return scored([...result.values()].map(total), kept.length);
}

/** Every way to choose some of a list. */
function choices<T>([first, ...rest]: readonly T[], count: number): T[][] {
  if (count === 0) return [[]];
  if (first === undefined) return [];
  return [...choices(rest, count - 1).map((chosen) => [first, ...chosen]), ...choices(rest, count)];
}

/** The best score of all ways to spread each topic evenly, by trying them all. */
function bestScore(list: readonly Member[], map: ReadonlyMap<string, readonly number[]>): Score {
  const better = (a: Score, b: Score) => (a[0] < b[0] || (a[0] === b[0] && a[1] > b[1]) ? a : b);
  const visit = (
    [first, ...rest]: [string, readonly number[]][],
    totals: ReadonlyMap<Member, number>,
    kept: number,
  ) => {
    if (!first) return scored(totals.values(), kept);
    const [topic, numbers] = first;
    const readers = list.filter(({ topics }) => topics.includes(topic));
    if (readers.length === 0) return visit(rest, totals, kept);
    let best: Score = [Infinity, 0];
    for (const more of choices(readers, numbers.length % readers.length)) {
      const grown = new Map(totals);
      let stay = kept;
      for (const reader of readers) {
        const size = Math.floor(numbers.length / readers.length) + Number(more.includes(reader));
        grown.set(reader, (totals.get(reader) ?? 0) + size);
        stay += Math.min(size, ownedBy(reader, topic, numbers).length);
      }
      best = better(best, visit(rest, grown, stay));
    }
    return best;
  };
  return visit([...map], new Map(), 0);
}

const keeping = (list: readonly Member[], result: Map<string, Map<string, number[]>>): Member[] =>
  list.map((member) => ({ ...member, owned: result.get(member.memberId)! }));

describe('assignment', () => {
  it('gives every partition that anybody subscribes to, once, and only to subscribers', () => {
    fc.assert(
      fc.property(members, partitions, (list, map) => {
        const given = owners(assign(list, map));
        const wanted = [...map].filter(([topic]) => list.some(({ topics }) => topics.includes(topic)));
        expect([...given.keys()].sort()).to.deep.equal(
          wanted.flatMap(([topic, numbers]) => numbers.map((partition) => key(topic, partition))).sort(),
        );
        for (const [place, owner] of given) {
          const { topics } = list.find(({ memberId }) => memberId === owner)!;
          expect(topics).to.include(place.slice(0, place.lastIndexOf(':')));
        }
      }),
    );
  });

  it('spreads each topic over those who subscribe to it, who differ by one partition at most', () => {
    fc.assert(
      fc.property(members, partitions, (list, map) => {
        const result = assign(list, map);
        for (const topic of map.keys()) {
          const counts = list
            .filter(({ topics }) => topics.includes(topic))
            .map(({ memberId }) => result.get(memberId)?.get(topic)?.length ?? 0);
          if (counts.length > 0) expect(Math.max(...counts) - Math.min(...counts), topic).to.be.at.most(1);
        }
      }),
    );
  });

  it('lets members with equal subscriptions differ by one at most, of all topics together', () => {
    fc.assert(
      fc.property(members, partitions, (list, map) => {
        const result = assign(list, map);
        for (const a of list) {
          for (const b of list) {
            if ([...a.topics].sort().join() !== [...b.topics].sort().join()) continue;
            expect(total(result.get(a.memberId)!) - total(result.get(b.memberId)!)).to.be.within(-1, 1);
          }
        }
      }),
    );
  });

  it('makes the totals as even as that allows, and moves as few partitions as that allows', () => {
    fc.assert(
      fc.property(undisputed, partitions, (list, map) => {
        const few = new Map([...map].slice(0, 4));
        expect(scoreOf(list, few, assign(list, few))).to.deep.equal(bestScore(list, few));
      }),
    );
  });

  it('decides the same whatever the order of members and topics', () => {
    fc.assert(
      fc.property(members, partitions, (list, map) => {
        const reversed = new Map([...map].reverse());
        expect(assign([...list].reverse(), reversed)).to.deep.equal(assign(list, map));
      }),
    );
  });

  it('moves nothing when nothing changed', () => {
    fc.assert(
      fc.property(members, partitions, (list, map) => {
        const before = assign(list, map);
        expect(assign(keeping(list, before), map)).to.deep.equal(before);
      }),
    );
  });

  it('lets those who stay keep what they have when one leaves, of one topic or of topics without remainder', () => {
    fc.assert(
      fc.property(plain, ({ names, map }) => {
        const group = names.map((memberId) => ({ memberId, topics: [...map.keys()] }));
        const before = assign(group, map);
        const stayed = keeping(group, before).slice(1);
        const after = owners(assign(stayed, map));
        for (const [place, owner] of owners(before)) {
          if (owner !== names[0]) expect(after.get(place)).to.equal(owner);
        }
      }),
    );
  });

  it('moves nothing between those who were there when one comes, of one topic or of topics without remainder', () => {
    fc.assert(
      fc.property(plain, ({ names, map }) => {
        const group = names.map((memberId) => ({ memberId, topics: [...map.keys()] }));
        const before = assign(group, map);
        // Sorted before and behind the others: who comes is not favoured for its name.
        for (const memberId of ['0', 'z']) {
          const after = assign([...keeping(group, before), { memberId, topics: [...map.keys()] }], map);
          const previous = owners(before);
          for (const [place, owner] of owners(after)) {
            if (owner !== memberId) expect(previous.get(place)).to.equal(owner);
          }
        }
      }),
    );
  });
});
