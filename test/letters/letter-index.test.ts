import { expect } from 'chai';
import fc from 'fast-check';
import type { LetterHead } from '../../src/letters/letter-head.js';
import { LetterIndex } from '../../src/letters/letter-index.js';

interface Planted {
  readonly partition: number;
  readonly from: number;
  readonly origin: number;
  readonly failedAt: number;
  readonly isOversize: boolean;
}

const START = 1_000;
const HUGE = 2 ** 40;

/** Letters as they are read: each partition in order, then the oversize ones, of which a message has one. */
function asRead(planted: readonly Planted[]): LetterHead[] {
  const next = [START, START, START];
  const met = new Set<string>();
  const letters = planted.flatMap(({ partition, from, origin, failedAt, isOversize }): LetterHead[] => {
    const place = { topic: `t${from}`, partition: from, offset: origin * HUGE + origin };
    if (isOversize && met.size === met.add(`${from}:${origin}`).size) return [];
    const offset = next[partition] ?? START;
    if (!isOversize) next[partition] = offset + 1;
    const record = isOversize ? { partition: place.partition, offset: place.offset } : { partition, offset };
    const rest = { reason: 'invalid', code: '', path: '', fingerprint: '', eventId: undefined, eventType: undefined };
    return [{ record, isOversize, origin: place, ...rest, failedAt, firstFailedAt: failedAt }];
  });
  return [...letters.filter(({ isOversize }) => !isOversize), ...letters.filter(({ isOversize }) => isOversize)];
}

/** Of each message the letter that counts, said without an index: in a partition the last, of several the one that died last. */
function modelOf(letters: readonly LetterHead[]): Set<LetterHead> {
  const newest = new Map<string, LetterHead>();
  for (const letter of letters) {
    const name = JSON.stringify(letter.origin);
    const held = newest.get(name);
    const samePartition =
      held && !held.isOversize && !letter.isOversize && held.record.partition === letter.record.partition;
    if (!held || samePartition || letter.failedAt >= held.failedAt) newest.set(name, letter);
  }
  return new Set(newest.values());
}

const some = fc.record({
  partition: fc.nat(2),
  from: fc.nat(2),
  origin: fc.nat(12),
  failedAt: fc.nat(5),
  isOversize: fc.boolean(),
});

describe('the index of letters', () => {
  it('knows the newest letter of each message, wherever its letters are', () => {
    fc.assert(
      fc.property(fc.array(some, { maxLength: 60 }), (planted) => {
        const letters = asRead(planted);
        const index = new LetterIndex(
          new Map([0, 1, 2, -1].map((partition) => [partition, partition < 0 ? 0 : START])),
        );
        for (const letter of letters) index.add(letter);
        const model = modelOf(letters);
        expect(letters.filter((letter) => index.isNewest(letter))).to.have.members([...model]);
        expect(index.size).to.equal(model.size);
      }),
      { numRuns: 500 },
    );
  });

  it('holds more messages than were expected', () => {
    const index = new LetterIndex(new Map([[0, 0]]), 1);
    const letterAt = (offset: number): LetterHead => {
      const head = { isOversize: false, reason: '', code: '', path: '', fingerprint: '', eventId: undefined };
      const origin = { topic: 't', partition: offset % 7, offset };
      return { ...head, record: { partition: 0, offset }, origin, eventType: undefined, failedAt: 1, firstFailedAt: 1 };
    };
    const count = 5_000;
    for (let offset = 0; offset < count; offset++) {
      expect(index.add(letterAt(offset))).to.deep.equal({ slot: offset, isNew: true });
    }
    for (let offset = 0; offset < count; offset++) {
      expect(index.add(letterAt(offset)), 'read again').to.deep.equal({ slot: offset, isNew: false });
      expect(index.isNewest(letterAt(offset))).to.equal(true);
      expect(index.placeAt(offset)).to.deep.equal({ partition: 0, offset });
    }
    expect(index.size).to.equal(count);
  });
});
