import { expect } from 'chai';
import fc from 'fast-check';
import type { DataSource } from 'typeorm';
import type { Event } from '../../src/event/decode.js';
import { registry, tables } from '../../src/handlers/index.js';
import { ProcessedEvents } from '../../src/postgres/processed.js';
import { Parking } from '../../src/writing/parking.js';
import { persist } from '../../src/writing/persist.js';
import { Store } from '../../src/writing/store.js';
import { batches, delivery, shuffled } from '../support/arbitraries.js';
import { damage, inflict } from '../support/damage.js';
import { emptyTables, freshDatabase } from '../support/database.js';
import { eventOf } from '../support/envelopes.js';
import { silent } from '../support/log.js';
import { expectedTables, type Envelope } from '../support/model.js';
import { readRows } from '../support/rows.js';

describe('events that are applied again', function () {
  this.timeout(600_000);
  let dataSource: DataSource;
  const processed = new ProcessedEvents();
  before(async () => {
    dataSource = await freshDatabase();
    await processed.maintain(dataSource, 8);
  });
  after(() => dataSource.destroy());

  async function deliver(arrival: readonly (readonly Envelope[])[], reapply: boolean, writers = 1): Promise<number> {
    const store = new Store(dataSource, tables, processed, undefined, reapply);
    let repaired = 0;
    const parking = new Parking({
      ...{ dataSource, store, registry, tables, prefix: '', maxAttempts: 3, log: silent },
      onWritten: (written) => (repaired += written.repaired ?? 0),
      sendLetters: () => Promise.reject(new Error('nothing here is refused')),
    });
    const retry = { attempts: 3, delayMs: 1, exponential: true };
    const { signal } = new AbortController();
    let offset = 0;
    const left: Event[][] = arrival.map((batch) => batch.map((envelope) => eventOf(envelope, offset++)));
    const work = async () => {
      for (let batch = left.shift(); batch; batch = left.shift()) {
        const context = { store, log: silent, retry, signal, onRetry: () => undefined, onTrouble: () => undefined };
        const { written, refused } = await persist(batch, context);
        expect(refused).to.deep.equal([]);
        for (const one of written) {
          parking.noticed(one);
          repaired += one.repaired ?? 0;
        }
        await parking.wakeWanted();
      }
    };
    const ended = await Promise.allSettled(Array.from({ length: writers }, work));
    for (const one of ended) if (one.status === 'rejected') throw one.reason;
    await parking.sweep(true);
    return repaired;
  }

  const story = delivery({ maxEvents: 60 }).chain(({ events, arrival }) =>
    fc.record({
      events: fc.constant(events),
      arrival: fc.constant(arrival),
      again: shuffled(events).chain((order) => batches(order)),
      damages: damage,
      writers: fc.integer({ min: 1, max: 3 }),
    }),
  );

  it('bring exactly the rows back that damage has changed, whatever their order and batches', async () => {
    let touched = 0;
    await fc.assert(
      fc.asyncProperty(story, async ({ events, arrival, again, damages, writers }) => {
        await emptyTables(dataSource, tables.map(({ name }) => name)); // prettier-ignore
        const { tables: expected, waiting } = expectedTables(events);
        await deliver(arrival, false);
        expect(await readRows(dataSource)).to.deep.equal(expected);
        touched += await inflict(dataSource, damages);
        await deliver(again, true, writers);
        expect(await readRows(dataSource)).to.deep.equal(expected);
        // All is known again, and what still waits is what waited.
        const parked: { event_id: string }[] = await dataSource.query('SELECT event_id FROM dbw.parked_events');
        const ids = (list: readonly { event_id: string }[]) => new Set(list.map(({ event_id }) => event_id));
        expect(ids(parked)).to.deep.equal(new Set(waiting.map(({ eventId }) => eventId)));
        expect(await deliver(again, true), 'rows that are repaired once more').to.equal(0);
      }),
      { numRuns: Number(process.env.PROPERTY_RUNS ?? 25) },
    );
    expect(touched).to.be.greaterThan(0);
  });
});
