import { isDeepStrictEqual } from 'node:util';
import { COUNTERS } from '../support/model/tables.js';
import type { Rows } from '../support/rows.js';

const SHOWN = 3;

/** How tables differ from what they should hold. */
export interface Difference {
  /** Rows that should be there and are not. */
  readonly missing: number;
  /** Rows that nobody knows of. */
  readonly surplus: number;
  /** Rows that hold something else. */
  readonly other: number;
  /** By how much counters are too high, all together. */
  readonly overcount: number;
  /** A summary, a few lines a table. */
  readonly lines: readonly string[];
}

type Row = Record<string, unknown>;

/** Compares tables row for row. */
export function compareTables(expected: Rows, actual: Rows): Difference {
  const sum = { missing: 0, surplus: 0, other: 0, overcount: 0 };
  const lines: string[] = [];
  for (const table of new Set([...expected.keys(), ...actual.keys()])) {
    const want = expected.get(table) ?? new Map<string, Row>();
    const have = actual.get(table) ?? new Map<string, Row>();
    const missing = [...want.keys()].filter((key) => !have.has(key));
    const surplus = [...have.keys()].filter((key) => !want.has(key));
    const other = [...want.keys()].filter((key) => have.has(key) && !isDeepStrictEqual(want.get(key), have.get(key)));
    sum.missing += missing.length;
    sum.surplus += surplus.length;
    sum.other += other.length;
    for (const key of other) sum.overcount += overcount(table, want.get(key) ?? {}, have.get(key) ?? {});
    if (missing.length > 0) lines.push(`${table}: ${missing.length} rows are missing: ${some(missing)}`);
    if (surplus.length > 0) lines.push(`${table}: ${surplus.length} rows too many: ${some(surplus)}`);
    if (other.length > 0) lines.push(`${table}: ${other.length} rows differ`);
    for (const key of other.slice(0, SHOWN))
      lines.push(`  ${key}: ${columns(want.get(key) ?? {}, have.get(key) ?? {})}`);
  }
  return { ...sum, lines };
}

function overcount(table: string, want: Row, have: Row): number {
  const counters = COUNTERS.filter((counter) => counter.table === table);
  return counters.reduce((sum, { column }) => sum + Math.max(0, Number(have[column]) - Number(want[column])), 0);
}

/** The columns of two rows that differ, with what they hold. */
function columns(want: Row, have: Row): string {
  const names = Object.keys(want).filter((name) => !isDeepStrictEqual(want[name], have[name]));
  return names.map((n) => `${n} is ${JSON.stringify(have[n])}, should be ${JSON.stringify(want[n])}`).join('; ');
}

/** The first few of a list, for people. */
export function some(items: readonly string[]): string {
  return items.slice(0, SHOWN).join(', ') + (items.length > SHOWN ? ', …' : '');
}
