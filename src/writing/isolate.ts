import { bisect, divided, type Guilty } from './bisect.js';
import { blame, mayBeOneEvents } from './blame.js';
import type { Event } from '../event/decode.js';
import { park } from '../postgres/parked.js';
import type { Session } from '../postgres/session.js';
import type { Waiting } from '../tables/resolve.js';
import { sum, type Written } from './written.js';

/** So many events that time out alone, and it is not the events. Each costs a statement's whole time. */
const MAX_TIMEOUTS = 3;

/** What became of a batch that failed as a whole. Every event is in exactly one list of `written`, or guilty. */
export interface Isolated {
  readonly written: Written;
  /** Events that fail alone; nothing of them is written. */
  readonly guilty: readonly Guilty<Event>[];
}

/** Tells errors that may be one event's from those that end the transaction; knows how many there were. */
function divider(): (error: unknown, group: readonly unknown[]) => boolean {
  let timeouts = 0;
  return (error, group) => {
    const failure = blame(error);
    if (failure.reconnect) return false;
    if (failure.halve) return group.length > 1 || ++timeouts < MAX_TIMEOUTS;
    return mayBeOneEvents(failure);
  };
}

/**
 * Writes what can be written of a batch that failed as a whole, within the caller's one transaction: groups of its events
 * under savepoints, halved until the guilty stand alone. What needs a row that another group makes is tried again behind
 * it, and parked only when nothing more comes.
 *
 * @param writeGroup resolves, claims and writes a group under a savepoint, and leaves nothing behind where it throws
 * @throws what cannot be one event's: then nothing may be committed
 */
export async function isolate(
  session: Session,
  events: readonly Event[],
  writeGroup: (group: readonly Event[]) => Promise<Written>,
): Promise<Isolated> {
  // A constraint that a transaction checks when it ends would blame nobody: now each statement answers for itself.
  await session.query('SET CONSTRAINTS ALL IMMEDIATE');
  const divides = divider();
  const done: Written[] = [];
  const guilty: Guilty<Event>[] = [];
  const tryAll = async (groups: readonly (readonly Event[])[]): Promise<readonly Waiting[]> => {
    const round = await bisect(groups, writeGroup, divides);
    done.push(...round.done);
    guilty.push(...round.guilty);
    const waiting = round.done.flatMap((one) => one.waiting);
    const madeRows = round.done.some(({ created }) => created.byTable.size > 0);
    // Rows are seen by the groups behind the one that makes them; within a group the order does not matter.
    if (waiting.length === 0 || !madeRows || round.done.length === 1) return waiting;
    return tryAll([waiting.map(({ event }) => event)]);
  };
  const waiting = await tryAll(divided(events));
  const parking = await bisect([waiting], (group) => session.savepoint(() => park(session, group)), divides);
  guilty.push(...parking.guilty.map(({ item, error }) => ({ item: item.event, error })));
  const parked = new Set(parking.done.flat());
  const refused = new Set(parking.guilty.map(({ item }) => item));
  const again = waiting.filter((one) => !parked.has(one) && !refused.has(one)).map(({ event }) => event);
  // Nothing could be written, and something took too long: that says more about the moment than about the events.
  const timeout = guilty.find(({ error }) => blame(error).halve);
  if (timeout && !done.some(({ applied }) => applied.length > 0)) throw timeout.error;
  return { written: { ...sum(done), waiting: [...parked], again }, guilty };
}
