import { existing, foundIn } from '../postgres/statements.js';
import type { Session } from '../postgres/session.js';
import { KnownRows } from '../tables/known.js';
import { eachNeed, has, Keys, resolve, type Resolved, type RowKeys } from '../tables/resolve.js';
import type { Table } from '../tables/table.js';
import type { Event } from '../event/decode.js';
import { pure } from './blame.js';
import { madeBy } from './in-flight.js';

/** Finds out which events can be written now, and remembers which rows exist. */
export class Resolver {
  private readonly known = new KnownRows();

  /** Forgets which rows exist: the database may be another one, or an older one. */
  forget(): void {
    this.known.clear();
  }

  /**
   * Finds out what can be written now. Asks the database, one question a table, for rows that are not known to exist; for
   * those that the batch makes itself only where some of it has to wait.
   */
  async resolve(session: Session, events: readonly Event[]): Promise<Resolved> {
    let made: RowKeys | undefined;
    const isKnown = (table: Table, key: string) => this.known.has(table, key);
    const isMade = (table: Table, key: string) => has((made ??= madeBy(events)), table, key);
    const resolved = await this.resolveKnowing(
      session,
      events,
      (table, key) => isKnown(table, key) || isMade(table, key),
    );
    return made && resolved.waiting.length > 0 ? this.resolveKnowing(session, events, isKnown) : resolved;
  }

  /** What is found is remembered, but not within a transaction, which also sees rows that may never be committed. */
  private async resolveKnowing(
    session: Session,
    events: readonly Event[],
    isUnasked: (table: Table, key: string) => boolean,
  ): Promise<Resolved> {
    const found = await this.look(session, events, isUnasked);
    if (!session.inTransaction) this.learn(found);
    return pure(() => resolve(events, (table, key) => found.has(table, key) || this.known.has(table, key)));
  }

  /** The same, but nothing is believed to exist that the database does not show now, and nothing is remembered. */
  async resolveAnew(session: Session, events: readonly Event[]): Promise<Resolved> {
    const found = await this.look(session, events, () => false);
    return pure(() => resolve(events, (table, key) => found.has(table, key)));
  }

  /** The rows that events need and the database has, those left out that need no question. */
  async look(
    session: Session,
    events: readonly Event[],
    isUnasked: (table: Table, key: string) => boolean,
  ): Promise<Keys> {
    const asked = new Keys();
    pure(() => {
      for (const event of events) {
        for (const change of event.changes) {
          eachNeed(change, (table, key) => {
            if (!isUnasked(table, key)) asked.add(table, key);
          });
        }
      }
    });
    const questions = [...asked.byTable].map(([table, keys]) => existing(table, [...keys]));
    return foundIn([...asked.byTable.keys()], await session.together(questions));
  }

  /** These rows exist from now on: only what is committed may be told. */
  learn(rows: RowKeys): void {
    for (const [table, keys] of rows.byTable) {
      if (table.isAwaitable) for (const key of keys.keys()) this.known.add(table, key);
    }
  }
}
