/**
 * What a failure says about: the moment (`transient`), a row that is not there yet (`dependency`), the event (`data`),
 * our own code (`bug`), or the database as a whole (`systemic`). `unknown` may be either.
 */
export type FailureClass = 'transient' | 'dependency' | 'data' | 'bug' | 'systemic' | 'unknown';

/** One row of the table of errors: what it matches, which class that is, and why. */
export interface Fault {
  /**
   * What `match` is compared with: a SQLSTATE by its beginning, of which the longest that fits decides; the code of a
   * system or library error (kafkajs calls it `type`), the name of its class, or the beginning of its message.
   */
  readonly of: 'SQLSTATE' | 'code' | 'name' | 'message';
  readonly match: readonly string[];
  /** Only where PostgreSQL names a table that events write, or one of the writer's own (schema dbw). */
  readonly table?: 'of events' | 'of dbw';
  readonly class: Exclude<FailureClass, 'unknown'>;
  /** Why it belongs to its class, for people. */
  readonly reason: string;
  /** Half of the batch may succeed where all of it does not: it is halved before it is tried again. */
  readonly halve?: true;
  /** The connection leads to the wrong server, or nowhere: it is thrown away. */
  readonly reconnect?: true;
  /** What the operator does now; every systemic fault has one. */
  readonly remedy?: string;
}
