import type { Envelope } from '../model.js';
import type { Random } from './random.js';

/** What has happened so far on the imagined platform, as far as it matters for what may happen next. */
export class World {
  readonly events: Envelope[] = [];
  /** Users that were not deleted; the first are the popular ones. */
  readonly users: string[] = [];
  readonly follows: [string, string][] = [];
  readonly blocks: [string, string][] = [];
  readonly posts: { postId: string; authorId: string; comments: string[] }[] = [];
  readonly likes: { postId: string; userId: string }[] = [];
  readonly transactions: { transactionId: string; userId: string; cents: number; refunded: number }[] = [];
  readonly wallets = new Map<string, { balance: number; earned: number; withdrawn: number }>();
  readonly subscriptions: { subscriptionId: string; userId: string; periodEnd: number }[] = [];
  readonly skills: string[] = [];
  readonly userSkills: [string, string][] = [];
  readonly conversations: { conversationId: string; members: [string, string]; messages: string[] }[] = [];

  constructor(
    readonly random: Random,
    /** The time, in milliseconds; it passes with every event. */
    public now: number,
  ) {}

  /** Lets an event happen, a moment after the last one. */
  emit(eventType: string, data: Record<string, unknown>): void {
    this.now += 1 + this.random.below(10_000);
    const timestamp = this.stamp();
    const eventId = this.random.chance(0.9) ? this.random.uuid() : `evt-${this.now}-${this.random.word(7)}`;
    // Some producers repeat the time in the data, where nobody reads it.
    const repeated = this.random.chance(0.2) ? { createdAt: timestamp } : {};
    this.events.push({ eventId, eventType, timestamp, data: { ...data, ...repeated } });
  }

  /** Ids come from several generations of producers. */
  id(kind: string): string {
    const { random } = this;
    return random.chance(0.6) ? random.uuid() : `${kind}-${this.now}-${random.word(7)}`;
  }

  /** A user, more often a popular one. */
  someone(): string {
    return this.random.favourite(this.users);
  }

  /** Any user but this one. */
  another(than: string): string {
    for (;;) {
      const user = this.random.pick(this.users);
      if (user !== than) return user;
    }
  }

  /** A time that lies so many days from now. */
  later(days: number): string {
    return new Date(this.now + Math.round(days * 86_400_000)).toISOString();
  }

  /** Either the field, or null, or nothing: what a producer may do with what it does not know. */
  maybe(field: string, value: unknown): Record<string, unknown> {
    const { random } = this;
    return random.chance(0.6) ? { [field]: value } : random.chance(0.3) ? { [field]: null } : {};
  }

  private stamp(): string {
    const { random } = this;
    // Never .5 ms and beyond: that half belongs to messages that are strewn in later.
    const micros = random.chance(0.1) ? String(random.below(500)).padStart(3, '0') : '';
    const hours = random.chance(0.05) ? 8 : 0;
    const local = new Date(this.now + hours * 3_600_000).toISOString().slice(0, -1);
    return `${local}${micros}${hours ? '+08:00' : 'Z'}`;
  }
}

/** Something that may happen; false when the world is not ready for it. */
export type Action = (world: World) => boolean;

/** How often something happens, compared with the rest. */
export type Actions = Record<string, readonly [weight: number, act: Action]>;
