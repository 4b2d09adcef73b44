import type { DataSource, QueryRunner } from 'typeorm';
import { failureOf } from '../failures/failure.js';
import type { Layout } from '../tables/layout.js';
import { layoutOf } from './layouts.js';
import { statement, type Statement } from './statements.js';

/** To be sent together with other statements. */
export const BEGIN = statement('BEGIN', []);
export const COMMIT = statement('COMMIT', []);

/** One row of a result, in the order of the columns asked for. */
export type Tuple = readonly unknown[];

export interface Result {
  readonly rows: readonly Tuple[];
  /** Rows that the statement touched or returned. */
  readonly count: number;
}

/** What we use of a connection of the `pg` driver: its own type has no place for a name and a row mode together. */
interface Connection {
  query(config: { name?: string; text: string; values?: unknown[]; rowMode: 'array' }): Promise<{
    rows: unknown[][];
    rowCount: number | null;
  }>;
  roundTrip(statements: readonly Statement[]): Promise<readonly Result[]>;
}

function isConnection(value: unknown): value is Connection {
  return typeof value === 'object' && value !== null && 'query' in value && 'roundTrip' in value;
}

/** The first error is the one to tell; over a dead connection a rollback fails too. */
async function undoing<T>(work: () => Promise<T>, rollBack: () => Promise<unknown>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await rollBack().catch(() => undefined);
    throw error;
  }
}

/**
 * One connection out of TypeORM's pool. TypeORM begins and ends the transactions; statements go to the driver as
 * prepared ones, which TypeORM's `query` cannot do.
 */
export class Session {
  /** Whether a transaction is under way: then this connection sees rows that nobody else does. */
  inTransaction = false;

  private constructor(
    private readonly runner: QueryRunner,
    readonly connection: Connection,
    /** How the tables lie that it writes. */
    readonly layout: Layout,
  ) {}

  /** Takes a connection, runs `work` with it, and gives it back, whatever happens. */
  static async with<T>(dataSource: DataSource, work: (session: Session) => Promise<T>): Promise<T> {
    const runner = dataSource.createQueryRunner();
    try {
      const connection: unknown = await runner.connect();
      if (!isConnection(connection)) throw new TypeError('TypeORM gave no connection of the pg driver');
      return await work(new Session(runner, connection, layoutOf(dataSource)));
    } finally {
      // A connection that is gone cannot be given back; the pool notices by itself.
      await runner.release().catch(() => undefined);
    }
  }

  async run({ name, text, values }: Statement): Promise<Result> {
    const { rows, rowCount } = await this.connection.query({ name, text, values, rowMode: 'array' });
    return { rows, count: rowCount ?? 0 };
  }

  /**
   * Sends statements together and waits once; outside a transaction they are one of their own. Their parameters are bytes.
   *
   * @returns what each has come to; values are text
   * @throws what the first that fails says; none has had an effect then
   */
  async together(statements: readonly Statement[]): Promise<readonly Result[]> {
    return statements.length === 0 ? [] : this.connection.roundTrip(statements);
  }

  /** A statement that runs too seldom to be prepared. */
  async query(text: string, values: unknown[] = []): Promise<Result> {
    const { rows, rowCount } = await this.connection.query({ text, values, rowMode: 'array' });
    return { rows, count: rowCount ?? 0 };
  }

  /** Runs `work` in a transaction: committed when it resolves, rolled back when it throws. */
  async transaction<T>(work: () => Promise<T>): Promise<T> {
    return this.within(async () => {
      const result = await this.begun(work);
      await this.runner.commitTransaction();
      return result;
    });
  }

  /**
   * Runs `work`, which sends BEGIN and COMMIT itself, together with its first and its last statements; rolls back when it
   * throws.
   */
  async ownTransaction<T>(work: () => Promise<T>): Promise<T> {
    return this.within(() => undoing(work, () => this.query('ROLLBACK')));
  }

  /** Runs `work` in a transaction that is rolled back, whatever it did. */
  async rehearsal<T>(work: () => Promise<T>): Promise<T> {
    return this.within(async () => {
      const result = await this.begun(work);
      await this.runner.rollbackTransaction();
      return result;
    });
  }

  private async begun<T>(work: () => Promise<T>): Promise<T> {
    await this.runner.startTransaction();
    return undoing(work, () => this.runner.rollbackTransaction());
  }

  private async within<T>(transaction: () => Promise<T>): Promise<T> {
    this.inTransaction = true;
    try {
      return await transaction();
    } finally {
      this.inTransaction = false;
    }
  }

  /** Runs `work` within the transaction under way; where it throws, what it wrote is undone and the transaction goes on. */
  async savepoint<T>(work: () => Promise<T>): Promise<T> {
    await this.query('SAVEPOINT before_group');
    let result: T;
    try {
      result = await work();
    } catch (error) {
      const lost: unknown = await this.query('ROLLBACK TO SAVEPOINT before_group').then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      // A transaction that cannot go on must not be taken for one that can: the first error may be no more than an event's.
      throw lost === undefined || failureOf(error).reconnect ? error : lost;
    }
    await this.query('RELEASE SAVEPOINT before_group');
    return result;
  }
}
