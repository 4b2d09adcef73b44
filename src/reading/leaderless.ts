import type { Logger } from 'pino';
import { namesOf, type Place } from '../kafka/leaders.js';

interface Parts {
  readonly hold: (at: Place) => void;
  readonly release: (at: Place) => void;
  readonly log: Logger;
}

function nameOf({ topic, partition }: Place): string {
  return `${topic}:${partition}`;
}

/** Partitions of this process that no broker leads: they are held, and told, until somebody does. */
export class Leaderless {
  private known: ReadonlyMap<string, Place> = new Map();

  constructor(private readonly parts: Parts) {}

  get list(): readonly Place[] {
    return [...this.known.values()];
  }

  has(at: Place): boolean {
    return this.known.has(nameOf(at));
  }

  /** @param unled those of this process that have no leader now */
  see(unled: readonly Place[]): void {
    const { hold, release, log } = this.parts;
    const before = this.known;
    this.known = new Map(unled.map((at) => [nameOf(at), at]));
    const fresh = unled.filter((at) => !before.has(nameOf(at)));
    const over = [...before.values()].filter((at) => !this.has(at));
    fresh.forEach(hold);
    over.forEach(release);
    const what = 'no broker leads some partitions: they wait, the others go on; bring their broker back';
    if (fresh.length > 0) log.error({ partitions: unled.length, first: namesOf(fresh) }, what);
    if (over.length > 0) log.info({ partitions: unled.length, first: namesOf(over) }, 'partitions have a leader again');
  }
}
