import { expect } from 'chai';
import { UnreadableBatchError } from '../../src/kafka/unreadable.js';
import { UnreadableBatches } from '../../src/reading/unreadable.js';
import { silent } from '../support/log.js';

const AT = { topic: 't', partition: 0 };
const S = 1000;

describe('batches that cannot be read', () => {
  const done: string[] = [];
  const batches = new UnreadableBatches({
    hold: ({ partition }) => done.push(`hold ${partition}`),
    release: ({ partition }) => done.push(`release ${partition}`),
    log: silent,
  });
  const taken = () => done.splice(0);

  it('hold their partition, are tried again every 30 s, and are there until they are passed', () => {
    const error = new UnreadableBatchError(undefined, 'why', 'what to do');
    batches.saw({ ...AT, next: 5 }, error, 0);
    batches.tryAgain(29 * S);
    expect(taken()).to.deep.equal(['hold 0']);
    batches.tryAgain(30 * S);
    batches.tryAgain(40 * S);
    expect(taken()).to.deep.equal(['release 0']);
    expect(batches.list).to.deep.equal([{ ...AT, next: 5, reason: error.message }]);
    batches.saw({ ...AT, next: 5 }, error, 41 * S);
    batches.tryAgain(70 * S);
    expect(taken()).to.deep.equal(['hold 0']);
    batches.passed({ topic: 't', partition: 1 });
    batches.passed(AT);
    batches.tryAgain(99 * S);
    expect(taken()).to.deep.equal(['release 0']);
    expect(batches.list).to.deep.equal([]);
  });
});
