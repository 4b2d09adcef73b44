import { expect } from 'chai';
import fc from 'fast-check';
import type { DataSource } from 'typeorm';
import { tables } from '../../src/handlers/index.js';
import { ProcessedEvents } from '../../src/postgres/processed.js';
import { delivery } from '../support/arbitraries.js';
import { freshDistributed } from '../support/citus.js';
import { emptyTables } from '../support/database.js';
import { deliver } from '../support/deliver.js';
import { expectedTables } from '../support/model.js';

describe('distributed tables depend on the set of events alone', function () {
  this.timeout(600_000);
  let dataSource: DataSource;
  const processed = new ProcessedEvents();

  before(async () => {
    dataSource = await freshDistributed();
    await processed.maintain(dataSource, 8);
  });
  after(() => dataSource.destroy());

  /** Ids that two rows of one table have: its primary key does not forbid it. */
  async function twins(): Promise<string[]> {
    const asked = tables.map(({ name, key }) => {
      const id = key.join(` || '/' || `);
      return `SELECT '${name} ' || ${id} AS twin FROM public.${name} GROUP BY ${key.join(', ')} HAVING count(*) > 1`;
    });
    const rows: { twin: string }[] = await dataSource.query(asked.join(' UNION ALL '));
    return rows.map(({ twin }) => twin);
  }

  it('whatever their order, batches, repetition and the number of writers and processes', async () => {
    await fc.assert(
      fc.asyncProperty(
        delivery({ maxEvents: 60 }),
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 3 }),
        async ({ events, arrival }, writers, processes) => {
          await emptyTables(
            dataSource,
            tables.map(({ name }) => name),
          );
          const { tables: expected, ties } = expectedTables(events);
          expect(ties).to.deep.equal([]);
          const rows = await deliver(dataSource, processed, arrival, writers, processes);
          expect(await twins()).to.deep.equal([]);
          expect(rows).to.deep.equal(expected);
        },
      ),
      { numRuns: Number(process.env.PROPERTY_RUNS ?? 15) },
    );
  });
});
