import { expect } from 'chai';
import { LogEnds } from '../../src/kafka/log-ends.js';
import type { PartitionEnd } from '../../src/kafka/topics.js';
import { UserError } from '../../src/errors.js';
import { findRanges, type Asked, type Found } from '../../src/runs/ranges.js';
import { selectionOf, topicsOf } from '../../src/runs/backfill-plan.js';
import { createTopics, deleteBefore, testKafka, withAdmin } from '../support/topics.js';
import { unique } from '../support/unique.js';

/** Records of partition 0 are an hour apart, from this time on; partition 1 has five of the last hour, 2 none. */
const START = Date.UTC(2024, 4, 1);
const HOUR = 3_600_000;

describe('the range of a backfill', () => {
  const topic = unique('range');
  before(async () => {
    await createTopics([topic], 3);
    const producer = testKafka().producer({ allowAutoTopicCreation: false });
    await producer.connect();
    const records = Array.from({ length: 10 }, (_, i) => ({ partition: 0, value: 'x', timestamp: String(START + i * HOUR) }));
    const late = Array.from({ length: 5 }, () => ({ partition: 1, value: 'x', timestamp: String(START + 9 * HOUR) }));
    await producer.send({ topic, acks: -1, messages: [...records, ...late] });
    await producer.disconnect();
  }); // prettier-ignore

  const find = (asked: Omit<Asked, 'topics'>): Promise<Found> =>
    withAdmin(async (admin) => {
      const ends = await LogEnds.with(testKafka(), (logEnds) => logEnds.ask([topic]));
      return findRanges(admin, ends, { topics: [topic], ...asked });
    });
  const lines = ({ ranges }: Found) => ranges.map(({ partition, from, to }) => `${partition}: ${from} to ${to}`).sort();
  const failure = async (asked: Omit<Asked, 'topics'>): Promise<UserError> => {
    const error: unknown = await find(asked).catch((thrown: unknown) => thrown);
    if (error instanceof UserError) return error;
    throw new Error(`not refused: ${JSON.stringify(error)}`);
  };

  it('is all that there is, by default, and leaves out partitions without a record', async () => {
    expect(lines(await find({}))).to.deep.equal(['0: 0 to 10', '1: 0 to 5']);
    expect(lines(await find({ partitions: [1] }))).to.deep.equal(['1: 0 to 5']);
  });

  it('is cut to what is there', async () => {
    expect(lines(await find({ fromOffset: 3, toOffset: 7 }))).to.deep.equal(['0: 3 to 7', '1: 3 to 5']);
    expect(lines(await find({ fromOffset: 7, toOffset: 99 }))).to.deep.equal(['0: 7 to 10']);
  });

  it('follows the times of the records, the first included and the last not', async () => {
    const found = await find({ fromTime: START + 2 * HOUR, toTime: START + 9 * HOUR });
    expect(lines(found)).to.deep.equal(['0: 2 to 9']);
    expect(lines(await find({ fromTime: START + 8 * HOUR + 1 }))).to.deep.equal(['0: 9 to 10', '1: 0 to 5']);
    expect(lines(await find({ fromOffset: 1, toTime: START + 3 * HOUR }))).to.deep.equal(['0: 1 to 3']);
  });

  it('is refused where it is empty, or contradicts itself or the log', async () => {
    const cases: [Omit<Asked, 'topics'>, number, string][] = [
      [{ fromOffset: 10 }, 2, 'out of range: the last event has the offset 9'],
      [{ fromOffset: 5, toOffset: 5 }, 2, 'not before'],
      [{ fromTime: START + 2, toTime: START + 1 }, 2, 'not before'],
      [{ partitions: [0, 3] }, 2, 'no partition 3: it has 0 to 2'],
      [{ toTime: START }, 5, 'no event in this range'],
      [{ fromTime: START + 10 * HOUR }, 5, 'no event in this range'],
      [{ partitions: [2] }, 5, 'no event in this range'],
    ];
    for (const [asked, status, says] of cases) {
      const { message, status: actual } = await failure(asked);
      expect(message).to.contain(says);
      expect(actual, message).to.equal(status);
    }
  });

  it('tells what retention has deleted of it', async () => {
    await deleteBefore(topic, 0, 4);
    const [lost, at] = [(found: Found) => found.lost.map(({ partition, from, to, atMost }) => [partition, from, to, atMost]), START]; // prettier-ignore
    expect(lost(await find({ fromOffset: 1 }))).to.deep.equal([[0, 1, 4, false]]);
    expect(lost(await find({ fromOffset: 4 }))).to.deep.equal([]);
    expect(lost(await find({}))).to.deep.equal([]);
    // Nobody knows any more of when the first four were.
    expect(lost(await find({ fromTime: at + 2 * HOUR }))).to.deep.equal([[0, 0, 4, true]]);
    expect(lost(await find({ fromTime: at + 5 * HOUR }))).to.deep.equal([]);
    const gone = await failure({ fromOffset: 0, toOffset: 3, partitions: [0] });
    expect([gone.status, gone.message]).to.deep.equal([6, 'Retention has deleted all that was asked for: 3 events.']);
  });

  it('does not confuse topics', async () => {
    const ends: PartitionEnd[] = [{ topic: 'a', partition: 0, low: 0, high: 3 }, { topic: 'b', partition: 0, low: 1, high: 2 }]; // prettier-ignore
    const { ranges } = await withAdmin((admin) => findRanges(admin, ends, { topics: ['a', 'b'], toOffset: 2 }));
    expect(ranges).to.deep.equal([{ topic: 'a', partition: 0, from: 0, to: 2 }, { topic: 'b', partition: 0, from: 1, to: 2 }]); // prettier-ignore
  });

  it('names topics by event type or as they are', () => {
    const both = topicsOf(['user.created', 'x.user.deleted', 'x.user.created'], 'x.');
    expect(both).to.deep.equal(['x.user.created', 'x.user.deleted']);
    expect(() => topicsOf(['y.user.created'], 'x.')).to.throw(UserError, 'no event type "y.user.created"');
  });

  it('is the same selection however topics and partitions are ordered', () => {
    const one = selectionOf({ topics: ['b', 'a'], partitions: [2, 1], fromTime: '2h' }, true);
    expect(one).to.deep.equal({ topic: ['a', 'b'], partition: ['1', '2'], 'from-time': '2h', reapply: true });
  });
});
