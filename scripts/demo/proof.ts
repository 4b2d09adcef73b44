import { isDeepStrictEqual } from 'node:util';
import type { Rows } from '../../test/support/rows.js';
import { counted } from './paint.js';

export function rowCount(rows: Rows): number {
  return [...rows.values()].reduce((sum, table) => sum + table.size, 0);
}

/** How often each name occurs. */
export function tally(names: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

/**
 * Compares every column of every row.
 *
 * @param whose what is said before the row that it should be
 * @throws Error that names the first rows which differ
 */
export function mustEqual(rows: Rows, expected: Rows, whose: string): void {
  const differences: string[] = [];
  for (const name of new Set([...rows.keys(), ...expected.keys()])) {
    const [table, other] = [rows.get(name), expected.get(name)];
    for (const key of new Set([...(table?.keys() ?? []), ...(other?.keys() ?? [])])) {
      const [row, wanted] = [table?.get(key), other?.get(key)];
      if (isDeepStrictEqual(row, wanted)) continue;
      const told = [row, wanted].map((one) => (one ? JSON.stringify(one) : 'no row'));
      differences.push(`${name} ${key.replaceAll('\u001f', ', ')}: ${told.join(`, ${whose} `)}`);
    }
  }
  if (differences.length === 0) return;
  const some = differences.slice(0, 3).map((difference) => `\n  ${difference}`);
  throw new Error(`${counted(differences.length, 'row is', 'rows are')} not as they must be:${some.join('')}`);
}

/** @throws Error where counts differ, with the names that are to blame */
export function mustBe(what: string, counts: ReadonlyMap<string, number>, expected: ReadonlyMap<string, number>): void {
  const names = [...new Set([...counts.keys(), ...expected.keys()])];
  const differences = names
    .filter((name) => counts.get(name) !== expected.get(name))
    .map((name) => `${name} ${counts.get(name) ?? 0} instead of ${expected.get(name) ?? 0}`);
  if (differences.length > 0) throw new Error(`${what}: ${differences.slice(0, 5).join(', ')}`);
}
