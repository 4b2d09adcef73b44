import { setImmediate as turn } from 'node:timers/promises';
import { expect } from 'chai';
import fc from 'fast-check';
import { Exclusion } from '../../src/writing/exclusion.js';

/** Work that ends when it is told to. */
function gate() {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

describe('turns for exclusive work', () => {
  it('runs shared work side by side and exclusive work alone, each once, whatever the order of asking', async () => {
    const kinds = fc.array(fc.record({ exclusive: fc.boolean(), turns: fc.nat(5), fails: fc.boolean() }), {
      maxLength: 30,
    });
    let together = 0;
    await fc.assert(
      fc.asyncProperty(kinds, async (wanted) => {
        const exclusion = new Exclusion();
        const running: boolean[] = [];
        const begun: number[] = [];
        const results = await Promise.allSettled(
          wanted.map(({ exclusive, turns, fails }, i) => {
            const work = async () => {
              begun.push(i);
              if (exclusive || running.includes(true)) expect(running).to.deep.equal([]);
              running.push(exclusive);
              together = Math.max(together, running.length);
              for (let n = 0; n < turns; n++) await turn();
              running.splice(running.indexOf(exclusive), 1);
              if (fails) throw new RangeError('as told');
              return i;
            };
            return exclusive ? exclusion.exclusive(work) : exclusion.shared(work);
          }),
        );
        expect(begun).to.deep.equal(wanted.map((_, i) => i));
        for (const [i, result] of results.entries()) {
          if (result.status === 'fulfilled') expect(result.value).to.equal(i);
          else expect(result.reason).to.be.instanceOf(RangeError);
          expect(result.status).to.equal(wanted[i]?.fails ? 'rejected' : 'fulfilled');
        }
      }),
    );
    expect(together).to.be.greaterThan(1);
  });

  it('starves neither kind: who asked first comes first', async () => {
    const exclusion = new Exclusion();
    const order: string[] = [];
    const first = gate();
    const all = [
      exclusion.shared(() => first.opened),
      exclusion.exclusive(() => Promise.resolve(order.push('exclusive'))),
      exclusion.shared(() => Promise.resolve(order.push('shared'))),
      exclusion.exclusive(() => Promise.resolve(order.push('exclusive again'))),
    ];
    await turn();
    expect(order, 'shared work behind a waiting exclusive one').to.deep.equal([]);
    first.open();
    await Promise.all(all);
    expect(order).to.deep.equal(['exclusive', 'shared', 'exclusive again']);
  });
});
