import { expect } from 'chai';
import fc from 'fast-check';
import { Intake, type Queued } from '../../src/reading/intake.js';
import type { Message } from '../../src/event/message.js';
import { messageWith } from '../support/envelopes.js';

const wide = { size: 1000, bytes: 1e9, full: 1e9 };

function queued(message: Message): Queued {
  const { topic, partition, offset } = message;
  return { topic, partition, message, next: offset + 1 };
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
  await new Promise((resolve) => setImmediate(resolve));
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

  it('counts keys and values, and that a message without bytes is not for nothing', () => {
    const intake = new Intake(wide);
    intake.push([queued({ ...messageWith('t', Buffer.alloc(100)), key: Buffer.alloc(7) })]);
    const one = intake.bytes;
    expect(one).to.be.greaterThan(107);
    intake.push([queued(messageWith('t', null, 1))]);
    expect(intake.bytes).to.equal(2 * one - 107);
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
    expect(intake.bytes).to.equal(0);
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
        expect(intake.bytes).to.equal(0);
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
    while (intake.bytes > 0) seen.push(...(offsetsOf(await intake.take()) ?? []));
    expect(seen).to.have.length(30_000);
    expect(seen.every((offset, i) => offset === i)).to.equal(true);
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
      expect(intake.bytes).to.equal(0);
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
      expect(intake.bytes).to.equal(0);
      intake.push(messages(2));
      expect(offsetsOf(await intake.take())).to.deep.equal([0, 1]);
    });
  });

  describe('of so many events', () => {
    it('takes no more than those, and then ends', async () => {
      const intake = new Intake(wide, 5);
      intake.push(messages(3));
      expect(intake.isComplete).to.equal(false);
      intake.push(messages(9, 1, 3));
      expect(intake.isComplete).to.equal(true);
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
      expect(intake.isComplete).to.equal(false);
      intake.push(messages(2));
      expect(offsetsOf(await intake.take())).to.deep.equal([0, 1]);
    });

    it('of which there are none ends at once', async () => {
      expect(await new Intake(wide, 0).take()).to.equal(undefined);
    });
  });
});
