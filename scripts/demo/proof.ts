import { isDeepStrictEqual } from 'node:util';
import type { Rows } from '../../test/support/rows.js';
import { count } from './paint.js';

export function rowCount(rows: ReadonlyMap<string, ReadonlyMap<string, unknown>>): number {
  return [...rows.values()].reduce((sum, table) => sum + table.size, 0);
}

/**
 * Compares every column of every row.
 *
 * @throws Error that names the first rows which differ
 */
export function mustEqual(rows: Rows, expected: Rows, whose: string): void {
  const differences: string[] = [];
  for (const name of new Set([...rows.keys(), ...expected.keys()])) {
    const [table, other] = [rows.get(name), expected.get(name)];
    for (const key of new Set([...(table?.keys() ?? []), ...(other?.keys() ?? [])])) {
      const [row, wanted] = [table?.get(key), other?.get(key)];
      if (isDeepStrictEqual(row, wanted)) continue;
      differences.push(
        `${name} ${key.replaceAll('\u001f', ', ')}: ${JSON.stringify(row)}, ${whose} ${JSON.stringify(wanted)}`,
      );
    }
  }
  if (differences.length === 0) return;
  const some = differences.slice(0, 3).map((difference) => `\n  ${difference}`);
  throw new Error(`${count(differences.length)} rows are not as they must be:${some.join('')}`);
}

/** @throws Error where two lists of counts differ */
export function mustCount(
  what: string,
  counts: ReadonlyMap<string, number>,
  expected: ReadonlyMap<string, number>,
): void {
  if (isDeepStrictEqual(counts, expected)) return;
  const told = (of: ReadonlyMap<string, number>) => JSON.stringify(Object.fromEntries(of));
  throw new Error(`${what}: ${told(counts)}, must be ${told(expected)}`);
}
