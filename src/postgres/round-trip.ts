import type pg from 'pg';
import type { Result } from './session.js';
import type { Statement } from './statements.js';

type Done = (error: Error | null, results?: Result[]) => void;

/** The statements that a connection has prepared in round trips: their names are none that others use. */
const preparedOn = new WeakMap<object, Set<string>>();

const SYNC = Buffer.from([0x53, 0, 0, 0, 4]);

/** One message of the protocol: its letter, its length, what it says. */
function message(letter: string, ...parts: readonly Buffer[]): Buffer[] {
  const head = Buffer.allocUnsafe(5);
  head.write(letter, 0, 'latin1');
  head.writeInt32BE(
    parts.reduce((sum, part) => sum + part.length, 4),
    1,
  );
  return [head, ...parts];
}

function int32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeInt32BE(value);
  return bytes;
}

/** Each parameter in binary form, all results as text. */
function bind(name: string, values: readonly unknown[]): Buffer[] {
  const count = [values.length >> 8, values.length & 255];
  const parts: Buffer[] = [Buffer.from(`\0${name}\0`), Buffer.from([0, 1, 0, 1, ...count])];
  for (const value of values) if (Buffer.isBuffer(value)) parts.push(int32(value.length), value);
  parts.push(Buffer.from([0, 0]));
  return message('B', ...parts);
}

/** What we use of the driver's connection, which hands itself to what is to be submitted. */
interface Wire {
  readonly stream: { write(bytes: Buffer): unknown };
}

/**
 * Prepared statements that are sent together and answered together. Outside a transaction they are one: the protocol
 * commits what came before its Sync message, or nothing of it (PostgreSQL's documentation, "Pipelining"). That saves a wait
 * for each statement, and BEGIN and COMMIT. The driver takes it as it takes a cursor: one at a time, like a query.
 *
 * Their parameters are bytes, and their results text.
 */
export class RoundTrip implements pg.Submittable {
  private readonly results: Result[] = [];
  private rows: unknown[][] = [];
  private failure: Error | undefined;
  private wire: object | undefined;

  /**
   * @param callback told once; the driver puts its own before it where there is a time limit
   * @throws TypeError where a parameter is something else than bytes
   */
  constructor(
    private readonly statements: readonly Statement[],
    private callback: Done,
  ) {
    // Not when it is sent: the driver would be left in the middle of it.
    if (statements.some(({ values }) => !values.every((value) => Buffer.isBuffer(value)))) {
      throw new TypeError('a parameter of a round trip is bytes');
    }
  }

  /** Called by the driver when it is our turn. */
  submit(connection: pg.Connection): void {
    const { stream }: Wire = connection;
    this.wire = connection;
    const prepared = preparedOn.get(connection) ?? new Set<string>();
    preparedOn.set(connection, prepared);
    const sent = new Set<string>();
    const parts: Buffer[] = [];
    for (const { name, text, values, copied } of this.statements) {
      const own = nameOf(name);
      if (!prepared.has(name) && !sent.has(name)) {
        // A round trip that failed may have prepared it.
        parts.push(...message('C', Buffer.from(`S${own}\0`)));
        parts.push(...message('P', Buffer.from(`${own}\0${text}\0\0\0`)));
        sent.add(name);
      }
      parts.push(...bind(own, values), ...message('E', Buffer.from([0, 0, 0, 0, 0])));
      if (copied) parts.push(...message('d', copied), ...message('c'));
    }
    parts.push(SYNC);
    stream.write(Buffer.concat(parts));
  }

  handleRowDescription(): void {
    // Nobody asks for it.
  }

  handleDataRow({ fields }: { readonly fields: unknown[] }): void {
    this.rows.push(fields);
  }

  handleCommandComplete({ text }: { readonly text: string }): void {
    this.results.push({ rows: this.rows, count: Number(/\d+$/.exec(text)?.[0] ?? 0) });
    this.rows = [];
  }

  handleCopyInResponse(): void {
    // What it asks for was sent with it; after an error the server passes over that.
  }

  handleEmptyQuery(): void {
    this.handleCommandComplete({ text: '' });
  }

  handlePortalSuspended(): void {
    // There is no limit of rows.
  }

  /** What the server says of a statement, or the driver of the connection; the server passes over what follows. */
  handleError(error: Error): void {
    this.failure = error;
    this.callback(error);
  }

  handleReadyForQuery(): void {
    if (this.failure) return;
    const prepared = this.wire && preparedOn.get(this.wire);
    for (const { name } of this.statements) prepared?.add(name);
    this.callback(null, this.results);
  }
}

/** Not the name that the driver prepares the same text under. */
function nameOf(name: string): string {
  return `${name}_t`;
}
