import { expect } from 'chai';
import type { DataSource } from 'typeorm';
import { tables } from '../../src/handlers/index.js';
import { ProcessedEvents } from '../../src/postgres/processed.js';
import { Store } from '../../src/writing/store.js';
import type { Written } from '../../src/writing/written.js';
import { emptyTables, freshDatabase } from './database.js';
import { eventOf } from './envelopes.js';
import { expectedTables, type Envelope } from './model.js';
import { readRows, type Rows } from './rows.js';

/** Rows that a table holds, all of them, in any order; columns that are left out are not compared. */
export type Literal = Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>>;

interface Given {
  /** These events come, `times` times in a row, each time in one batch. */
  when(events: Envelope | readonly Envelope[], options?: { times?: number }): When;
}

interface When {
  /** Then these tables hold these rows, and all tables what the model says; and it stays so, whatever comes again. */
  then(literal: Literal): Promise<void>;
  /** Then all tables hold what the model says. */
  asTheModelSays(): Promise<void>;
}

interface Platform {
  /** These events have come. */
  readonly given: (...events: readonly (Envelope | readonly Envelope[])[]) => Given;
  /** Writes one batch of events, as they are. */
  readonly write: (events: readonly Envelope[]) => Promise<Written>;
  readonly dataSource: DataSource;
}

function idsOf(written: readonly { readonly id: string }[]): string[] {
  return written.map(({ id }) => id).sort();
}

/** The rows of one table with the columns that the literal names, sorted, so that both sides can be compared. */
function compared(rows: Iterable<Readonly<Record<string, unknown>>>, literal: Literal[string]): unknown[] {
  const columns = [...new Set(literal.flatMap((row) => Object.keys(row)))];
  const texts = [...rows].map((row) => Object.fromEntries(columns.map((column) => [column, row[column]])));
  return texts.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}

/** A database of the file's own, and words to say what events do to it. Call it once in a `describe`. */
export function platform(): Platform {
  let dataSource: DataSource;
  const processed = new ProcessedEvents();
  before(async () => {
    dataSource = await freshDatabase();
    await processed.maintain(dataSource, 8);
  });
  after(() => dataSource.destroy());

  // A store of its own each time: what one remembers of the rows that there are must not matter.
  const write = (events: readonly Envelope[]) =>
    new Store(dataSource, tables, processed).write(events.map((event, offset) => eventOf(event, offset)));

  async function run(
    given: readonly Envelope[],
    events: readonly Envelope[],
    times: number,
    literal: Literal,
  ): Promise<void> {
    await emptyTables(dataSource, tables.map(({ name }) => name)); // prettier-ignore
    if (given.length > 0) expect((await write(given)).waiting, 'what is given waits for rows').to.deep.equal([]);
    const model = expectedTables([...given, ...events]);
    expect(model.ties, 'creations that tie').to.deep.equal([]);

    const waiting = model.waiting.map(({ eventId }) => eventId);
    const applied = events.map(({ eventId }) => eventId).filter((id) => !waiting.includes(id));
    for (let time = 1; time <= times; time++) {
      const written = await write(events);
      // Delivered again, what waits is as well known as what was applied.
      const [known, fresh] = time === 1 ? [[], applied] : [[...applied, ...waiting], []];
      expect(idsOf(written.applied), `applied by delivery ${time}`).to.deep.equal([...fresh].sort());
      expect(idsOf(written.duplicates), `known to delivery ${time}`).to.deep.equal([...known].sort());
      const parked = written.waiting.map(({ event }) => event);
      expect(idsOf(parked), `parked by delivery ${time}`).to.deep.equal(time === 1 ? [...waiting].sort() : []);
      expectRows(await readRows(dataSource), model.tables, literal);
    }
    // The tables protect themselves when nobody remembers what was processed.
    await dataSource.query('TRUNCATE dbw.processed_events');
    const again = await write([...events, ...given]);
    expect(idsOf(again.duplicates)).to.deep.equal([...waiting].sort());
    expect(again.ties).to.equal(0);
    expectRows(await readRows(dataSource), model.tables, literal);
  }

  return {
    write,
    get dataSource() {
      return dataSource;
    },
    given: (...given) => ({
      when: (events, { times = 1 } = {}) => {
        const list = Array.isArray(events) ? (events as readonly Envelope[]) : [events as Envelope];
        return {
          then: (literal) => run(given.flat(), list, times, literal),
          asTheModelSays: () => run(given.flat(), list, times, {}),
        };
      },
    }),
  };
}

/** As plain objects, of which a failed comparison shows the difference. */
function plain(rows: Rows): unknown {
  return Object.fromEntries([...rows].map(([table, keyed]) => [table, Object.fromEntries(keyed)]));
}

function expectRows(rows: Rows, model: Rows, literal: Literal): void {
  expect(plain(rows)).to.deep.equal(plain(model));
  for (const [table, expected] of Object.entries(literal)) {
    expect(compared(rows.get(table)?.values() ?? [], expected), table).to.deep.equal(compared(expected, expected));
  }
}
