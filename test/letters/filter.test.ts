import { expect } from 'chai';
import { EXIT, UserError } from '../../src/errors.js';
import type { DeadLetter } from '../../src/letters/dead-letter.js';
import { filterOf, flagsOf, matcherOf, type LetterFilter } from '../../src/letters/filter.js';
import type { LetterFlags } from '../../src/letters/flags.js';
import { quoted } from '../../src/printable.js';
import { messageWith } from '../support/envelopes.js';

const NOW = Date.UTC(2024, 4, 10, 12);
const HOUR = 3_600_000;

const letter: DeadLetter = {
  record: { ...messageWith('dlq', null, 7), partition: 3 },
  isOversize: false,
  writer: 'dbw',
  origin: { topic: 'p.user.created', partition: 1, offset: 5 },
  reason: 'invalid',
  code: 'required',
  path: '/data/userId',
  fingerprint: '0123456789ab',
  eventId: 'a,b',
  eventType: 'user.created',
  attempts: 1,
  replays: 0,
  firstFailedAt: NOW - HOUR,
  failedAt: NOW - HOUR,
};

function fits(flags: LetterFlags, changes: Partial<DeadLetter> = {}): boolean {
  return matcherOf(filterOf(flags, NOW), 'p.')({ ...letter, ...changes });
}

describe('the filter of letters', () => {
  it('takes every letter when nothing is asked for', () => {
    expect(fits({})).to.equal(true);
  });

  const pairs: Record<string, [fitting: LetterFlags, other: LetterFlags]> = {
    'event type': [{ 'event-type': ['user.deleted', 'user.created'] }, { 'event-type': ['user.deleted'] }],
    reason: [{ reason: ['invalid'] }, { reason: ['malformed', 'other'] }],
    fingerprint: [{ fingerprint: ['0123456789ab'] }, { fingerprint: ['0123456789ac'] }],
    'event id': [{ 'event-id': ['x', 'a,b'] }, { 'event-id': ['a', 'b'] }],
    'first moment': [{ since: '1h' }, { since: '59m' }],
    'last moment': [{ until: '59m' }, { until: '1h' }],
    partition: [{ partition: [0, 3] }, { partition: [1, 5] }],
  };
  for (const [what, [fitting, other]] of Object.entries(pairs)) {
    it(`chooses by ${what}`, () => {
      expect([fits(fitting), fits(other)]).to.deep.equal([true, false]);
    });
  }

  it('takes what fits everything that is asked for', () => {
    expect(fits({ reason: ['invalid'], partition: [3] })).to.equal(true);
    expect(fits({ reason: ['invalid'], partition: [4] })).to.equal(false);
  });

  it('takes the type of the topic for messages that had none', () => {
    const { eventType: _type, ...rest } = letter;
    const untyped = { ...rest, eventType: undefined };
    expect(fits({ 'event-type': ['user.created'] }, untyped)).to.equal(true);
    const elsewhere = { ...untyped, origin: { ...letter.origin, topic: 'user.created' } };
    expect(fits({ 'event-type': ['user.created'] }, elsewhere)).to.equal(false);
  });

  it('finds oversize letters in no partition', () => {
    expect(fits({ partition: [3] }, { isOversize: true })).to.equal(false);
  });

  const refused: Record<string, LetterFlags> = {
    'no event type': { 'event-type': ['user.create'] },
    'no reason': { reason: ['broken'] },
    'no fingerprint': { fingerprint: ['0123'] },
    'is no time': { since: 'noon' },
    'still to come': { until: '2024-05-11' },
    'is not before': { since: '1h', until: '2h' },
  };
  for (const [why, flags] of Object.entries(refused)) {
    it(`refuses what ${why}`, () => {
      expect(() => filterOf(flags, NOW))
        .to.throw(UserError, why)
        .with.property('status', EXIT.usage);
    });
  }

  it('is said again in flags', () => {
    const filter: LetterFilter = { eventIds: ['a b'], fingerprints: ['0123456789ab'], partitions: [1, 2], since: NOW };
    expect(flagsOf(filter).map(quoted).join(' ')).to.equal(
      "--fingerprint 0123456789ab --event-id 'a b' --since 2024-05-10T12:00:00.000Z --partition 1 --partition 2",
    );
    expect(quoted("it's")).to.equal(`'it'\\''s'`);
  });
});
