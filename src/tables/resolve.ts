import type { Event } from '../event/decode.js';
import type { Change, Table } from './table.js';

/** A row that an event cannot do without. */
export interface Need {
  readonly table: Table;
  readonly key: string;
}

/** An event that must wait, and for which row (one of them: it is asked again when that one comes). */
export interface Waiting {
  readonly event: Event;
  readonly need: Need;
}

export interface Resolved {
  /** Events whose rows can be written now, in the order given. */
  readonly applicable: readonly Event[];
  readonly waiting: readonly Waiting[];
  /** Redeliveries of applicable events of the same batch. */
  readonly repeated: readonly Event[];
  /** Events under an id that an applicable event of the same batch has, with other content. */
  readonly collisions: readonly Event[];
}

/** The first that fits of the rows that must exist before a change can be written: parents, and the target of a `set`. */
function findNeed({ table, row, verb }: Change, fits: (table: Table, key: string) => boolean): Need | undefined {
  if (verb === 'set') {
    const key = table.keyOf(row);
    return fits(table, key) ? { table, key } : undefined;
  }
  for (const { column, parent } of table.references) {
    const key = row[column];
    if (typeof key === 'string' && fits(parent, key)) return { table: parent, key };
  }
  return undefined;
}

/** Calls `visit` for each row that must exist before a change can be written. */
export function eachNeed(change: Change, visit: (table: Table, key: string) => void): void {
  findNeed(change, (table, key) => {
    visit(table, key);
    return false;
  });
}

/** Whether a change makes a row that others may need. */
export function makesAwaitable({ verb, table }: Change): boolean {
  return verb !== 'set' && table.isAwaitable;
}

/** Rows by their keys, of which nobody wants to change anything. */
export interface RowKeys {
  readonly byTable: ReadonlyMap<Table, Pick<ReadonlySet<string>, 'has' | 'keys' | 'size'>>;
}

/** Whether a row is among these. */
export function has({ byTable }: RowKeys, table: Table, key: string): boolean {
  return byTable.get(table)?.has(key) ?? false;
}

/** Keys by table, each once. */
export class Keys implements RowKeys {
  readonly byTable = new Map<Table, Set<string>>();

  add(table: Table, key: string): void {
    const keys = this.byTable.get(table);
    if (keys) keys.add(key);
    else this.byTable.set(table, new Set([key]));
  }

  addAll({ byTable }: RowKeys): void {
    for (const [table, keys] of byTable) for (const key of keys.keys()) this.add(table, key);
  }

  has(table: Table, key: string): boolean {
    return has(this, table, key);
  }

  get isEmpty(): boolean {
    return this.byTable.size === 0;
  }

  /** How many there are. */
  get size(): number {
    let size = 0;
    for (const keys of this.byTable.values()) size += keys.size;
    return size;
  }

  /** Those that are not among these. */
  without(others: Keys): Keys {
    const rest = new Keys();
    for (const [table, keys] of this.byTable) for (const key of keys) if (!others.has(table, key)) rest.add(table, key);
    return rest;
  }
}

/** Events that wait for a row of this batch, by that row. */
class Waiters {
  private readonly byTable = new Map<Table, Map<string, Event[]>>();

  add(table: Table, key: string, event: Event): void {
    let keys = this.byTable.get(table);
    if (!keys) this.byTable.set(table, (keys = new Map<string, Event[]>()));
    const events = keys.get(key);
    if (events) events.push(event);
    else keys.set(key, [event]);
  }

  take(table: Table, key: string): readonly Event[] {
    const keys = this.byTable.get(table);
    const events = keys?.get(key) ?? [];
    keys?.delete(key);
    return events;
  }
}

/** The first row that an event lacks, given what exists and what other events made; a row that it makes itself counts. */
function missing(event: Event, exists: (table: Table, key: string) => boolean): Need | undefined {
  for (const change of event.changes) {
    const need = findNeed(change, (table, key) => !exists(table, key) && !makes(event, table, key));
    if (need) return need;
  }
  return undefined;
}

function makes(event: Event, table: Table, key: string): boolean {
  // A reply to itself is no parent of itself; only a change before it (a message's conversation) can be what it needs.
  const at = event.changes.findIndex(
    (change) => change.verb !== 'set' && change.table === table && table.keyOf(change.row) === key,
  );
  return at >= 0 && at < event.changes.length - 1;
}

/** Tells events of one id apart: the first that can be written is the one that counts. */
class Twins {
  readonly repeated: Event[] = [];
  readonly collisions: Event[] = [];
  private readonly takenBy = new Map<string, Event>();

  /** Whether the event is the first of its id; another is put with its kind. */
  isFirst(event: Event): boolean {
    const first = this.takenBy.get(event.id);
    if (first) (first.hash === event.hash ? this.repeated : this.collisions).push(event);
    else this.takenBy.set(event.id, event);
    return first === undefined;
  }
}

/**
 * Finds which events of a batch can be written: those whose parents and targets exist, or are made by events of the
 * batch that can be written. A cycle never can.
 *
 * @param events in the order of arrival
 * @param known whether a row is in the database
 */
export function resolve(events: readonly Event[], known: (table: Table, key: string) => boolean): Resolved {
  const twins = new Twins();
  const made = new Keys();
  const waiters = new Waiters();
  const ready = new Set<Event>();
  const needs = new Map<Event, Need>();
  const exists = (table: Table, key: string) => known(table, key) || made.has(table, key);

  const pending: Event[] = [];
  const attempt = (event: Event): void => {
    const need = missing(event, exists);
    if (need) {
      needs.set(event, need);
      waiters.add(need.table, need.key, event);
      return;
    }
    needs.delete(event);
    if (!twins.isFirst(event)) return;
    ready.add(event);
    for (const change of event.changes) {
      if (!makesAwaitable(change)) continue;
      const { table } = change;
      const key = table.keyOf(change.row);
      made.add(table, key);
      for (const waiter of waiters.take(table, key)) pending.push(waiter);
    }
  };
  for (const event of events) {
    attempt(event);
    // Not by recursion: a chain of replies may be as long as the batch.
    for (let next = pending.pop(); next; next = pending.pop()) attempt(next);
  }

  return {
    applicable: events.filter((event) => ready.has(event)),
    waiting: [...needs].map(([event, need]) => ({ event, need })),
    repeated: twins.repeated,
    collisions: twins.collisions,
  };
}

/** What a batch comes to where each event has what it needs when it is its turn. */
export interface InOrder {
  readonly resolved: Resolved;
  /** Rows that are needed, and neither known nor made by an event before: with them it is as `resolved` says. */
  readonly unknown: Keys;
  /** Rows that the batch makes. */
  readonly made: Keys;
}

/**
 * Looks through a batch once, in the order given: events come in the order of their time, so that mostly no other is needed.
 *
 * @param known whether a row is in the database
 */
export function resolveInOrder(events: readonly Event[], known: (table: Table, key: string) => boolean): InOrder {
  const twins = new Twins();
  const made = new Keys();
  const unknown = new Keys();
  const lacks = (table: Table, key: string) => !known(table, key) && !made.has(table, key);
  const applicable: Event[] = [];
  for (const event of events) {
    const isFirst = twins.isFirst(event);
    for (const change of event.changes) {
      eachNeed(change, (table, key) => {
        if (lacks(table, key)) unknown.add(table, key);
      });
      if (isFirst && makesAwaitable(change)) made.add(change.table, change.table.keyOf(change.row));
    }
    if (isFirst) applicable.push(event);
  }
  const { repeated, collisions } = twins;
  return { resolved: { applicable, waiting: [], repeated, collisions }, unknown, made };
}
