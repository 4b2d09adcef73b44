import { expect } from 'chai';
import fc from 'fast-check';
import { compareTables } from './chaos/compare.js';
import { readOptions } from './chaos/options.js';
import { FEWEST, makePlan, SLOTS, sortOf, victimOf } from './chaos/plan.js';
import { expectedTables } from './support/model.js';
import { generate } from './support/generator/index.js';

describe('the plan of a chaos run', () => {
  it('is the same for the same seed and another for another', () => {
    expect(makePlan(7, 600_000)).to.deep.equal(makePlan(7, 600_000));
    expect(makePlan(7, 600_000)).not.to.deep.equal(makePlan(8, 600_000));
  });

  it('is in order, over at the end, one fault to a victim at a time, and leaves enough processes', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 20 }), (seed, minutes) => {
        const total = minutes * 60_000;
        const present = new Set(Array.from({ length: FEWEST }, (_, i) => i));
        const free = new Map<string, number>();
        let last = 0;
        for (const { atMs, fault } of makePlan(seed, total)) {
          expect(atMs).to.be.at.least(last);
          expect(atMs + fault.ms).to.be.at.most(total);
          const victim = victimOf(fault);
          expect(atMs, victim).to.be.at.least(free.get(victim) ?? 0);
          free.set(victim, atMs + fault.ms);
          last = atMs;
          if (!('slot' in fault)) continue;
          if (fault.kind === 'more') present.add(fault.slot);
          else expect(present.has(fault.slot), `${fault.kind} ${fault.slot}`).to.equal(true);
          if (fault.kind === 'fewer') present.delete(fault.slot);
          expect(present.size).to.be.within(FEWEST, SLOTS);
        }
      }),
    );
  });

  it('holds every sort of fault in a quarter of an hour', () => {
    for (const seed of [1, 2, 3]) {
      const sorts = new Set(makePlan(seed, 900_000).map(({ fault }) => sortOf(fault)));
      expect(sorts).to.have.lengthOf(23);
    }
  });

  it('comes from flags, else from the environment, and names what is wrong', () => {
    expect(readOptions(['--seed', '5'], { SEED: '6', MINUTES: '2.5' })).to.deep.equal({
      seed: 5,
      minutes: 2.5,
      events: 200_000,
    });
    expect(() => readOptions(['--events', 'many'], {})).to.throw('events is "many"; it must be a number from 1000');
    expect(() => readOptions([], { SEED: '1.5' })).to.throw('seed is "1.5"');
  });
});

describe('the comparison of tables after a chaos run', () => {
  const events = generate({ seed: 3, events: 300, poison: 0 }).flatMap(({ event }) => (event ? [event] : []));
  const model = () => expectedTables(events).tables;

  it('finds nothing where nothing differs', () => {
    expect(compareTables(model(), model())).to.deep.equal({
      missing: 0,
      surplus: 0,
      other: 0,
      overcount: 0,
      lines: [],
    });
  });

  it('tells rows that are missing, too many, or other, and counters that are too high', () => {
    const actual = model();
    const [users, posts] = [actual.get('users')!, actual.get('posts')!];
    const [user = '', other = ''] = users.keys();
    const [post = ''] = posts.keys();
    users.set('nobody', users.get(user)!);
    users.delete(user);
    users.set(other, { ...users.get(other), bio: 'another' });
    const likes = Number(posts.get(post)?.like_count);
    posts.set(post, { ...posts.get(post), like_count: likes + 2 });
    const { lines, ...sums } = compareTables(model(), actual);
    expect(sums).to.deep.equal({ missing: 1, surplus: 1, other: 2, overcount: 2 });
    expect(lines.slice(0, 3)).to.deep.equal([
      `users: 1 rows are missing: ${user}`,
      'users: 1 rows too many: nobody',
      'users: 1 rows differ',
    ]);
    expect(lines.at(-1)).to.equal(`  ${post}: like_count is ${likes + 2}, should be ${likes}`);
  });
});
