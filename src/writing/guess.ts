import { codeOf } from '../errors.js';
import type { ProcessedEvents } from '../postgres/processed.js';
import type { Session } from '../postgres/session.js';
import { statementsOfNew } from '../tables/apply.js';
import { fold } from '../tables/fold.js';
import type { Resolved } from '../tables/resolve.js';
import type { Table } from '../tables/table.js';
import { pure } from './blame.js';
import type { Written } from './written.js';

const UNIQUE_VIOLATION = '23505';

/** After this many batches at the most another guess is made. */
const LONGEST_PAUSE = 64;

/**
 * Writes batches as if all of them were new, which most are: neither Redis nor PostgreSQL is asked first, and all statements
 * go in one round trip. Where the guess is wrong, a unique index says so, nothing is written, and the try was for nothing; so
 * the next is made some batches later: one, then two, then four. A stream of redeliveries costs next to nothing by it.
 */
export class Guess {
  private pause = 1;
  private left = 0;

  constructor(
    private readonly tables: readonly Table[],
    private readonly processed: ProcessedEvents,
  ) {}

  /** Whether the guess is worth a try; to be asked once for each batch. */
  isWorthIt(): boolean {
    if (this.left === 0) return true;
    this.left--;
    return false;
  }

  /**
   * Writes what can be written of a batch, in one transaction.
   *
   * @returns undefined, and nothing is written, where the guess is wrong or some of the batch has to wait
   * @throws whatever else the database says, or Bug; nothing is written then
   */
  async write(session: Session, { applicable, waiting, repeated, collisions }: Resolved): Promise<Written | undefined> {
    if (waiting.length > 0 || applicable.length === 0) return undefined;
    const changes = pure(() => fold(applicable));
    const { statements, created } = statementsOfNew(this.tables, changes);
    try {
      await session.together([this.processed.claimNew(applicable), ...statements]);
    } catch (error) {
      if (codeOf(error) !== UNIQUE_VIOLATION) throw error;
      this.left = this.pause;
      this.pause = Math.min(this.pause * 2, LONGEST_PAUSE);
      return undefined;
    }
    this.pause = 1;
    return { applied: applicable, duplicates: repeated, collisions, waiting: [], created, ties: changes.ties };
  }
}
