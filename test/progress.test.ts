import { expect } from 'chai';
import fc from 'fast-check';
import { lineOf, showProgress } from '../src/progress.js';

describe('the line of progress', () => {
  it('says how far a run is, how fast, and for how long still', () => {
    const line = lineOf('Reading t', { messages: 5_000, left: 15_000 }, 2, 80);
    expect(line).to.equal('Reading t  25%  5,000 events  2,500/s  6 s left');
  });

  it('never breaks: on a narrow terminal it says less', () => {
    const outcomes = fc.dictionary(fc.constantFrom('applied', 'dead again', 'already known'), fc.nat(), { noNullPrototype: true }); // prettier-ignore
    const advance = fc.record({ messages: fc.nat(), left: fc.nat(), outcomes });
    fc.assert(
      fc.property(advance, fc.nat(100_000), fc.integer({ min: 30, max: 200 }), (given, seconds, columns) => {
        // listr2 breaks lines that are longer.
        expect(lineOf('Reading a.topic', given, seconds, columns).length).to.be.at.most(columns - 6);
      }),
    );
  });

  it('leaves Ctrl-C on a terminal to the command', async () => {
    const was = process.stderr.isTTY;
    const listeners = () => process.listeners('SIGINT').length;
    const before = listeners();
    process.stderr.isTTY = true;
    try {
      const progress = showProgress('Reading');
      const during = listeners();
      await progress.stop();
      expect(during).to.equal(before);
    } finally {
      process.stderr.isTTY = was;
    }
  });
});
