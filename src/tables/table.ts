import type { Column } from './column.js';

/** A row on its way to PostgreSQL. Times are microseconds, money is decimal text, jsonb is any JSON value. */
export type Row = Record<string, unknown>;

type Columns = Readonly<Record<string, Column<unknown>>>;
type Optional<C extends Columns> = { [K in keyof C]: undefined extends C[K]['type'] ? K : never }[keyof C];
/** A row as a handler writes it: columns that may be null or have a default may be left out. */
export type RowOf<C extends Columns> = { [K in Exclude<keyof C, Optional<C>>]: C[K]['type'] } & {
  [K in Optional<C>]?: C[K]['type'];
};

/**
 * One thing that an event says about one row.
 * - `insert`: the row was created with these values (the earliest creation holds);
 * - `set`: these columns of a row that exists hold these values (per column the latest holds);
 * - `put`: the whole row holds these values (the latest holds), made where it does not exist.
 */
export interface Change {
  readonly verb: 'insert' | 'set' | 'put';
  readonly table: Table;
  readonly row: Row;
}

/** A column of a parent row that holds how many rows of this table point to it. */
export interface Count {
  readonly by: string;
  readonly in: Table;
  readonly as: string;
}

export interface Reference {
  readonly column: string;
  readonly parent: Table;
}

interface Declaration<C extends Columns> {
  readonly key: readonly (keyof C & string)[];
  /** The time of the creation that made the row; absent where the latest whole row wins. */
  readonly created?: keyof C & string;
  /**
   * The column that says on which node a row lies, where the tables are spread over several: the row's owner. It is given by
   * the creation. A table without one is copied to every node.
   */
  readonly distributeBy?: keyof C & string;
  readonly columns: C;
  readonly counts?: readonly Count[];
  /** Names of the indexes that the migrations make; TypeORM cannot express partial and descending ones. */
  readonly indexes?: readonly string[];
  /** Check constraints by their suffix: `{ role: '…' }` is `<table>_role_check`. */
  readonly checks?: Readonly<Record<string, string>>;
}

/** One table that readers see: its columns, key, parents and counters. All that the statements below it know. */
export class Table<C extends Columns = Columns> {
  readonly key: readonly string[];
  readonly created: string | undefined;
  readonly distributeBy: string | undefined;
  /** The column that says where a row lies, where the key does not: rows of such tables may move from one node to another. */
  readonly owner: string | undefined;
  readonly columns: ReadonlyMap<string, Column<unknown>>;
  /** Version columns, each with the columns that it decides. */
  readonly versions: ReadonlyMap<string, readonly string[]>;
  readonly references: readonly Reference[];
  readonly counts: readonly Count[];
  readonly indexes: readonly string[];
  readonly checks: Readonly<Record<string, string>>;
  /** Whether events may need one of its rows: a parent, or the target of a `set`. */
  readonly isAwaitable: boolean;
  /** Columns of an insert: all but the counters, the version columns last. */
  readonly insertable: readonly string[];
  /** Columns of which the greatest or the least that any event brought holds. */
  readonly extremes: readonly string[];

  constructor(
    readonly name: string,
    declaration: Declaration<C>,
  ) {
    this.key = declaration.key;
    this.created = declaration.created;
    const { distributeBy } = declaration;
    this.distributeBy = distributeBy;
    this.owner = distributeBy !== undefined && !declaration.key.includes(distributeBy) ? distributeBy : undefined;
    // Both have one key column and a creation.
    this.isAwaitable = declaration.key.length === 1 && declaration.created !== undefined;
    this.columns = new Map(Object.entries(declaration.columns));
    this.counts = declaration.counts ?? [];
    this.indexes = declaration.indexes ?? [];
    this.checks = declaration.checks ?? {};
    const versions = new Map<string, string[]>();
    const references: Reference[] = [];
    for (const [name, column] of this.columns) {
      if (column.rule === 'versioned') {
        const by = column.versionedBy ?? `${name}_v`;
        versions.set(by, [...(versions.get(by) ?? []), name]);
      }
      if (column.parent) references.push({ column: name, parent: column.parent === 'self' ? this : column.parent });
    }
    if (this.created === undefined) versions.set('version', []);
    this.versions = versions;
    this.references = references;
    const named = [...this.columns].filter(([, column]) => column.rule !== 'counter').map(([name]) => name);
    this.insertable = [...named, ...versions.keys()];
    this.extremes = named.filter((name) => ['latest', 'earliest'].includes(this.columns.get(name)?.rule ?? ''));
  }

  /** The row was created with these values. */
  insert(row: RowOf<C>): Change {
    return { verb: 'insert', table: this, row };
  }

  /** These columns of the row with this key hold these values; undefined leaves a column alone. */
  set(key: Partial<RowOf<C>>, values: { [K in keyof RowOf<C>]?: RowOf<C>[K] | undefined }): Change {
    return { verb: 'set', table: this, row: { ...key, ...values } };
  }

  /** The whole row holds these values. */
  put(row: RowOf<C>): Change {
    return { verb: 'put', table: this, row };
  }

  /** One text for a row's key. NUL cannot be part of an id, so it keeps the parts apart. */
  keyOf(row: Row): string {
    const [first = '', second] = this.key;
    return second === undefined ? String(row[first]) : `${String(row[first])}\0${String(row[second])}`;
  }

  /** The version column that decides a versioned column. */
  versionOf(column: string): string | undefined {
    for (const [by, columns] of this.versions) if (columns.includes(column)) return by;
    return undefined;
  }
}

/** Declares a table. */
export function table<const C extends Columns>(name: string, declaration: Declaration<C>): Table<C> {
  return new Table(name, declaration);
}
