import { expect } from 'chai';
import { Holds } from '../../src/reading/holds.js';

describe('holds', () => {
  it('last until every reason is gone, of whatever scope', () => {
    const holds = new Holds();
    expect(holds.reasonOf('t', 0)).to.equal(undefined);
    expect(holds.add('parked')).to.equal(true);
    expect(holds.add('parked')).to.equal(false);
    holds.add('breaker', { topic: 't' });
    holds.add('gap', { topic: 't', partition: 0 });
    expect(holds.reasonOf('other', 0)).to.equal('parked');
    expect(holds.remove('parked')).to.equal(true);
    expect(holds.remove('parked')).to.equal(false);
    expect(holds.reasonOf('other', 0)).to.equal(undefined);
    expect(holds.reasonOf('t', 0)).to.equal('gap');
    expect(holds.reasonOf('t', 1)).to.equal('breaker');
    holds.remove('breaker', { topic: 't' });
    expect(holds.reasonOf('t', 0)).to.equal('gap');
    expect(holds.reasonOf('t', 1)).to.equal(undefined);
    holds.remove('gap', { topic: 't', partition: 0 });
    expect(holds.reasonOf('t', 0)).to.equal(undefined);
  });

  it('of one reason go together, those of others stay', () => {
    const holds = new Holds();
    holds.add('gap', { topic: 't', partition: 0 });
    holds.add('gap', { topic: 't', partition: 1 });
    holds.add('parked');
    expect(holds.removeAll('gap')).to.equal(true);
    expect(holds.removeAll('gap')).to.equal(false);
    expect(holds.reasonOf('t', 1)).to.equal('parked');
  });
});
