import type { Event } from '../event/decode.js';
import type { Session } from '../postgres/session.js';
import { has, Keys, type Resolved } from '../tables/resolve.js';
import type { Batch } from './in-flight.js';
import type { Resolver } from './resolver.js';

/** What can be written of a batch, once others have written what they are about to. */
export interface Foreseen extends Resolved {
  /** To be waited for before anything is written, or any id claimed: others must not wait for ours meanwhile. */
  readonly come: () => Promise<void>;
}

/** Rows that were counted on are not there. */
class NotCome extends Error {}

/**
 * Does something with what can be written of a batch, counting on the rows that batches make which began before it: so all
 * that is to be sent is ready when they have ended. Rows of later ones are not counted on, since these may wait for us. Where
 * what was counted on has not come, `work` is called once more, with what is there.
 *
 * @param older batches that began before
 * @param work waits for `come` before it writes
 */
export async function foreseeing<T>(
  resolver: Resolver,
  session: Session,
  events: readonly Event[],
  older: readonly Batch[],
  work: (foreseen: Foreseen) => Promise<T>,
): Promise<T> {
  const counted = new Keys();
  const makers = new Set<Batch>();
  const resolved = await resolver.resolve(session, events, (table, key) => {
    const maker = older.find(({ makes }) => has(makes(), table, key));
    if (!maker) return false;
    makers.add(maker);
    counted.add(table, key);
    return true;
  });
  const come = async () => {
    await Promise.all(Array.from(makers, ({ done }) => done));
    if (!resolver.knows(counted)) throw new NotCome();
  };
  try {
    return await work({ ...resolved, come });
  } catch (error) {
    if (!(error instanceof NotCome)) throw error;
  }
  return work({ ...(await resolver.resolve(session, events)), come: () => Promise.resolve() });
}
