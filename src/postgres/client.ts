import pg from 'pg';
import { failureOf } from '../failures/failure.js';
import { RoundTrip } from './round-trip.js';
import type { Result } from './session.js';
import type { Statement } from './statements.js';

/**
 * A connection that ends itself when an answer says that it leads nowhere, or to the wrong server: the pool takes none back
 * that has ended. Whoever uses the pool is safe by this, whether through a session or through TypeORM. After a time-out of
 * pg's own the server may still be busy with the statement, and would answer the next one with the result of that.
 */
export class MortalClient extends pg.Client {
  constructor(config?: pg.ClientConfig) {
    super(config);
    // A server that shuts down may say so in one piece with "ready": after the pool has stopped to listen, and before who asked
    // for the connection does. Nobody would hear the error, and that ends a process. Whatever is sent next fails by it.
    this.on('error', () => undefined);
    const query: unknown = Reflect.get(this, 'query');
    if (typeof query !== 'function') throw new TypeError('pg has no Client.query');
    // Defined and not overridden: `query` has a dozen overloads, and only the promise of the answer concerns us.
    Object.defineProperty(this, 'query', {
      value: (...args: unknown[]): unknown => {
        const answer: unknown = Reflect.apply(query, this, args);
        return answer instanceof Promise ? answer.catch((error: unknown) => this.judge(error)) : answer;
      },
    });
  }

  /** Sends statements together: see `RoundTrip`. */
  roundTrip(statements: readonly Statement[]): Promise<readonly Result[]> {
    return new Promise<readonly Result[]>((resolve, reject) => {
      this.query(
        new RoundTrip(statements, (error, results = []) => {
          if (error) reject(error);
          else resolve(results);
        }),
      );
    }).catch((error: unknown) => this.judge(error));
  }

  /** @throws the error that it was given */
  private judge(error: unknown): never {
    // It ends at once where a statement is under way: the connection is cut, whether or not anybody hears of it.
    if (failureOf(error).reconnect) this.end().catch(() => undefined);
    throw error;
  }
}
