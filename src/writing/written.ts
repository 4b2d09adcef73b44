import type { Event } from '../event/decode.js';
import { Keys, type RowKeys, type Waiting } from '../tables/resolve.js';

/** What became of the events of one transaction. Every event is in exactly one of the lists. */
export interface Written {
  readonly applied: readonly Event[];
  readonly duplicates: readonly Event[];
  /** Events under an id that was processed with other content; they have no effect. */
  readonly collisions: readonly Event[];
  readonly waiting: readonly Waiting[];
  /** Those of the duplicates that wait, as they did when they were delivered before. */
  readonly again?: readonly Event[];
  /** Rows that are new, in tables that others refer to or wait for. */
  readonly created: RowKeys;
  readonly ties: number;
  /** Where events are applied again: rows that did not hold what they last said. */
  readonly repaired?: number;
  /** How long it took, in seconds; absent where there was nothing to write. */
  readonly seconds?: number;
}

/** The transaction was rolled back: these events collide, and others of the batch counted on their rows. */
export class Collided extends Error {
  constructor(readonly events: readonly Event[]) {
    super('events collide with processed ones');
  }
}

/** What several parts of a batch have come to. */
export function sum(all: readonly Written[]): Written {
  const created = new Keys();
  for (const one of all) created.addAll(one.created);
  return {
    applied: all.flatMap(({ applied }) => applied),
    duplicates: all.flatMap(({ duplicates }) => duplicates),
    collisions: all.flatMap(({ collisions }) => collisions),
    waiting: all.flatMap(({ waiting }) => waiting),
    created,
    ties: all.reduce((ties, one) => ties + one.ties, 0),
    repaired: all.reduce((repaired, one) => repaired + (one.repaired ?? 0), 0),
  };
}

/** The outcome of a batch that was processed before. */
export function nothingBut(duplicates: readonly Event[]): Written {
  return { applied: [], duplicates, collisions: [], waiting: [], created: new Keys(), ties: 0 };
}
