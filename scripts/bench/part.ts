// What one part of the measurement is, for the command that runs them.
import type { Measured, Way } from './rounds.js';

/** What was asked for on the command line. */
export interface Asked {
  /** Events of most measurements. */
  readonly events: number;
  readonly rounds: number;
  /** Letters that are summed up. */
  readonly letters: number;
  /** Rows that are there already, at the most. */
  readonly rows: number;
  /** Names of parts. */
  readonly only: ReadonlySet<string>;
}

export interface Part {
  /** What it is called on the command line; a part of several names does of itself what was asked for. */
  readonly names: readonly string[];
  /** The heading of its table. */
  readonly title: string;
  /** What its ways are compared by: the first one's rate, the cost of an event from one size to the next, or nothing. */
  readonly compared?: 'rate' | 'growth';
  /** How long it takes on two cores, roughly. */
  readonly seconds: (asked: Asked) => number;
  /**
   * @param measure runs ways in rounds, and tells of each
   * @param tell takes a line of progress
   */
  readonly run: (
    asked: Asked,
    measure: (ways: readonly Way[]) => Promise<Measured[]>,
    tell: (line: string) => void,
  ) => Promise<Measured[]>;
}
