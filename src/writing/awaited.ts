import type { DataSource } from 'typeorm';
import { awaited, awaitedByFew, awaitedTables } from '../postgres/parked.js';
import { Session } from '../postgres/session.js';
import { existing, foundIn } from '../postgres/statements.js';
import { has, Keys, type Need, type RowKeys } from '../tables/resolve.js';
import type { Table } from '../tables/table.js';
import { thoseThere } from './resolver.js';

/** So many parked events are looked through in one question, whatever they wait for: mostly it is a handful. */
const FEW = 500;
const PAGE = 5_000;
/** Two writers that pass each other strand an event at most for as long as their transactions last. */
const RECENT_MS = 120_000;

function needsOf(byTable: Iterable<readonly [Table, Iterable<string>]>): Need[] {
  return [...byTable].flatMap(([table, keys]) => Array.from(keys, (key) => ({ table, key })));
}

/** The rows that parked events wait for. */
export class AwaitedRows {
  /** @param tables those whose rows events may wait for */
  constructor(
    private readonly dataSource: DataSource,
    private readonly tables: readonly Table[],
  ) {}

  private ask<T>(question: (session: Session) => Promise<T>): Promise<T> {
    return Session.with(this.dataSource, question);
  }

  /** All of them; undefined where many events are parked. */
  private async few(): Promise<Keys | undefined> {
    const found = await this.ask((session) => awaitedByFew(session, FEW));
    if (!found) return undefined;
    const byName = new Map(this.tables.map((table) => [table.name, table]));
    const rows = new Keys();
    for (const [name, key] of found) {
      const table = byName.get(name);
      if (table) rows.add(table, key);
    }
    return rows;
  }

  /** Those of these rows for which events wait; where many are parked, also others of the same tables. */
  async among(rows: RowKeys): Promise<readonly Need[]> {
    const few = await this.few();
    if (few) return needsOf(few.byTable).filter(({ table, key }) => has(rows, table, key));
    const names = Array.from(rows.byTable.keys(), ({ name }) => name);
    const waitedFor = await this.ask((session) => awaitedTables(session, names));
    return needsOf(
      [...rows.byTable].flatMap(([table, keys]) => (waitedFor.has(table.name) ? [[table, keys.keys()] as const] : [])),
    );
  }

  /**
   * Those that are there.
   *
   * @param all false: where many are parked, only what events wait for that were parked in the last minutes
   */
  async *there(all: boolean): AsyncGenerator<readonly Need[]> {
    const few = await this.few();
    if (few) yield needsOf((await this.ask((session) => thoseThere(session, few))).byTable);
    else for (const table of this.tables) yield* this.thereOf(table, all);
  }

  private async *thereOf(table: Table, all: boolean): AsyncGenerator<readonly Need[]> {
    for (let after: string | undefined = ''; after !== undefined;) {
      const from: string = after;
      const keys = await this.ask((session) => awaited(session, table.name, from, all ? undefined : RECENT_MS, PAGE));
      const { byTable } = foundIn([table], [await this.ask((session) => session.run(existing(table, keys)))]);
      yield needsOf(byTable);
      after = keys.length < PAGE ? undefined : keys.at(-1);
    }
  }
}
