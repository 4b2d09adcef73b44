import { expect } from 'chai';
import { Reach } from '../../src/health/reach.js';

describe('the reach of a server', () => {
  it('is lost by a failure, and by silence, and regained by an answer', () => {
    let now = 0;
    const reach = new Reach(() => now);
    expect([reach.connected, reach.reason]).to.deep.equal([false, 'not connected yet']);
    expect(reach.heard()).to.equal(false);
    expect([reach.connected, reach.reason]).to.deep.equal([true, undefined]);
    expect(reach.failed('refused')).to.equal(true);
    expect(reach.failed('refused again')).to.equal(false);
    expect([reach.connected, reach.reason]).to.deep.equal([false, 'refused again']);
    expect(reach.heard()).to.equal(true);
    now = 14_999;
    expect(reach.connected).to.equal(true);
    now = 15_000;
    expect([reach.connected, reach.reason]).to.deep.equal([false, 'it does not answer']);
    expect(reach.lastHeard).to.equal(0);
  });
});
