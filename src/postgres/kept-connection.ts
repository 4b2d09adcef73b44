import type { DataSource, QueryRunner } from 'typeorm';
import type { Result } from './session.js';
import type { Statement } from './statements.js';

/** What we use of a connection of the `pg` driver. */
interface Connection {
  query(config: Statement & { rowMode: 'array' }): Promise<{ rows: unknown[][]; rowCount: number | null }>;
  end(): Promise<void>;
}

function isConnection(value: unknown): value is Connection {
  return typeof value === 'object' && value !== null && 'query' in value && 'end' in value;
}

/**
 * One connection that is taken out of the pool and never given back: what is set and locked on it must not come into the
 * hands of others.
 */
export class KeptConnection {
  private last: Promise<unknown> = Promise.resolve();
  private ended = false;

  private constructor(
    private readonly runner: QueryRunner,
    private readonly connection: Connection,
  ) {}

  /** Takes a connection out of the pool. */
  static async open(dataSource: DataSource): Promise<KeptConnection> {
    const runner = dataSource.createQueryRunner();
    const connection: unknown = await runner.connect();
    if (!isConnection(connection)) throw new TypeError('TypeORM gave no connection of the pg driver');
    return new KeptConnection(runner, connection);
  }

  /** Runs a prepared statement, after those that were asked for before: the driver wants one at a time. */
  async run(statement: Statement): Promise<Result> {
    const answer = this.last.then(() => this.connection.query({ ...statement, rowMode: 'array' }));
    this.last = answer.catch(() => undefined);
    const { rows, rowCount } = await answer;
    return { rows, count: rowCount ?? 0 };
  }

  /** Ends the connection and leaves its place in the pool to another. Does not wait for a server that may never answer. */
  end(): void {
    if (this.ended) return;
    this.ended = true;
    // The pool throws away what is ending when it is released, so the order matters.
    this.connection.end().catch(() => undefined);
    this.runner.release().catch(() => undefined);
  }
}
