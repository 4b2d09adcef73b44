import { expect } from 'chai';
import { Tally } from '../../src/health/tally.js';

describe('the tally of a process', () => {
  it('knows how long it worked: from the first batch that was taken to the last that was finished', () => {
    const tally = new Tally(['user.created']);
    expect(tally.workSeconds).to.equal(0);
    tally.began(1_000);
    expect(tally.workSeconds).to.equal(0);
    tally.began(1_500); // the batch of another writer
    tally.batch(10, 3_000);
    tally.batch(10, 3_500);
    expect(tally.workSeconds).to.equal(2.5);
    expect(tally.messages).to.equal(20);
  });
});
