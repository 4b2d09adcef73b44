import type { DataSource } from 'typeorm';
import { applyChanges } from './apply.js';
import type { Event } from './decode.js';
import { fold } from './fold.js';
import { KnownRows } from './known.js';
import type { Marks } from './marks.js';
import { askIdentity, identityOf, type Identity } from './postgres/identity.js';
import { park } from './postgres/parked.js';
import type { ProcessedEvents } from './postgres/processed.js';
import { Session } from './postgres/session.js';
import { existing } from './postgres/statements.js';
import { eachNeed, Keys, resolve, type Resolved, type Waiting } from './resolve.js';
import type { Table } from './table.js';

/** What became of the events of one transaction. Every event is in exactly one of the lists. */
export interface Written {
  readonly applied: readonly Event[];
  readonly duplicates: readonly Event[];
  /** Events under an id that was processed with other content; they have no effect. */
  readonly collisions: readonly Event[];
  readonly waiting: readonly Waiting[];
  /** Rows that are new, in tables that others refer to or wait for. */
  readonly created: Keys;
  readonly ties: number;
}

/** A batch on its way into the database, and the rows that it is going to make. */
interface InFlight {
  readonly makes: Keys;
  readonly done: Promise<unknown>;
}

/** The transaction was rolled back: these events collide, and others of the batch counted on their rows. */
export class Collided extends Error {
  constructor(readonly events: readonly Event[]) {
    super('events collide with processed ones');
  }
}

function makesRows(event: Event): boolean {
  return event.changes.some(({ verb }) => verb !== 'set');
}

/**
 * Writes batches of events into the tables, each in one transaction: resolve what they need, claim their ids, fold,
 * write, park what waits. Several batches may be written at once.
 */
export class Store {
  private readonly known = new KnownRows();
  private readonly inFlight = new Set<InFlight>();
  private identity: Identity | undefined;

  constructor(
    private readonly dataSource: DataSource,
    private readonly tables: readonly Table[],
    private readonly processed: ProcessedEvents,
    private readonly marks?: Marks,
  ) {}

  /** Forgets which rows exist: the database may be another one, or an older one. */
  forget(): void {
    this.known.clear();
  }

  /**
   * Writes a batch in one transaction.
   *
   * @param events in the order of arrival
   * @throws whatever the database says; nothing is written then
   */
  async write(events: readonly Event[]): Promise<Written> {
    const older = [...this.inFlight];
    const makes = new Keys();
    for (const event of events) {
      for (const { verb, table, row } of event.changes) if (verb !== 'set') makes.add(table, table.keyOf(row));
    }
    const work = Session.with(this.dataSource, (session) => this.writeWith(session, events, older));
    const entry: InFlight = { makes, done: work.catch(() => undefined) };
    this.inFlight.add(entry);
    try {
      return await work;
    } finally {
      this.inFlight.delete(entry);
    }
  }

  private async writeWith(session: Session, events: readonly Event[], older: readonly InFlight[]): Promise<Written> {
    const identity = this.identified(await identityOf(session));
    const marked = await this.marked(session, events, identity);
    const unmarked = marked.size === 0 ? events : events.filter((event) => !marked.has(event));
    if (unmarked.length === 0) return nothingBut([...marked]);
    let resolved = await this.resolve(session, unmarked);
    // What is missing may be on its way: wait for batches that began before this one (never for later ones, which may
    // wait for us), and before any id is claimed, so that they do not wait for ours.
    const makers = older.filter(({ makes }) => resolved.waiting.some(({ need }) => makes.has(need.table, need.key)));
    if (makers.length > 0) {
      await Promise.all(makers.map(({ done }) => done));
      resolved = await this.resolve(session, unmarked);
    }
    let processed: readonly Event[] = [];
    const written = await this.transact(session, unmarked, resolved, async (result) => {
      processed = [...result.applied, ...result.duplicates];
      if (result.waiting.length === 0) return result;
      const parked = new Set(await park(session, result.waiting));
      const again = result.waiting.filter((one) => !parked.has(one)).map(({ event }) => event);
      return { ...result, waiting: [...parked], duplicates: [...result.duplicates, ...again] };
    });
    // What was delivered again while it waits is no more processed than what waits: it gets no mark.
    void this.marks?.mark(processed, identity);
    return marked.size === 0 ? written : { ...written, duplicates: [...written.duplicates, ...marked] };
  }

  /** Learns which database a connection leads to; what was known of another is forgotten. */
  private identified(identity: Identity): Identity {
    if (identity !== this.identity) this.forget();
    this.identity = identity;
    return identity;
  }

  /** Events that Redis knows to be processed in the database that this connection leads to, now and not a while ago. */
  private async marked(session: Session, events: readonly Event[], identity: Identity): Promise<ReadonlySet<Event>> {
    const marked = (await this.marks?.known(events, identity)) ?? new Set<Event>();
    // Only now that something is believed, it is worth a round trip to be sure that tables were not made anew meanwhile.
    if (marked.size > 0 && this.identified(await askIdentity(session)) !== identity) return new Set();
    return marked;
  }

  /**
   * Applies what was resolved and does what `also` adds, in one transaction. Where an event turns out to be a collision
   * whose rows others counted on, all is rolled back and resolved again without it.
   */
  private async transact(
    session: Session,
    events: readonly Event[],
    resolved: Resolved,
    also: (written: Written) => Promise<Written>,
  ): Promise<Written> {
    const collided: Event[] = [];
    for (let current = resolved; ;) {
      try {
        const written = await session.transaction(async () => {
          const result = await this.apply(session, current);
          const whole = { ...result, collisions: [...result.collisions, ...collided] };
          return also(whole);
        });
        return this.remember(written);
      } catch (error) {
        if (!(error instanceof Collided)) throw error;
        collided.push(...error.events);
        const rest = events.filter((event) => !collided.includes(event));
        current = await this.resolve(session, rest);
      }
    }
  }

  /**
   * Claims, folds and writes what can be written; the caller owns the transaction and parks what waits.
   *
   * @throws Collided where events of the batch need rows that a collision was going to make
   */
  async apply(session: Session, resolved: Resolved): Promise<Written> {
    const { fresh, duplicates, collisions } =
      resolved.applicable.length > 0
        ? await this.processed.claim(session, resolved.applicable)
        : { fresh: [], duplicates: [], collisions: [] };
    if (collisions.some(makesRows) && fresh.length + resolved.waiting.length > 0) throw new Collided(collisions);
    const { created, ties } = await applyChanges(session, this.tables, fold(fresh));
    return {
      applied: fresh,
      duplicates: [...resolved.repeated, ...duplicates],
      collisions: [...resolved.collisions, ...collisions],
      waiting: resolved.waiting,
      created,
      ties,
    };
  }

  /** Finds out what can be written now. Asks the database, one question a table, for rows that are not known to exist. */
  async resolve(session: Session, events: readonly Event[]): Promise<Resolved> {
    const asked = new Keys();
    for (const event of events) {
      for (const change of event.changes) {
        eachNeed(change, (table, key) => {
          if (!this.known.has(table, key)) asked.add(table, key);
        });
      }
    }
    const found = new Keys();
    for (const [table, keys] of asked.byTable) {
      const { rows } = await session.run(existing(table, [...keys]));
      for (const [key] of rows) {
        found.add(table, String(key));
        this.known.add(table, String(key));
      }
    }
    return resolve(events, (table, key) => found.has(table, key) || this.known.has(table, key));
  }

  /** After the commit: rows that were made exist from now on. */
  remember(written: Written): Written {
    for (const [table, keys] of written.created.byTable) for (const key of keys) this.known.add(table, key);
    return written;
  }
}

function nothingBut(duplicates: readonly Event[]): Written {
  return { applied: [], duplicates, collisions: [], waiting: [], created: new Keys(), ties: 0 };
}
