import { createHash } from 'node:crypto';
import type { DataSource } from 'typeorm';
import { makersOf } from '../event/makers.js';
import {
  parkedGroups,
  parkedRows,
  type ParkedFilter,
  type ParkedGroup,
  type ParkedRow,
} from '../postgres/parked-list.js';

/** What waits, and for what. */
export interface ParkedReport {
  readonly total: number;
  /** By the table of the row that is waited for, most events first. */
  readonly groups: readonly (ParkedGroup & {
    /** Event types that bring its rows. */
    readonly comesWith: readonly string[];
  })[];
  /** Those that have waited the longest; `key` is null without `--reveal`. */
  readonly rows: readonly (Omit<ParkedRow, 'key'> & {
    readonly key: string | null;
    /** Equal for events that wait for the same row. */
    readonly keyHash: string;
  })[];
}

/** Eight hex digits that are equal for equal keys and tell nothing else. */
function hashOf(table: string, key: string): string {
  return createHash('sha256').update(`${table}\u0000${key}`).digest('hex').slice(0, 8);
}

/**
 * What waits for what, and since when.
 *
 * @param limit how many events are listed one by one
 * @param reveal whether the keys that are waited for are shown
 */
export async function listParked(
  dataSource: DataSource,
  filter: ParkedFilter,
  { limit, reveal }: { limit: number; reveal: boolean },
): Promise<ParkedReport> {
  const groups = await parkedGroups(dataSource, filter);
  const rows = await parkedRows(dataSource, filter, limit);
  return {
    total: groups.reduce((sum, { events }) => sum + events, 0),
    groups: groups.map((group) => ({ ...group, comesWith: makersOf(group.table) })),
    rows: rows.map((row) => ({ ...row, key: reveal ? row.key : null, keyHash: hashOf(row.table, row.key) })),
  };
}
