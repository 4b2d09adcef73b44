import { expect } from 'chai';
import fc from 'fast-check';
import { Intake } from '../../src/reading/intake.js';
import { PartitionBuffer, type Queued } from '../../src/reading/partition-buffer.js';
import type { Message } from '../../src/event/message.js';
import { messageWith } from '../support/envelopes.js';

const wide = { size: 1000, bytes: 1e9, full: 1e9 };

function queued(message: Message): Queued {
  const { topic, partition, offset } = message;
  return { topic, partition, message, next: offset + 1 };
}

/** One message of a partition for each of these times. */
function written(topic: string, partition: number, times: readonly number[], from = 0): Queued[] {
  const body = Buffer.alloc(1);
  return times.map((timestamp, i) => queued({ ...messageWith(topic, body, from + i), partition, timestamp }));
}

/** Messages of so many bytes, their offsets in order. */
function messages(count: number, bytes = 1, from = 0): Queued[] {
  return Array.from({ length: count }, (_, i) => queued(messageWith('t', Buffer.alloc(bytes), from + i)));
}

function offsetsOf(batch: readonly Queued[] | undefined): number[] | undefined {
  return batch?.map(({ next }) => next - 1);
}

/** Lets everything go on that can: whatever has not come after that waits for something else. */
async function settled(): Promise<void> {
  for (let turns = 0; turns < 3; turns++) await new Promise((resolve) => setImmediate(resolve));
}

/** What a promise has come to by now. */
function watch<T>(promise: Promise<T>): { value: T | 'waits' } {
  const seen: { value: T | 'waits' } = { value: 'waits' };
  void promise.then((value) => (seen.value = value));
  return seen;
}

describe('the intake', () => {
  it('gives what there is at once, in the order of arrival', async () => {
    const intake = new Intake(wide);
    intake.push(messages(3));
    intake.push(messages(2, 1, 3));
    expect(offsetsOf(await intake.take())).to.deep.equal([0, 1, 2, 3, 4]);
  });

  it('closes a batch at its size', async () => {
    const intake = new Intake({ ...wide, size: 2 });
    intake.push(messages(5));
    expect(offsetsOf(await intake.take())).to.deep.equal([0, 1]);
    expect(offsetsOf(await intake.take())).to.deep.equal([2, 3]);
    expect(offsetsOf(await intake.take())).to.deep.equal([4]);
  });

  it('closes a batch at its bytes, and takes a message that alone is larger', async () => {
    const intake = new Intake({ ...wide, bytes: 10_000 });
    intake.push(messages(3, 5_000));
    intake.push(messages(2, 50_000, 3));
    expect(offsetsOf(await intake.take())).to.deep.equal([0, 1]);
    expect(offsetsOf(await intake.take())).to.deep.equal([2, 3]);
    expect(offsetsOf(await intake.take())).to.deep.equal([4]);
  });

  it('is full at its limit, and asks for more when less than half is left', async () => {
    let asked = 0;
    const intake = new Intake({ size: 2, bytes: 1e9, full: 6_000 }, Infinity, () => asked++);
    expect(intake.isFull).to.equal(false);
    intake.push(messages(8, 1_000));
    expect(intake.isFull).to.equal(true);
    await intake.take(); // 6 left
    await intake.take(); // 4 left
    expect(asked).to.equal(0);
    await intake.take(); // 2 left
    await intake.take();
    expect(asked).to.be.greaterThan(0);
    expect(intake.isFull).to.equal(false);
  });

  it('lets a writer wait for the first message', async () => {
    const intake = new Intake(wide);
    const batch = watch(intake.take());
    await settled();
    expect(batch.value).to.equal('waits');
    intake.push(messages(1));
    await settled();
    expect(batch.value).to.have.length(1);
  });

  it('wakes a second writer where one batch does not hold all', async () => {
    const intake = new Intake({ ...wide, size: 2 });
    const batches = [watch(intake.take()), watch(intake.take()), watch(intake.take())];
    intake.push(messages(3));
    await settled();
    expect(batches.map(({ value }) => value !== 'waits')).to.deep.equal([true, true, false]);
  });

  it('gives each message once and in order, to any number of writers, whatever the sizes', async () => {
    const limits = fc.record({ size: fc.integer({ min: 1, max: 5 }), bytes: fc.integer({ min: 1, max: 5_000 }), full: fc.integer({ min: 1, max: 9_000 }) }); // prettier-ignore
    const pushes = fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(limits, pushes, fc.integer({ min: 1, max: 4 }), async (given, counts, writers) => {
        const intake = new Intake(given);
        const taken: number[] = [];
        const write = async () => {
          for (let batch = await intake.take(); batch; batch = await intake.take()) {
            expect(batch.length).to.be.within(1, given.size);
            taken.push(...(offsetsOf(batch) ?? []));
            await settled();
          }
        };
        const running = Promise.all(Array.from({ length: writers }, write));
        let from = 0;
        for (const count of counts) {
          intake.push(messages(count, 100, from));
          from += count;
          if (count % 2 === 0) await settled();
        }
        while (taken.length < from) await settled();
        intake.close();
        await running;
        expect(taken).to.deep.equal(Array.from({ length: from }, (_, i) => i));
      }),
    );
  });

  it('keeps its count over many more messages than it ever holds', async () => {
    const intake = new Intake(wide);
    const seen: number[] = [];
    for (let from = 0; from < 30_000; from += 1_500) {
      intake.push(messages(1_500, 0, from));
      seen.push(...(offsetsOf(await intake.take()) ?? []));
    }
    while (seen.length < 30_000) seen.push(...(offsetsOf(await intake.take()) ?? []));
    expect(seen).to.have.length(30_000);
    expect(seen.every((offset, i) => offset === i)).to.equal(true);
  });

  describe('of several partitions', () => {
    it('gives what was written first, in the order of each partition', async () => {
      const limits = fc.record({
        size: fc.integer({ min: 1, max: 7 }),
        bytes: fc.constant(1e9),
        full: fc.constant(1e9),
      });
      const lists = fc.array(fc.array(fc.nat(50), { maxLength: 12 }), { minLength: 1, maxLength: 5 });
      await fc.assert(
        fc.asyncProperty(limits, lists, async (given, drawn) => {
          // No two partitions have anything of one time: only one order is right.
          const times = drawn.map((list, partition) => list.map((time) => time * 10 + partition));
          const intake = new Intake(given);
          for (const [partition, list] of times.entries()) intake.push(written('t', partition, list));
          const left = times.map((list, partition) => list.map((time, offset) => ({ time, partition, offset })));
          while (left.some((list) => list.length > 0)) {
            const expected: string[] = [];
            while (expected.length < given.size) {
              const [first] = left.flatMap((list) => list.slice(0, 1)).sort((a, b) => a.time - b.time);
              if (!first) break;
              left[first.partition]!.shift();
              expected.push(`${first.partition}:${first.offset}`);
            }
            const batch = (await intake.take())!.map(({ partition, next }) => `${partition}:${next - 1}`);
            const ofPartition = (list: string[]) => times.map((_, p) => list.filter((one) => one.startsWith(`${p}:`)));
            expect(ofPartition(batch)).to.deep.equal(ofPartition(expected));
          }
          const more = watch(intake.take());
          await settled();
          expect(more.value).to.equal('waits');
        }),
      );
    });

    it('gives first, of what was written at the same time, what is of the lowest rank', async () => {
      const ranks = ['parents', 'children'];
      const intake = new Intake({ ...wide, size: 2 }, Infinity, undefined, (topic) => ranks.indexOf(topic));
      intake.push(written('children', 0, [5, 5]));
      intake.push(written('parents', 0, [5, 5]));
      expect((await intake.take())?.map(({ topic }) => topic)).to.deep.equal(['parents', 'parents']);
    });

    it('lets a writer that waited have all that comes in at once', async () => {
      const intake = new Intake({ ...wide, size: 2 });
      const batch = watch(intake.take());
      intake.push(written('t', 0, [7, 8]));
      await Promise.resolve();
      intake.push(written('t', 1, [3, 4]));
      await settled();
      expect(batch.value === 'waits' ? batch.value : batch.value?.map(({ partition }) => partition)).to.deep.equal([
        1, 1,
      ]);
    });

    it('gives what has just been written before what was written long ago', async () => {
      const now = Date.now();
      const intake = new Intake({ ...wide, size: 2 });
      intake.push(written('t', 0, [now - 3_600_000, now - 3_600_000]));
      intake.push(written('t', 1, [now, now]));
      expect((await intake.take())?.map(({ partition }) => partition)).to.deep.equal([1, 1]);
    });

    it('asks for what was read to the earliest time first, and not for that of which enough waits', () => {
      const intake = new Intake(wide);
      intake.shareAmong(1_000); // the least is 16 KiB
      const places = [0, 1, 2, 3].map((partition) => ({ topic: 't', partition }));
      expect(intake.ask(places).map(({ partition }) => partition)).to.deep.equal([0, 1, 2, 3]);
      intake.push(written('t', 0, [9]), true);
      intake.push(written('t', 1, [5]), true);
      intake.push(
        messages(40, 1_000).map((one) => ({ ...one, partition: 2, message: { ...one.message!, partition: 2 } })),
        true,
      );
      intake.push(written('t', 3, [7]), true);
      expect(intake.ask(places)).to.deep.equal(
        [1, 3, 0].map((partition) => ({ topic: 't', partition, maxBytes: 16_384 })),
      );
    });

    it('waits for nothing of a partition that is held, until it is read again', async () => {
      let room = 0;
      const intake = new Intake({ ...wide, size: 100 }, Infinity, () => room++);
      intake.shareAmong(1_000);
      const many = Array.from({ length: 100 }, (_, i) => i);
      const asked = () => intake.ask([0, 1].map((partition) => ({ topic: 't', partition }))).map((at) => at.partition);
      asked();
      intake.push(written('t', 0, [1]), true);
      intake.push(written('t', 1, many), true);
      expect(intake.isFull).to.equal(false);
      intake.holds({ topic: 't', partition: 0 });
      expect(intake.isFull, 'what is left has enough').to.equal(true);
      expect(room).to.equal(0);
      intake.holds({ topic: 't', partition: 1 });
      expect(intake.isFull).to.equal(false);
      expect(room).to.equal(1);
      await intake.take();
      expect(asked(), 'it is let go').to.deep.equal([0, 1]);
      intake.push(written('t', 0, [101], 1), true);
      intake.push(written('t', 1, many, 100), true);
      expect(intake.isFull).to.equal(false);
    });

    it('still waits for what one broker gave when there is nothing to ask another for', () => {
      const intake = new Intake(wide);
      intake.shareAmong(1_000);
      const many = Array.from({ length: 120 }, (_, i) => i);
      const at = (partition: number) => ({ topic: 't', partition });
      intake.push(written('t', 0, many), true);
      intake.ask([at(1), at(2)]);
      intake.answered([1, 2].map((partition) => ({ ...at(partition), isEmpty: false, bytes: 9, hasMore: true })));
      intake.push(written('t', 1, many), true);
      expect(intake.ask([at(0)])).to.deep.equal([]);
      expect(intake.isFull, 'the last comes').to.equal(false);
      intake.push(written('t', 2, many), true);
      expect(intake.isFull).to.equal(true);
    });

    it('asks for more where nothing came though there was room for it, and not behind what filled the answer', () => {
      const intake = new Intake(wide);
      intake.shareAmong(1_000);
      const asked = () =>
        Object.fromEntries(
          intake
            .ask([0, 1, 2, 3, 4].map((partition) => ({ topic: 't', partition })))
            .map(({ partition, maxBytes }) => [partition, maxBytes / 1024]),
        );
      asked();
      const part = (partition: number, bytes: number) => ({ topic: 't', partition, bytes, hasMore: true });
      const full = 2 * 1024 * 1024 - 10_000;
      intake.answered([
        { ...part(0, 0), isEmpty: true },
        { ...part(1, 1_000), isEmpty: false },
        { ...part(2, 1_000), isEmpty: true }, // left for another time, or it cannot be read
        { ...part(3, full), isEmpty: false },
        { ...part(4, 0), isEmpty: true },
      ]);
      expect(asked()).to.deep.equal({ 0: 32, 1: 16, 2: 16, 3: 16, 4: 16 });
    });

    it('wants nothing while enough of each partition waits that has more, once all has come in that was fetched', async () => {
      let asked = 0;
      const intake = new Intake({ ...wide, size: 100 }, Infinity, () => asked++);
      intake.shareAmong(1_000);
      const places = [0, 1, 2].map((partition) => ({ topic: 't', partition }));
      intake.ask(places);
      intake.answered(
        places.map((place) => {
          const isEmpty = place.partition === 2;
          return { ...place, isEmpty, bytes: isEmpty ? 0 : 1_000, hasMore: !isEmpty };
        }),
      );
      const many = Array.from({ length: 120 }, (_, i) => i);
      intake.push(written('t', 0, many), true);
      expect(intake.isFull, 'the second comes').to.equal(false);
      intake.push(written('t', 1, many), true);
      expect(intake.isFull).to.equal(true);
      await intake.take();
      expect(asked).to.equal(0);
      await intake.take(); // 20 are left of each, 10 KiB
      expect(asked).to.equal(1);
      expect(intake.isFull).to.equal(false);
    });
  });

  describe('that is closed', () => {
    it('sends every waiting writer home', async () => {
      const intake = new Intake(wide);
      const batches = Promise.all([intake.take(), intake.take(), intake.take()]);
      intake.close();
      expect(await batches).to.deep.equal([undefined, undefined, undefined]);
    });

    it('gives nothing any more, and takes nothing', async () => {
      const intake = new Intake(wide);
      intake.push(messages(3));
      intake.close();
      expect(await intake.take()).to.equal(undefined);
      intake.push(messages(3));
      expect(await intake.take()).to.equal(undefined);
    });
  });

  describe('that is cleared', () => {
    it('forgets what waits, and goes on with what comes', async () => {
      let asked = 0;
      const intake = new Intake(wide, Infinity, () => asked++);
      intake.push(messages(3));
      intake.clear();
      expect(asked).to.equal(1);
      intake.push(messages(2));
      expect(offsetsOf(await intake.take())).to.deep.equal([0, 1]);
    });
  });

  describe('of so many events', () => {
    it('takes no more than those, and then ends', async () => {
      const intake = new Intake(wide, 5);
      intake.push(messages(3));
      intake.push(messages(9, 1, 3));
      expect(offsetsOf(await intake.take())).to.deep.equal([0, 1, 2, 3, 4]);
      expect(await intake.take()).to.equal(undefined);
    });

    it('wakes the writer that waits, also where more come than are wanted', async () => {
      const intake = new Intake(wide, 1);
      const batch = watch(intake.take());
      intake.push(messages(2));
      await settled();
      expect(batch.value === 'waits' ? batch.value : offsetsOf(batch.value)).to.deep.equal([0]);
    });

    it('sends all writers home in the end, however many there are', async () => {
      const intake = new Intake(wide, 1);
      const batches = Array.from({ length: 4 }, () => watch(intake.take()));
      intake.push(messages(1));
      await settled();
      expect(batches.filter(({ value }) => value === 'waits')).to.have.length(0);
      expect(batches.filter(({ value }) => value === undefined)).to.have.length(3);
    });

    it('reads those again that were cleared, instead of counting them', async () => {
      const intake = new Intake(wide, 2);
      intake.push(messages(2));
      intake.clear();
      intake.push(messages(2));
      expect(offsetsOf(await intake.take())).to.deep.equal([0, 1]);
    });

    it('passes no offset behind those that it left out', async () => {
      const intake = new Intake(wide, 2);
      intake.push(messages(3));
      intake.push([{ topic: 't', partition: 0, next: 9 }]); // a transaction's end, or one that was aborted
      expect((await intake.take())?.map(({ next }) => next)).to.deep.equal([1, 2]);
      expect(await intake.take()).to.equal(undefined);
    });

    it('passes an offset behind the last of them', async () => {
      const intake = new Intake(wide, 2);
      intake.push(messages(2));
      intake.push([{ topic: 't', partition: 0, next: 9 }]);
      expect((await intake.take())?.map(({ next }) => next)).to.deep.equal([1, 2, 9]);
    });

    it('takes nothing behind those that it left out, also where others are dropped and more are wanted again', async () => {
      const intake = new Intake(wide, 3);
      intake.push(written('dropped', 0, [1, 2]));
      intake.push(written('cut', 0, [3, 4]));
      intake.drop((topic) => topic === 'dropped');
      intake.push(written('cut', 0, [5], 2), true);
      const places = ['dropped', 'cut'].map((topic) => ({ topic, partition: 0 }));
      expect(intake.ask(places).map(({ topic }) => topic)).to.deep.equal(['dropped']);
      intake.push(written('dropped', 0, [1, 2, 6]));
      const batch = await intake.take();
      expect(batch?.map(({ topic, next }) => `${topic} ${next}`)).to.have.members(['dropped 1', 'dropped 2', 'cut 1']);
      expect(await intake.take()).to.equal(undefined);
    });

    it('of which there are none ends at once', async () => {
      expect(await new Intake(wide, 0).take()).to.equal(undefined);
    });
  });
});

describe('a partition buffer', () => {
  const LONG = 3_600_000;
  const buffer = (share = 0) => new PartitionBuffer('t', 0, 0, share);
  const turnOf = (one: PartitionBuffer, now: number) => {
    one.look(now);
    return one.turn;
  };

  it('lets older messages of others go first for a while, and not for ever', () => {
    const [patient, older] = [buffer(), buffer()];
    patient.push(written('t', 0, [LONG]), true, 10 * LONG);
    older.push(written('t', 1, [0]), true, 10 * LONG + 9_000);
    expect(turnOf(patient, 10 * LONG + 9_000)).to.be.greaterThan(turnOf(older, 10 * LONG + 9_000));
    expect(turnOf(patient, 10 * LONG + 10_000)).to.be.lessThan(turnOf(older, 10 * LONG + 10_000));
  });

  it('counts keys and values, and that a message without bytes is not for nothing', () => {
    const counting = buffer();
    counting.push([queued({ ...messageWith('t', Buffer.alloc(100)), key: Buffer.alloc(7) })], false, LONG);
    const one = counting.bytes;
    expect(one).to.be.greaterThan(107);
    counting.push([queued(messageWith('t', null, 1))], false, LONG);
    expect(counting.bytes).to.equal(2 * one - 107);
    counting.take(LONG);
    counting.take(LONG);
    expect(counting.bytes).to.equal(0);
  });

  it('passes an offset without a message at once', () => {
    const passing = buffer();
    passing.push([{ topic: 't', partition: 0, next: 8 }], false, LONG);
    expect(turnOf(passing, LONG)).to.equal(-Infinity);
  });

  it('was read until its last message was written, also where the end of a transaction follows', () => {
    const transacted = buffer();
    transacted.push([...written('t', 0, [5, 7]), { topic: 't', partition: 0, next: 3 }], true, LONG);
    expect(transacted.until).to.equal(7);
    transacted.push([{ topic: 't', partition: 0, next: 9 }], true, LONG);
    expect(transacted.until).to.equal(7);
  });

  it('looks through the headers of a message once', () => {
    let looks = 0;
    const message = messageWith('t', null);
    const counted = {
      ...message,
      get headers() {
        looks++;
        return message.headers;
      },
    };
    const looking = buffer();
    looking.push([queued(counted)], false, LONG);
    looking.take(LONG);
    expect(looks).to.equal(1);
    expect(looking.bytes).to.equal(0);
  });

  it('asks for more where it ran dry, up to a bound, and for little again when it has caught up', () => {
    const dry = buffer(32 * 1024);
    const asked: number[] = [];
    for (let i = 0; i < 8; i++) {
      asked.push(dry.ask());
      dry.push(written('t', 0, [i]), true, 0);
      dry.take(0);
    }
    expect(asked.map((bytes) => bytes / 1024)).to.deep.equal([32, 64, 128, 256, 512, 1024, 1024, 1024]);
    dry.push(written('t', 0, [9]), false, 0);
    dry.take(0);
    expect(dry.ask()).to.equal(32 * 1024);
  });

  it('asks no more for as little as a batch did not fit into', () => {
    const starved = buffer(32 * 1024);
    starved.ask();
    starved.missed(1e6);
    starved.ask();
    starved.missed(1e6);
    expect(starved.ask()).to.equal(128 * 1024);
    starved.push(written('t', 0, [1]), false, 0);
    starved.take(0);
    expect(starved.ask()).to.equal(128 * 1024);
  });
});
