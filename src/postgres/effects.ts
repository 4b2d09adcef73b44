import type { Event } from '../event/decode.js';
import { Keys } from '../tables/resolve.js';
import { lackIn, type Lack } from '../tables/effect.js';
import type { Row, Table } from '../tables/table.js';
import { encodeArray } from './arrays.js';
import { eventKey, type ProcessedEvents } from './processed.js';
import { countChildren, countersOf, eachParent } from './recount.js';
import type { Session } from './session.js';
import { existingValues, statement } from './statements.js';
import { storedRows } from './stored.js';

/** What the database says of an event. */
export type Standing =
  | { readonly kind: 'present' | 'parked' | 'collision' | 'not processed' }
  | { readonly kind: 'lacking'; readonly lack: Lack };

/** Rows whose counter is not the number of rows that point to them. */
export interface WrongCounter {
  readonly table: string;
  readonly column: string;
  readonly key: string;
}

export interface Compared {
  /** In the order of the events. */
  readonly standings: readonly Standing[];
  readonly counters: readonly WrongCounter[];
}

const ONE_MOMENT = 'SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY';

/** Compares events with what the database holds, at one moment. Writes nothing. */
export async function compare(
  session: Session,
  tables: readonly Table[],
  processed: ProcessedEvents,
  events: readonly Event[],
): Promise<Compared> {
  return session.rehearsal(async () => {
    await session.query(ONE_MOMENT);
    const hashes = await processed.hashesOf(session, events);
    const parked = await parkedAmong(session, events);
    const stored = await lookUp(session, events);
    const standings = events.map((event, i): Standing => {
      const hash = hashes[i];
      if (hash !== undefined && hash !== event.hash) return { kind: 'collision' };
      if (hash === undefined && parked.has(nameOf(event))) return { kind: 'parked' };
      // Ids are kept for some days only: of what is older the rows alone can tell.
      if (hash === undefined && processed.keeps(event.time)) return { kind: 'not processed' };
      const lack = lackIn(event, (table, key) => stored.get(table)?.get(key));
      return lack ? { kind: 'lacking', lack } : { kind: 'present' };
    });
    return { standings, counters: await wrongCounters(session, tables, events) };
  });
}

function nameOf(event: Event): string {
  return `${eventKey(event.id).toString('hex')}:${event.hash}`;
}

async function parkedAmong(session: Session, events: readonly Event[]): Promise<ReadonlySet<string>> {
  const { bytes } = encodeArray('uuid', events.length, (i) => events[i] && eventKey(events[i].id));
  const text = "SELECT encode(uuid_send(id), 'hex'), hash FROM dbw.parked_events WHERE id = ANY($1::uuid[])";
  const { rows } = await session.run(statement(text, [bytes]));
  return new Set(rows.map(([id, hash]) => `${String(id)}:${String(hash)}`));
}

/** The rows that events speak of, one question a table. */
async function lookUp(
  session: Session,
  events: readonly Event[],
): Promise<ReadonlyMap<Table, ReadonlyMap<string, Row>>> {
  const asked = new Map<Table, Map<string, Row>>();
  for (const { changes } of events) {
    for (const { table, row } of changes) {
      let rows = asked.get(table);
      if (!rows) asked.set(table, (rows = new Map<string, Row>()));
      rows.set(table.keyOf(row), row);
    }
  }
  const stored = new Map<Table, ReadonlyMap<string, Row>>();
  for (const [table, rows] of asked) stored.set(table, await storedRows(session, table, rows, table.extremes));
  return stored;
}

/** Counts the children of all rows that events touch, and compares. */
async function wrongCounters(
  session: Session,
  tables: readonly Table[],
  events: readonly Event[],
): Promise<WrongCounter[]> {
  const touched = new Keys();
  for (const { changes } of events) {
    for (const { table, row } of changes) {
      touched.add(table, table.keyOf(row));
      eachParent(table, row, (parent, key) => {
        touched.add(parent, key);
      });
    }
  }
  const wrong: WrongCounter[] = [];
  for (const [table, found] of touched.byTable) {
    const keys = [...found];
    for (const counter of countersOf(table, tables)) {
      const { column } = counter;
      const counts = await countChildren(session, counter, keys);
      const { rows } = await session.run(existingValues(table, column, keys));
      for (const [key, value] of rows) {
        if (Number(value) !== (counts.get(String(key)) ?? 0)) wrong.push({ table: table.name, column, key: String(key) });
      }
    }
  }
  return wrong;
} // prettier-ignore
