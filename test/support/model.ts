import { EVENTS } from './model/events.js';
import type { Meaning, Ref, Write } from './model/meaning.js';
import { COUNTERS, TABLES } from './model/tables.js';
import type { Row } from './model/tables.js';
import { compareText, time } from './model/values.js';

export type Envelope = {
  eventId: string;
  eventType: string;
  timestamp: string;
  data: Record<string, unknown>;
};

export interface Expected {
  /** Table → primary key, its parts joined by U+001F → row. All eighteen tables are there, also the empty ones. */
  tables: Map<string, Map<string, Row>>;
  /** The events that still wait for a row, each once. */
  waiting: Envelope[];
  /**
   * `table/key/column` of columns that creations of equal timestamp gave different values. There arrival decides, and what the
   * model shows (the lesser event id) is one of the right answers. Streams to be compared should have none.
   */
  ties: string[];
}

/**
 * What the tables hold when these events have come, by the contract alone and without any notion of arrival: first which
 * events can be applied at all, then who wins each column.
 *
 * Takes valid events only. Of several contents under one event id one that can be applied is taken, the first given: with
 * at most one such, which is what the contract's producers promise, the answer is independent of order.
 */
export function expectedTables(events: Iterable<Envelope>): Expected {
  const { applied, waiting } = settle(events);
  const rows = new Map<string, Contest>();
  for (const { event, meaning, at } of applied) {
    for (const write of meaning.writes) {
      const contest = rows.get(name(write.ref)) ?? new Contest(write.ref);
      rows.set(name(write.ref), contest);
      contest.hear(write, at, event.eventId);
    }
  }

  const tables = new Map(Object.keys(TABLES).map((table) => [table, new Map<string, Row>()]));
  for (const { ref, row } of rows.values()) tables.get(ref[0])?.set(key(ref), row());
  for (const counter of COUNTERS) {
    for (const row of tables.get(counter.rows)?.values() ?? []) {
      const counted = tables.get(counter.table)?.get(String(row[counter.by]));
      if (counted) counted[counter.column] = Number(counted[counter.column]) + 1;
    }
  }
  return { tables, waiting, ties: [...rows.values()].flatMap((contest) => contest.ties()) };
}

interface Known {
  event: Envelope;
  meaning: Meaning;
  at: string;
}

/** Applies what can be applied until nothing more can: the more rows there are the more applies, so order is no matter. */
function settle(events: Iterable<Envelope>): { applied: Known[]; waiting: Envelope[] } {
  const distinct = new Map<string, Known>();
  for (const event of events) {
    const text = JSON.stringify(event);
    if (!distinct.has(text)) distinct.set(text, { event, ...understand(event) });
  }
  const [applied, ids, there] = [new Array<Known>(), new Set<string>(), new Set<string>()];
  let left = [...distinct.values()];
  for (let before = -1; before !== applied.length;) {
    before = applied.length;
    left = left.filter((known) => {
      if (ids.has(known.event.eventId)) return false;
      if (!known.meaning.needs.every((ref) => there.has(name(ref)))) return true;
      applied.push(known);
      ids.add(known.event.eventId);
      for (const write of known.meaning.writes) there.add(name(write.ref));
      return false;
    });
  }
  return { applied, waiting: left.map(({ event }) => event) };
}

function understand(event: Envelope): { meaning: Meaning; at: string } {
  const reader = EVENTS[event.eventType];
  if (!reader) throw new Error(`The model takes valid events only, and knows no ${event.eventType}`);
  const at = time(event.timestamp);
  return { meaning: reader(event.data, at), at };
}

interface Bid {
  at: string;
  eventId: string;
  value: unknown;
  tied: boolean;
}

/** Who wins the columns of one row. */
class Contest {
  private readonly firsts = new Map<string, Bid>();
  private readonly latests = new Map<string, Bid>();

  constructor(readonly ref: Ref) {}

  hear(write: Write, at: string, eventId: string): void {
    for (const [column, value] of Object.entries(write.first ?? {})) {
      const [bid, rival] = [{ at, eventId, value, tied: false }, this.firsts.get(column)];
      const earlier = !rival || compare(bid, rival) < 0;
      if (rival?.at === at) {
        bid.tied = rival.tied ||= JSON.stringify(value) !== JSON.stringify(rival.value);
      }
      if (earlier) this.firsts.set(column, bid);
    }
    for (const [column, value] of Object.entries(write.latest ?? {})) {
      const [bid, rival] = [{ at, eventId, value, tied: false }, this.latests.get(column)];
      if (!rival || compare(bid, rival) > 0) this.latests.set(column, bid);
    }
  }

  readonly row = (): Row => ({
    ...TABLES[this.ref[0]],
    ...values(this.firsts),
    ...values(this.latests),
  });

  /** A column that a change has set is out of the creations' dispute. */
  ties(): string[] {
    const tied = [...this.firsts].filter(([column, bid]) => bid.tied && !this.latests.has(column));
    return tied.map(([column]) => `${this.ref[0]}/${key(this.ref)}/${column}`);
  }
}

function compare(a: Bid, b: Bid): number {
  if (a.at !== b.at) return a.at < b.at ? -1 : 1;
  return compareText(a.eventId, b.eventId);
}

function values(bids: Map<string, Bid>): Row {
  return Object.fromEntries([...bids].map(([column, { value }]) => [column, value]));
}

function key(ref: Ref): string {
  return ref.slice(1).join('\u001f');
}

function name(ref: Ref): string {
  return ref.join('\u001f');
}
