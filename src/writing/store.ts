import type { DataSource } from 'typeorm';
import { applyChanges } from '../tables/apply.js';
import { reapplyChanges } from '../tables/reapply.js';
import { pure } from './blame.js';
import { Condition } from './condition.js';
import type { Event } from '../event/decode.js';
import { InFlight, withoutTwins, writtenAmong, type Batch } from './in-flight.js';
import { foreseeing } from './foresight.js';
import { fold } from '../tables/fold.js';
import { isolate, type Isolated } from './isolate.js';
import type { Marks } from './marks.js';
import { NewEvents, parkWaiting } from './new-events.js';
import { isElsewhere, stillThere, type Identity } from '../postgres/identity.js';
import { except, KnownEvents } from './known-events.js';
import { lacksDay, type Claimed, type ProcessedEvents } from '../postgres/processed.js';
import { Session } from '../postgres/session.js';
import type { Resolved, Waiting } from '../tables/resolve.js';
import { Resolver } from './resolver.js';
import { Collided, nothingBut, sum, type Written } from './written.js';
import type { Table } from '../tables/table.js';

function makesRows(event: Event): boolean {
  return event.changes.some(({ verb }) => verb !== 'set');
}

/**
 * Writes batches of events into the tables, each in one transaction: resolve what they need, claim their ids, fold,
 * write, park what waits. Several batches may be written at once.
 */
export class Store {
  /** Shared by all writers of this store. */
  readonly condition = new Condition();
  readonly resolver = new Resolver();
  private readonly inFlight = new InFlight();
  private readonly newEvents: NewEvents;
  readonly knownEvents: KnownEvents;

  constructor(
    private readonly dataSource: DataSource,
    private readonly tables: readonly Table[],
    private readonly processed: ProcessedEvents,
    private readonly marks?: Marks,
    /** Whether events that were processed are applied all the same: what they last said is written again. */
    private readonly reapply = false,
  ) {
    this.newEvents = new NewEvents(tables, processed);
    this.knownEvents = new KnownEvents(reapply ? undefined : marks, () => {
      this.forget();
    });
  }

  /** Forgets which rows exist: the database may be another one, or an older one. */
  forget(): void {
    this.resolver.forget();
  }

  /**
   * Writes a batch in one transaction.
   *
   * @param events in the order of arrival
   * @throws whatever the database says, or Bug; nothing is written then
   */
  async write(events: readonly Event[]): Promise<Written> {
    const started = performance.now();
    const written = await this.tracked(
      events,
      (one: Written) => one,
      (session, older) => this.writeWith(session, events, older),
    );
    const { applied, waiting } = written;
    if (applied.length + waiting.length === 0) return written;
    return { ...written, seconds: (performance.now() - started) / 1000 };
  }

  /**
   * Writes, in one transaction, what can be written of a batch that failed as a whole.
   *
   * @throws what is no event's own; nothing is written then
   */
  async isolate(events: readonly Event[]): Promise<Isolated> {
    return this.tracked(
      events,
      ({ written }) => written,
      (session) => this.isolateWith(session, events),
    );
  }

  private async tracked<T>(
    events: readonly Event[],
    outcomeOf: (result: T) => Written,
    write: (session: Session, older: readonly Batch[]) => Promise<T>,
  ): Promise<T> {
    const { dataSource, processed } = this;
    const attempt = () =>
      this.inFlight.during(events, outcomeOf, (older) => Session.with(dataSource, (session) => write(session, older)));
    await processed.reach(dataSource, events);
    try {
      return await attempt();
    } catch (error) {
      if (!lacksDay(error)) throw error;
      await processed.load(dataSource);
      await processed.reach(dataSource, events);
      return attempt();
    }
  }

  private async writeWith(session: Session, events: readonly Event[], older: readonly Batch[]): Promise<Written> {
    const isTried = !this.reapply && this.newEvents.areLikely('unasked');
    if (isTried) {
      const current = await this.knownEvents.placeOf(session);
      const written = await foreseeing(this.resolver, session, events, older, (foreseen) =>
        this.newEvents.write(session, foreseen, 'unasked'),
      );
      if (written) return this.finish(written, [], current);
    }
    return this.writeSifted(session, events, older, isTried);
  }

  /** @param isTried whether it was in vain to take them for new */
  private async writeSifted(
    session: Session,
    events: readonly Event[],
    older: readonly Batch[],
    isTried: boolean,
  ): Promise<Written> {
    const identity = await this.knownEvents.placeOf(session);
    const believed = await this.knownEvents.believed(events, identity);
    // Not the same events once more: what failed with them is none that Redis knew.
    const isWorthIt = this.marks && !this.reapply && !(isTried && believed.size === 0) && believed.size < events.length;
    if (isWorthIt && this.newEvents.areLikely('asked')) {
      const written = await this.writeUnmarked(session, events, { identity, believed }, older);
      if (written) return written;
    }
    const confirmed = await this.knownEvents.confirmed(session, events, believed, identity);
    const { marked, unmarked } = confirmed;
    if (unmarked.length === 0) return nothingBut(marked);
    const resolved = await foreseeing(this.resolver, session, unmarked, older, (foreseen) =>
      foreseen.come().then(() => foreseen),
    );
    const careful = await this.exceptCollided(unmarked, async (rest) => {
      const current = rest === unmarked ? resolved : await this.resolver.resolve(session, rest);
      return session.transaction(async () => {
        const result = await this.apply(session, current);
        await this.unclaim(session, result.waiting);
        return parkWaiting(session, result);
      });
    });
    return this.finish(careful, marked, confirmed.identity);
  }

  /**
   * Writes a batch as if nothing of it had been processed but what Redis knows, and what others are just writing.
   *
   * @param believed what Redis knows: so the database is asked, when the others are written, whether it is the same
   * @returns undefined, and nothing is written, where it turns out otherwise
   */
  private async writeUnmarked(
    session: Session,
    events: readonly Event[],
    { identity, believed }: { readonly identity: Identity; readonly believed: ReadonlySet<Event> },
    older: readonly Batch[],
  ): Promise<Written | undefined> {
    const { rest, twins, makers } = withoutTwins(except(events, believed), older);
    const condition = believed.size > 0 ? stillThere(session) : undefined;
    let written: Written | undefined;
    try {
      written = await foreseeing(this.resolver, session, rest, older, (foreseen) =>
        this.newEvents.write(session, { ...foreseen, condition }, 'asked'),
      );
    } catch (error) {
      if (condition && isElsewhere(error)) return undefined;
      throw error;
    }
    const finished = written && this.finish(written, [...believed], identity);
    if (!finished || twins.length === 0) return finished;
    const settled = writtenAmong(twins, await Promise.all(makers.map(({ done }) => done)));
    if (settled.size === twins.length) return { ...finished, duplicates: [...finished.duplicates, ...settled] };
    // Should it fail here, all of the batch is delivered again.
    return sum([finished, nothingBut([...settled]), await this.writeSifted(session, except(twins, settled), [], true)]);
  }

  private async isolateWith(session: Session, events: readonly Event[]): Promise<Isolated> {
    const { identity, marked, unmarked } = await this.knownEvents.sift(session, events);
    const { written, guilty } = await session.transaction(async () => {
      const isolated = await isolate(session, unmarked, (group) => this.writeGroup(session, group));
      await this.unclaim(session, isolated.written.waiting);
      return isolated;
    });
    return { written: this.finish(written, marked, identity), guilty };
  }

  /** Writes a group of events under a savepoint of the transaction under way; where it throws, nothing of it is left. */
  async writeGroup(session: Session, group: readonly Event[]): Promise<Written> {
    return this.exceptCollided(group, (rest) =>
      session.savepoint(async () => this.apply(session, await this.resolver.resolveAnew(session, rest))),
    );
  }

  /** After the commit: rows that were made exist from now on, and events that were processed are known. */
  acknowledge(written: Written, identity: Identity): void {
    const { applied, duplicates } = this.remember(written);
    // What was delivered again while it waits is no more processed than what waits: it gets no mark. Not at once: batches wait
    // for the rows of this one.
    if (this.marks) setImmediate(() => void this.marks?.mark([...applied, ...duplicates], identity));
  }

  /** After the commit: tells everybody who should know, and accounts for the events that were not tried. */
  private finish(written: Written, marked: readonly Event[], identity: Identity): Written {
    this.acknowledge(written, identity);
    const { again = [], applied, duplicates } = written;
    if (applied.length > 0) this.condition.committed();
    return again.length + marked.length === 0
      ? written
      : { ...written, duplicates: [...duplicates, ...again, ...marked] };
  }

  /**
   * Tries to write events. Where one turns out to be a collision whose rows others counted on, the try must have left
   * nothing behind, and is made again without it.
   */
  private async exceptCollided(
    events: readonly Event[],
    attempt: (rest: readonly Event[]) => Promise<Written>,
  ): Promise<Written> {
    const collided = new Set<Event>();
    for (let rest = events; ;) {
      try {
        const written = await attempt(rest);
        return collided.size === 0 ? written : { ...written, collisions: [...written.collisions, ...collided] };
      } catch (error) {
        if (!(error instanceof Collided)) throw error;
        for (const event of error.events) collided.add(event);
        rest = events.filter((event) => !collided.has(event));
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
    const applied = this.reapply ? [...fresh, ...duplicates] : fresh;
    if (collisions.some(makesRows) && applied.length + resolved.waiting.length > 0) throw new Collided(collisions);
    const changes = pure(() => fold(applied));
    const write = this.reapply ? reapplyChanges : applyChanges;
    const { created, ties, repaired } = await write(session, this.tables, changes);
    return {
      applied,
      duplicates: this.reapply ? resolved.repeated : [...resolved.repeated, ...duplicates],
      collisions: [...resolved.collisions, ...collisions],
      waiting: resolved.waiting,
      created,
      ties,
      ...(this.reapply ? { repaired } : {}),
    };
  }

  /**
   * An event that was processed and has to wait again, for its row is gone, is processed no more: whoever finds the row
   * first applies it.
   */
  private async unclaim(session: Session, waiting: readonly Waiting[]): Promise<void> {
    if (!this.reapply || waiting.length === 0) return;
    const events = waiting.map(({ event }) => event);
    await this.processed.forget(session, events);
  }

  /** Records events as processed, within the transaction under way. */
  claim(session: Session, events: readonly Event[]): Promise<Claimed> {
    return this.processed.claim(session, events);
  }

  /** After the commit: rows that were made exist from now on. */
  remember(written: Written): Written {
    this.resolver.learn(written.created);
    return written;
  }
}
