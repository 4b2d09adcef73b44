import { expect } from 'chai';
import { Leaderless } from '../../src/reading/leaderless.js';
import { recording } from '../support/log.js';

const AT = { topic: 't', partition: 0 };
const WAITS = 'error no broker leads some partitions: they wait, the others go on; bring their broker back';

describe('partitions without a leader', () => {
  it('are told, and when they have one again, but not when they have moved away', () => {
    const { log, lines } = recording();
    const leaders = new Leaderless({ hold: () => undefined, release: () => undefined, log });
    leaders.see([AT]);
    leaders.see([]);
    expect(lines).to.deep.equal([WAITS, 'info partitions have a leader again']);
    leaders.see([AT]);
    leaders.clear();
    leaders.see([]);
    expect(lines.slice(2)).to.deep.equal([WAITS]);
    expect(leaders.list).to.deep.equal([]);
  });
});
