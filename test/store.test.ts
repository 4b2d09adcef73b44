import { expect } from 'chai';
import fc from 'fast-check';
import type { DataSource } from 'typeorm';
import { decode, type Event } from '../src/decode.js';
import { registry, tables } from '../src/handlers/index.js';
import { Parking } from '../src/parking.js';
import { backoff } from '../src/backoff.js';
import { persist } from '../src/persist.js';
import { ProcessedEvents } from '../src/postgres/processed.js';
import { Store } from '../src/store.js';
import { delivery } from './support/arbitraries.js';
import { emptyTables, freshDatabase } from './support/database.js';
import { silent } from './support/log.js';
import { expectedTables, type Envelope } from './support/model.js';
import { readRows } from './support/rows.js';

function eventOf(envelope: Envelope, offset: number): Event {
  const value = Buffer.from(JSON.stringify(envelope));
  const message = { topic: envelope.eventType, partition: 0, offset, key: null, value, headers: [], timestamp: 0 };
  const decoded = decode(message, registry);
  if (decoded.kind !== 'event') throw new Error(`not valid: ${JSON.stringify(decoded)} ${JSON.stringify(envelope)}`);
  return decoded.event;
}

describe('the tables depend on the set of events alone', function () {
  this.timeout(600_000);
  let dataSource: DataSource;
  const processed = new ProcessedEvents();

  before(async () => {
    dataSource = await freshDatabase();
    await processed.maintain(dataSource, 8);
  });
  after(() => dataSource.destroy());

  /** Writes batches by some writers at once, then applies what waits; the rows that are there in the end. */
  async function deliver(arrival: readonly (readonly Envelope[])[], writers: number) {
    const store = new Store(dataSource, tables, processed);
    const parking = new Parking({
      dataSource,
      store,
      registry,
      tables,
      prefix: '',
      log: silent,
      onWritten: () => undefined,
      sendLetters: () => Promise.reject(new Error('nothing here is refused')),
    });
    const signal = new AbortController().signal;
    let offset = 0;
    const batches = arrival.map((batch) => batch.map((envelope) => eventOf(envelope, offset++)));
    const work = async () => {
      for (let batch = batches.shift(); batch; batch = batches.shift()) {
        const { written, refused } = await persist(batch, {
          store,
          log: silent,
          delayMs: 1,
          onRetry: () => undefined,
          signal,
        });
        expect(refused).to.deep.equal([]);
        for (const one of written) parking.noticed(one);
        await parking.wakeWanted();
      }
    };
    await Promise.all(Array.from({ length: writers }, work));
    await parking.sweep(true);
    return readRows(dataSource);
  }

  it('whatever their order, batches, repetition and the number of writers', async () => {
    await fc.assert(
      fc.asyncProperty(
        delivery({ maxEvents: 60 }),
        fc.integer({ min: 1, max: 4 }),
        async ({ events, arrival }, writers) => {
          await emptyTables(
            dataSource,
            tables.map(({ name }) => name),
          );
          const { tables: expected, ties } = expectedTables(events);
          expect(ties).to.deep.equal([]);
          const rows = await deliver(arrival, writers);
          expect(rows).to.deep.equal(expected);
        },
      ),
      { numRuns: Number(process.env.PROPERTY_RUNS ?? 100) },
    );
  });
});

describe('backoff', () => {
  it('stays within its bounds', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 600_000 }), fc.integer({ min: 1, max: 1_000 }), (delayMs, attempt) => {
        expect(backoff(delayMs, attempt)).to.be.within(0, 30_000);
      }),
    );
  });
});
