import { existing, foundIn } from '../postgres/statements.js';
import type { Session } from '../postgres/session.js';
import { KnownRows } from '../tables/known.js';
import { eachNeed, Keys, resolve, resolveInOrder, type Resolved, type RowKeys } from '../tables/resolve.js';
import type { Table } from '../tables/table.js';
import type { Event } from '../event/decode.js';
import { pure } from './blame.js';

/** The rows that events need, but for those that are known. */
export function needsOf(events: readonly Event[], isKnown: (table: Table, key: string) => boolean = () => false): Keys {
  const needs = new Keys();
  pure(() => {
    for (const event of events) {
      for (const change of event.changes) {
        eachNeed(change, (table, key) => {
          if (!isKnown(table, key)) needs.add(table, key);
        });
      }
    }
  });
  return needs;
}

/** Those of these rows that the database has. */
export async function thoseThere(session: Session, { byTable }: Keys): Promise<Keys> {
  const questions = [...byTable].map(([table, keys]) => existing(table, [...keys]));
  return foundIn([...byTable.keys()], await session.together(questions));
}

/** The rows that events need and the database has. */
export function needed(session: Session, events: readonly Event[]): Promise<Keys> {
  return thoseThere(session, needsOf(events));
}

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
   *
   * @param isComing rows that may be counted on as if they were there
   */
  async resolve(
    session: Session,
    events: readonly Event[],
    isComing: (table: Table, key: string) => boolean = () => false,
  ): Promise<Resolved> {
    const isKnown = (table: Table, key: string) => this.known.has(table, key) || isComing(table, key);
    const { resolved, unknown, made } = pure(() => resolveInOrder(events, isKnown));
    if (unknown.isEmpty) return resolved;
    const found = await this.ask(session, unknown.without(made));
    if (found.size === unknown.size) return resolved;
    const outOfOrder = pure(() => resolve(events, (table, key) => found.has(table, key) || isKnown(table, key)));
    if (outOfOrder.waiting.length === 0 || made.isEmpty) return outOfOrder;
    const all = await this.ask(session, needsOf(events, isKnown));
    return pure(() => resolve(events, (table, key) => all.has(table, key) || isKnown(table, key)));
  }

  /** Asks for rows; what is found is remembered, but not within a transaction, which also sees rows that may never be committed. */
  private async ask(session: Session, rows: Keys): Promise<Keys> {
    const found = await thoseThere(session, rows);
    if (!session.inTransaction) this.learn(found);
    return found;
  }

  /** The same, but nothing is believed to exist that the database does not show now, and nothing is remembered. */
  async resolveAnew(session: Session, events: readonly Event[]): Promise<Resolved> {
    const found = await needed(session, events);
    return pure(() => resolve(events, (table, key) => found.has(table, key)));
  }

  /** Whether all of these rows are known to exist. */
  knows({ byTable }: Keys): boolean {
    for (const [table, keys] of byTable) for (const key of keys) if (!this.known.has(table, key)) return false;
    return true;
  }

  /** These rows exist from now on: only what is committed may be told. */
  learn(rows: RowKeys): void {
    for (const [table, keys] of rows.byTable) {
      if (table.isAwaitable) for (const key of keys.keys()) this.known.add(table, key);
    }
  }
}
