import type { Decimal } from './money.js';
import type { Table } from './table.js';
import type { Micros } from './time.js';

export type SqlType = 'text' | 'timestamptz' | 'numeric' | 'jsonb' | 'boolean' | 'integer' | 'smallint' | 'character';

/** How a column's value is decided when several events speak of it. */
export type Rule =
  | 'creation' // what the earliest creation of the row said
  | 'versioned' // what the latest change that names it said; before any change, what the creation said
  | 'latest' // the greatest time that any event brought
  | 'earliest' // the least time that any event brought
  | 'counter'; // the number of rows that point here

/** A column as one table declares it; immutable, every method returns another column. */
export class Column<T> {
  declare readonly type: T;

  private constructor(
    readonly sql: SqlType,
    readonly nullable: boolean = false,
    readonly rule: Rule = 'creation',
    readonly initial: string | number | boolean | readonly never[] | undefined = undefined,
    readonly versionedBy: string | undefined = undefined,
    readonly parent: Table | 'self' | undefined = undefined,
  ) {}

  static text = () => new Column<string>('text');
  static time = () => new Column<Micros>('timestamptz');
  static money = () => new Column<Decimal>('numeric');
  static json = () => new Column<unknown>('jsonb');
  static flag = () => new Column<boolean>('boolean');
  static integer = () => new Column<number>('integer');
  static small = () => new Column<number>('smallint');
  /** `char(3)`, an ISO 4217 code. */
  static currency = () => new Column<string>('character');
  /** The number of rows of other tables that point to this row; written only by what counts them. */
  static counter = () => new Column<undefined>('integer', false, 'counter', 0);

  orNull(): Column<T | null | undefined> {
    return new Column(this.sql, true, this.rule, this.initial, this.versionedBy, this.parent);
  }

  /** The value of a row that says none; also the column's default in the database. */
  or(initial: string | number | boolean | readonly never[]): Column<T | null | undefined> {
    return new Column(this.sql, this.nullable, this.rule, initial, this.versionedBy, this.parent);
  }

  /** Changed by events after the creation; columns that the same events always set together may share a version column. */
  changeable(versionedBy?: string): Column<T> {
    return new Column(this.sql, this.nullable, 'versioned', this.initial, versionedBy, this.parent);
  }

  latest(): Column<T> {
    return new Column(this.sql, this.nullable, 'latest', this.initial, undefined, this.parent);
  }

  earliest(): Column<T> {
    return new Column(this.sql, this.nullable, 'earliest', this.initial, undefined, this.parent);
  }

  /** The row of `parent` whose key this is must exist first. */
  references(parent: Table | 'self'): Column<T> {
    return new Column(this.sql, this.nullable, this.rule, this.initial, this.versionedBy, parent);
  }
}
