import { expect } from 'chai';
import type { DataSource } from 'typeorm';
import { registry, tables } from '../../src/handlers/index.js';
import { ProcessedEvents } from '../../src/postgres/processed.js';
import { Parking } from '../../src/writing/parking.js';
import { Store } from '../../src/writing/store.js';
import { freshDatabase } from '../support/database.js';
import { eventOf } from '../support/envelopes.js';
import { examplesFor } from '../support/examples.js';
import { silent } from '../support/log.js';
import type { Envelope } from '../support/model.js';

/** What holds for every type of event by itself, also for one that was declared a minute ago. */
describe('the example of every event type', () => {
  let dataSource: DataSource;
  const processed = new ProcessedEvents();
  before(async () => {
    dataSource = await freshDatabase();
    await processed.maintain(dataSource, 8);
  });
  after(() => dataSource.destroy());

  /** Every row of every table, with the columns that decide, as text. */
  async function allRows(): Promise<Map<string, string[]>> {
    const all = tables.map(({ name }) => `SELECT '${name}' AS name, t::text AS row FROM public.${name} t`);
    const rows: { name: string; row: string }[] = await dataSource.query(`${all.join(' UNION ALL ')} ORDER BY 1, 2`);
    const found = new Map<string, string[]>();
    for (const { name, row } of rows) found.set(name, [...(found.get(name) ?? []), row]);
    return found;
  }

  /** Writes events one by one into empty tables, then what waited. Returns the rows and how many events still wait. */
  async function rowsAfter(events: readonly Envelope[]) {
    // Of few rows this is a matter of milliseconds, unlike TRUNCATE.
    const full = [
      ...[...tables].reverse().map(({ name }) => `public.${name}`),
      'dbw.processed_events',
      'dbw.parked_events',
    ];
    await dataSource.query(full.map((table) => `DELETE FROM ${table}`).join('; '));
    const store = new Store(dataSource, tables, processed);
    const parking = new Parking({
      ...{ dataSource, store, registry, tables, prefix: '', maxAttempts: 3, log: silent },
      onWritten: () => undefined,
      sendLetters: () => Promise.reject(new Error('nothing here is refused')),
    });
    for (const [offset, event] of events.entries()) parking.noticed(await store.write([eventOf(event, offset)]));
    await parking.wakeWanted();
    await parking.sweep(true);
    const [parked] = await dataSource.query<{ count: string }[]>('SELECT count(*) FROM dbw.parked_events');
    return { rows: await allRows(), waiting: Number(parked?.count) };
  }

  for (const [name, type] of registry) {
    it(`${name} leaves the same rows in order, twice, and before the rows that it needs`, async () => {
      expect(type.about).to.match(/\.$/);
      expect(type.example).to.have.property(type.key);
      const events = examplesFor(name);
      const { rows, waiting } = await rowsAfter(events);
      expect(waiting).to.equal(0);
      for (const { table } of eventOf(events.at(-1)!).changes) expect([...rows.keys()]).to.include(table.name);
      expect(await rowsAfter([...events, ...events])).to.deep.equal({ rows, waiting });
      expect(await rowsAfter([...events].reverse())).to.deep.equal({ rows, waiting });
    });
  }
});
