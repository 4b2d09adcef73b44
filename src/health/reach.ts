/** A server may be silent for so long before it counts as away. */
const SILENT_MS = 15_000;

/** The reason of a server that was not asked yet. */
export const NOT_YET = 'not connected yet';

/** Whether a server answers, by what was heard from it last. */
export class Reach {
  private heardAt: number | undefined;
  private failure: { readonly reason: string; readonly since: number } | undefined;

  constructor(private readonly now: () => number = Date.now) {}

  /** It answered. Returns whether it did not before. */
  heard(): boolean {
    const wasAway = this.failure !== undefined;
    this.heardAt = this.now();
    this.failure = undefined;
    return wasAway;
  }

  /** A question failed. Returns whether it answered before. */
  failed(reason: string): boolean {
    const answered = this.failure === undefined;
    this.failure = { reason, since: this.failure?.since ?? this.now() };
    return answered;
  }

  get connected(): boolean {
    return this.heardAt !== undefined && this.failure === undefined && this.now() - this.heardAt < SILENT_MS;
  }

  /** Why it counts as away; undefined where it answers. */
  get reason(): string | undefined {
    if (this.connected) return undefined;
    if (this.failure) return this.failure.reason;
    return this.heardAt === undefined ? NOT_YET : 'it does not answer';
  }

  /** When it was last heard, in milliseconds since 1970. */
  get lastHeard(): number | undefined {
    return this.heardAt;
  }
}
