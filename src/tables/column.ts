import type { Decimal } from '../event/money.js';
import type { Table } from './table.js';
import type { AnyMicros } from '../event/time.js';

export type SqlType = 'text' | 'timestamptz' | 'numeric' | 'jsonb' | 'boolean' | 'integer' | 'smallint' | 'character';

/** How a column's value is decided when several events speak of it. */
export type Rule =
  | 'creation' // what the earliest creation of the row said
  | 'versioned' // what the latest change that names it said; before any change, what the creation said
  | 'latest' // the greatest time that any event brought
  | 'earliest' // the least time that any event brought
  | 'counter'; // the number of rows that point here

/** What a row that says nothing for a column holds; also its default in the database. */
export type Initial = string | number | boolean | readonly never[];

interface Traits {
  readonly nullable?: boolean;
  readonly rule?: Rule;
  readonly initial?: Initial;
  readonly versionedBy?: string | undefined;
  readonly parent?: Table | 'self';
}

/** A column as one table declares it; immutable, every method returns another column. */
export class Column<T> {
  declare readonly type: T;

  private constructor(
    readonly sql: SqlType,
    private readonly traits: Traits = {},
  ) {}

  static text = () => new Column<string>('text');
  static time = () => new Column<AnyMicros>('timestamptz');
  static money = () => new Column<Decimal>('numeric');
  static json = () => new Column<unknown>('jsonb');
  static flag = () => new Column<boolean>('boolean');
  static integer = () => new Column<number>('integer');
  static small = () => new Column<number>('smallint');
  /** `char(3)`, an ISO 4217 code. */
  static currency = () => new Column<string>('character');
  /** The number of rows of other tables that point to this row; written only by what counts them. */
  static counter = () => new Column<undefined>('integer', { rule: 'counter', initial: 0 });

  get nullable(): boolean {
    return this.traits.nullable ?? false;
  }

  get rule(): Rule {
    return this.traits.rule ?? 'creation';
  }

  get initial(): Initial | undefined {
    return this.traits.initial;
  }

  /** The name of the version column where it is not the column's own. */
  get versionedBy(): string | undefined {
    return this.traits.versionedBy;
  }

  /** The table whose key this is. */
  get parent(): Table | 'self' | undefined {
    return this.traits.parent;
  }

  private with<U>(traits: Traits): Column<U> {
    return new Column<U>(this.sql, { ...this.traits, ...traits });
  }

  orNull(): Column<T | null | undefined> {
    return this.with({ nullable: true });
  }

  or(initial: Initial): Column<T | null | undefined> {
    return this.with({ initial });
  }

  /** Changed by events after the creation; columns that the same events always set together may share a version column. */
  changeable(versionedBy?: string): Column<T> {
    return this.with({ rule: 'versioned', versionedBy });
  }

  /** The greatest time that any event brings holds. */
  latest(): Column<T> {
    return this.with({ rule: 'latest' });
  }

  /** The least time that any event brings holds. */
  earliest(): Column<T> {
    return this.with({ rule: 'earliest' });
  }

  /** The row of `parent` whose key this is must exist first. */
  references(parent: Table | 'self'): Column<T> {
    return this.with({ parent });
  }
}
