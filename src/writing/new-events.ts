import { faultOf } from '../failures/failure.js';
import { park } from '../postgres/parked.js';
import type { ProcessedEvents } from '../postgres/processed.js';
import { BEGIN, COMMIT, type Session } from '../postgres/session.js';
import type { Statement } from '../postgres/statements.js';
import { applyChanges, statementsOfNew } from '../tables/apply.js';
import { fold, type Changes } from '../tables/fold.js';
import type { Table } from '../tables/table.js';
import { pure } from './blame.js';
import type { Foreseen } from './foresight.js';
import { Guess } from './guess.js';
import type { Written } from './written.js';

const UNIQUE_VIOLATION = '23505';
/** What a COPY is told where the rows of a table are under policies (row-level security). */
const NOT_SUPPORTED = '0A000';

/** The table of which a unique index says that a row was there already; undefined where it was something else that failed. */
function presentIn(error: unknown): string | undefined {
  const { sqlState, table } = faultOf(error) ?? {};
  return sqlState === UNIQUE_VIOLATION ? table : undefined;
}

/** Whether that is one of the partitions that hold the ids. */
function holdsIds(table: string | undefined): boolean {
  return table?.startsWith('processed_events') ?? false;
}

/** What can be written of a batch, and only if a condition holds. */
export interface Attempt extends Foreseen {
  /** Fails where it does not hold. */
  readonly condition?: Statement | undefined;
}

/** Parks what waits of a batch, within the transaction that wrote the rest. */
export async function parkWaiting(session: Session, written: Written): Promise<Written> {
  if (written.waiting.length === 0) return written;
  const parked = new Set(await park(session, written.waiting));
  const again = written.waiting.filter((one) => !parked.has(one)).map(({ event }) => event);
  return { ...written, waiting: [...parked], again };
}

/**
 * Writes batches as if none of their events had been processed, which most have not: neither Redis nor PostgreSQL is asked
 * first. And, as long as that is so too, as if none of the rows that they create were there: then all goes in one round
 * trip, which is a transaction. A unique index says so where it is wrong, and nothing is written then.
 */
export class NewEvents {
  /** Of what comes, and of what is left of that once Redis was asked. */
  private readonly ids = { asked: new Guess(), unasked: new Guess() };
  /** Whether a table's rows are new: of posts most are, of the conversations that messages name hardly any. */
  private readonly rows: ReadonlyMap<string, Guess>;
  /** Whether many rows may be copied, as far as we know. */
  private mayCopy = true;

  constructor(
    private readonly tables: readonly Table[],
    private readonly processed: ProcessedEvents,
  ) {
    this.rows = new Map(tables.map(({ name }) => [name, new Guess()]));
  }

  /**
   * Whether a batch is worth a try; to be asked once for each.
   *
   * @param redis whether Redis was asked which of its events were processed, and those left out
   */
  areLikely(redis: 'asked' | 'unasked'): boolean {
    return this.ids[redis].isWorthIt();
  }

  /**
   * Writes what can be written of a batch, and parks the rest.
   *
   * @param redis as `areLikely` was asked
   * @returns undefined, and nothing is written, where events were processed before
   * @throws whatever else the database says, or Bug; nothing is written then
   */
  async write(session: Session, attempt: Attempt, redis: 'asked' | 'unasked'): Promise<Written | undefined> {
    if (attempt.applicable.length === 0) return undefined;
    try {
      const written = await this.writeFolded(session, attempt);
      this.ids[redis].held();
      return written;
    } catch (error) {
      if (!holdsIds(presentIn(error))) throw error;
      this.ids[redis].failed();
      return undefined;
    }
  }

  private async writeFolded(session: Session, attempt: Attempt): Promise<Written> {
    const changes = pure(() => fold(attempt.applicable));
    // Without BEGIN it would be up to Citus what is one transaction.
    if (attempt.waiting.length > 0 || session.layout === 'distributed') {
      return this.writeRows(session, attempt, changes);
    }
    const guesses = this.guessesOf(changes);
    // Each is asked, also where one says no: the others have had their chance.
    if (guesses.filter((guess) => !guess.isWorthIt()).length > 0) return this.writeRows(session, attempt, changes);
    const written = await this.writeNewRows(session, attempt, changes);
    for (const guess of written ? guesses : []) guess.held();
    // The try has used up what was folded.
    return (
      written ??
      this.writeRows(
        session,
        attempt,
        pure(() => fold(attempt.applicable)),
      )
    );
  }

  /** In one round trip; undefined where rows are there. */
  private async writeNewRows(session: Session, attempt: Attempt, changes: Changes): Promise<Written | undefined> {
    const { applicable, waiting, repeated, collisions, come } = attempt;
    const { mayCopy } = this;
    const { statements, created } = statementsOfNew(this.tables, changes, mayCopy);
    const first = this.first(attempt);
    await come();
    try {
      await session.together([...first, ...statements]);
    } catch (error) {
      if (mayCopy && faultOf(error)?.sqlState === NOT_SUPPORTED) {
        this.mayCopy = false;
        return undefined;
      }
      const wrong = this.rows.get(presentIn(error) ?? '');
      if (!wrong) throw error;
      wrong.failed();
      return undefined;
    }
    return { applied: applicable, duplicates: repeated, collisions, waiting, created, ties: changes.ties };
  }

  /** What is sent before the rows. The condition is met when the ids are claimed, not a moment before. */
  private first({ applicable, condition }: Attempt): readonly Statement[] {
    return [this.processed.claimNew(applicable), ...(condition ? [condition] : [])];
  }

  private guessesOf({ byTable }: Changes): Guess[] {
    return [...byTable].flatMap(([{ name }, { inserts }]) => (inserts.size > 0 ? (this.rows.get(name) ?? []) : []));
  }

  /** In one transaction, whether or not the rows are there. */
  private async writeRows(session: Session, attempt: Attempt, changes: Changes): Promise<Written> {
    const { applicable, waiting, repeated, collisions, come } = attempt;
    const around = {
      first: [BEGIN, ...this.first(attempt)],
      last: waiting.length === 0 ? [COMMIT] : [],
      come,
      // Where tables are distributed it is known already what is there.
      areThere: ({ name }: Table) => session.layout === 'whole' && (this.rows.get(name)?.isDoubtful ?? false),
    };
    return session.ownTransaction(async () => {
      const { created, ties } = await applyChanges(session, this.tables, changes, around);
      const written = { applied: applicable, duplicates: repeated, collisions, waiting, created, ties };
      if (waiting.length === 0) return written;
      const parked = await parkWaiting(session, written);
      await session.run(COMMIT);
      return parked;
    });
  }
}
