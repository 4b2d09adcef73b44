import type { Changes } from '../tables/fold.js';
import type { RowKeys } from '../tables/resolve.js';
import type { Table } from '../tables/table.js';
import { encodeArray } from './arrays.js';
import type { Result } from './session.js';
import { existing, foundIn, statement, type Statement } from './statements.js';

// Whoever comes second waits here for the end of the transaction of the first, also where that has taken its name out again.
const HOLD = `INSERT INTO dbw.held_rows (name) SELECT x.name FROM unnest($1::text[]) AS x (name)
  ON CONFLICT (name) DO UPDATE SET name = excluded.name`;
const RELEASE = 'DELETE FROM dbw.held_rows WHERE name = ANY($1::text[])';

/**
 * The rows of distributed tables that a batch touches and whose key does not say where they lie. Each node watches over its own
 * rows only: none would notice that another has a row of the same id, under another owner. So a writer first takes hold of a
 * row by its name, in a table that is in one place and forgets it when the transaction ends, and then looks where the row is.
 * A row can move by it (be deleted here, inserted there) while no other writer touches it.
 */
export class HeldRows {
  private readonly names: Buffer;

  private constructor(private readonly touched: readonly (readonly [Table, readonly string[]])[]) {
    const names = touched.flatMap(([{ name }, keys]) => keys.map((key) => `${name} ${key}`)).sort();
    this.names = encodeArray('text', names.length, (i) => names[i]).bytes;
  }

  /** Those that a batch touches; undefined where there are none. */
  static of(changes: Changes): HeldRows | undefined {
    const touched = [...changes.byTable].flatMap(([table, { inserts, updates }]) =>
      table.owner === undefined ? [] : [[table, [...new Set([...inserts.keys(), ...updates.keys()])]] as const],
    );
    return touched.length === 0 ? undefined : new HeldRows(touched);
  }

  /** To be sent before any of the rows is written: takes hold of them, and then looks which are there. */
  get first(): Statement[] {
    // Each statement sees what was committed when it began: the looks see what the holders before us did.
    return [statement(HOLD, [this.names]), ...this.touched.map(([table, keys]) => existing(table, keys))];
  }

  /** To be sent when all of them are written. */
  get last(): Statement[] {
    return [statement(RELEASE, [this.names])];
  }

  /** @param results of `first` */
  found(results: readonly Result[]): RowKeys {
    return foundIn(
      this.touched.map(([table]) => table),
      results.slice(1),
    );
  }
}
