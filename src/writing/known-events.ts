import type { Event } from '../event/decode.js';
import { askIdentity, identityOf, type Identity } from '../postgres/identity.js';
import type { Session } from '../postgres/session.js';
import type { Marks } from './marks.js';

/** The events of a batch, those that Redis knows apart from the others. */
export interface Sifted {
  readonly identity: Identity;
  readonly marked: readonly Event[];
  readonly unmarked: readonly Event[];
}

/** Those events that are not among others. */
export function except(events: readonly Event[], others: ReadonlySet<Event>): readonly Event[] {
  return others.size === 0 ? events : events.filter((event) => !others.has(event));
}

/** Which events are known to be processed in the very database that a connection leads to. */
export class KnownEvents {
  private identity: Identity | undefined;

  /**
   * @param marks absent where nothing is to be believed
   * @param onElsewhere told when a connection leads to another database than the one before
   */
  constructor(
    private readonly marks: Pick<Marks, 'known'> | undefined,
    private readonly onElsewhere: () => void,
  ) {}

  /** Which database a connection leads to, as far as we know. */
  async placeOf(session: Session): Promise<Identity> {
    return this.isAt(await identityOf(session));
  }

  private isAt(identity: Identity): Identity {
    if (identity !== this.identity) this.onElsewhere();
    this.identity = identity;
    return identity;
  }

  /** Events that Redis knows to be processed in a database. */
  async believed(events: readonly Event[], identity: Identity): Promise<ReadonlySet<Event>> {
    return (await this.marks?.known(events, identity)) ?? new Set();
  }

  /** Leaves out what is believed to be processed, if this connection leads to that database now and not only a while ago. */
  async confirmed(
    session: Session,
    events: readonly Event[],
    believed: ReadonlySet<Event>,
    identity: Identity,
  ): Promise<Sifted> {
    if (believed.size === 0) return { identity, marked: [], unmarked: events };
    // Only now that something is believed, it is worth a round trip to be sure that tables were not made anew meanwhile.
    const now = this.isAt(await askIdentity(session));
    if (now !== identity) return { identity: now, marked: [], unmarked: events };
    return { identity, marked: [...believed], unmarked: except(events, believed) };
  }

  /** Leaves out what Redis knows to be processed in the database that this connection leads to. */
  async sift(session: Session, events: readonly Event[]): Promise<Sifted> {
    const identity = await this.placeOf(session);
    return this.confirmed(session, events, await this.believed(events, identity), identity);
  }
}
