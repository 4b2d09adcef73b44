import { expect } from 'chai';
import { Guess } from '../../src/writing/guess.js';

/** How many chances pass before the next try. */
function pauseOf(guess: Guess): number {
  let passed = 0;
  while (!guess.isWorthIt()) passed++;
  return passed;
}

describe('a guess', () => {
  it('is made at every chance as long as it holds', () => {
    const guess = new Guess();
    for (let i = 0; i < 5; i++) {
      expect(pauseOf(guess)).to.equal(0);
      guess.held();
    }
  });

  it('is made ever more seldom while it fails, but never given up, and often again when it holds', () => {
    const guess = new Guess();
    const pauses = Array.from({ length: 9 }, () => {
      guess.failed();
      return pauseOf(guess);
    });
    expect(pauses).to.deep.equal([1, 2, 4, 8, 16, 32, 64, 64, 64]);
    guess.held();
    expect(pauseOf(guess)).to.equal(0);
    guess.failed();
    expect(pauseOf(guess)).to.equal(1);
  });
});
