import { expect } from 'chai';
import { shared } from '../../src/health/sharing.js';
import { until } from '../support/until.js';

describe('an answer that is shared', () => {
  it('is made once for all who ask while it is waited for', async () => {
    let made = 0;
    const ask = shared(() => Promise.resolve(++made), 0);
    expect(await Promise.all([ask(), ask(), ask()])).to.deep.equal([1, 1, 1]);
    expect(await ask()).to.equal(2);
  });

  it('is never one that was begun before somebody asked', async () => {
    let fact = 'old';
    const gates: (() => void)[] = [];
    const ask = shared(async () => {
      const seen = fact;
      await new Promise<void>((resolve) => gates.push(resolve));
      return seen;
    }, 0);
    const first = ask();
    await until(() => gates.length === 1);
    fact = 'new';
    const second = ask();
    gates[0]?.();
    expect(await first).to.equal('old');
    await until(() => gates.length === 2);
    gates[1]?.();
    expect(await second).to.equal('new');
  });

  it('rests between two makings', async () => {
    const waits: number[] = [];
    let made = 0;
    const hour = 3_600_000;
    const ask = shared(
      () => made++,
      hour,
      (ms) => {
        waits.push(ms);
        return Promise.resolve();
      },
    );
    for (let i = 0; i < 3; i++) await Promise.all([ask(), ask()]);
    expect([made, waits.length]).to.deep.equal([3, 2]);
    for (const ms of waits) expect(ms).to.be.within(hour / 2, hour);
  });

  it('tells everybody who shares it of its failure, and is made anew', async () => {
    let tries = 0;
    const ask = shared(() => {
      if (tries++ === 0) throw new Error('not now');
      return 'well';
    }, 0);
    const said = await Promise.allSettled([ask(), ask()]);
    expect(said.map(({ status }) => status)).to.deep.equal(['rejected', 'rejected']);
    expect(await ask()).to.equal('well');
  });
});
