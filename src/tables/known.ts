import type { Table } from './table.js';

/**
 * Rows that are known to exist, so that batches need not ask for them. Rows are never deleted, so what was true stays
 * true until the database itself is another (`clear`). Bounded: the oldest half goes when it is full.
 */
export class KnownRows {
  private readonly young = new Map<Table, Set<string>>();
  private readonly old = new Map<Table, Set<string>>();
  private count = 0;

  /** @param limit how many keys are remembered at the most, twice over at the worst */
  constructor(private readonly limit = 100_000) {}

  has(table: Table, key: string): boolean {
    if (this.young.get(table)?.has(key)) return true;
    if (!this.old.get(table)?.has(key)) return false;
    this.add(table, key); // still in use: it survives the next generation
    return true;
  }

  /** Only what is committed may be added. */
  add(table: Table, key: string): void {
    let keys = this.young.get(table);
    if (!keys) this.young.set(table, (keys = new Set()));
    if (keys.has(key)) return;
    keys.add(key);
    if (++this.count < this.limit) return;
    this.old.clear();
    for (const [of, kept] of this.young) this.old.set(of, kept);
    this.young.clear();
    this.count = 0;
  }

  clear(): void {
    this.young.clear();
    this.old.clear();
    this.count = 0;
  }
}
