import { pino } from 'pino';
import type { DataSource } from 'typeorm';
import type { Trouble } from '../../src/writing/condition.js';
import type { Event } from '../../src/event/decode.js';
import { tables } from '../../src/handlers/index.js';
import type { Retry } from '../../src/writing/patience.js';
import { persist, type Persisted } from '../../src/writing/persist.js';
import { ProcessedEvents } from '../../src/postgres/processed.js';
import { Store } from '../../src/writing/store.js';
import { freshDatabase } from './database.js';
import { EMPTY } from './people.js';

interface Line {
  readonly level: number;
  readonly msg: string;
}

/** A store, and all that `persist` tells. */
export class Writer {
  readonly store: Store;
  readonly retries: string[] = [];
  readonly troubles: (Trouble | undefined)[] = [];
  readonly lines: Line[] = [];
  private readonly log = pino({ level: 'debug' }, { write: (line) => this.lines.push(JSON.parse(line) as Line) });

  constructor(dataSource: DataSource, processed: ProcessedEvents) {
    this.store = new Store(dataSource, tables, processed);
  }

  persist(
    events: readonly Event[],
    retry: Partial<Retry> = {},
    signal = new AbortController().signal,
  ): Promise<Persisted> {
    return persist(events, {
      store: this.store,
      log: this.log,
      retry: { attempts: 3, delayMs: 1, exponential: true, systemicMs: 1, ...retry },
      signal,
      onRetry: (kind) => this.retries.push(kind),
      onTrouble: (trouble) => this.troubles.push(trouble),
    });
  }

  /** Messages of one level, in order. */
  said(level: 'info' | 'warn' | 'error'): string[] {
    return this.lines.filter((line) => line.level === pino.levels.values[level]).map(({ msg }) => msg);
  }
}

interface Database {
  readonly dataSource: DataSource;
  /** A writer that knows nothing yet. */
  readonly writer: () => Writer;
  /** One value of one row. */
  readonly ask: (sql: string) => Promise<unknown>;
  /** Does something to the database for the time of the test. */
  readonly during: (doing: string, undoing: string) => Promise<void>;
}

/** An empty, migrated database for each test of a `describe`, with a column `tx` in users and posts: who wrote the row. */
export function database(): Database {
  let dataSource: DataSource;
  let processed: ProcessedEvents;
  const undo: string[] = [];
  before(async () => {
    dataSource = await freshDatabase();
    processed = new ProcessedEvents();
    await processed.maintain(dataSource, 8);
    // xmin names savepoints; this names the transaction.
    for (const table of ['users', 'posts']) {
      await dataSource.query(`ALTER TABLE ${table} ADD COLUMN tx xid8 DEFAULT pg_current_xact_id()`);
    }
  });
  afterEach(async () => {
    for (const sql of undo.splice(0).reverse()) await dataSource.query(sql);
    await dataSource.query(EMPTY);
  });
  after(() => dataSource.destroy());
  return {
    get dataSource() {
      return dataSource;
    },
    writer: () => new Writer(dataSource, processed),
    ask: async (sql) => {
      const rows: Record<string, unknown>[] = await dataSource.query(sql);
      return Object.values(rows[0] ?? {})[0];
    },
    during: async (doing, undoing) => {
      await dataSource.query(doing);
      undo.push(undoing);
    },
  };
}
