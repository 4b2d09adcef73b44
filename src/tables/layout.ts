import type { Reference, Table } from './table.js';

/** How the tables that readers see lie: whole in one PostgreSQL, or distributed over several by Citus. */
export type Layout = 'whole' | 'distributed';

/**
 * The columns of a table's primary key, and so of its conflict targets. Where rows are distributed each node knows of its own
 * only, so that what is unique must contain the column that says where a row lies.
 */
export function primaryKey(table: Table, layout: Layout): readonly string[] {
  return layout === 'distributed' && table.owner !== undefined ? [table.owner, ...table.key] : table.key;
}

/**
 * The name of the index by which rows are found whose primary key begins with their owner; undefined where the primary key
 * itself does that.
 */
export function idIndex(table: Table, layout: Layout): string | undefined {
  return layout === 'distributed' && table.owner !== undefined ? `${table.name}_id` : undefined;
}

/**
 * Whether the database can watch over a reference. Where rows are distributed it can if the parent is on every node, or on the
 * same node as the child. The other references are watched over by the writer alone, which looks for a parent before it
 * writes a child.
 */
export function hasForeignKey(table: Table, { column, parent }: Reference, layout: Layout): boolean {
  if (layout === 'whole' || parent.distributeBy === undefined) return true;
  return column === table.distributeBy && parent.key.length === 1 && parent.key[0] === parent.distributeBy;
}

/** The references of a table that are foreign keys. */
export function foreignKeys(table: Table, layout: Layout): Reference[] {
  return table.references.filter((reference) => hasForeignKey(table, reference, layout));
}

/**
 * What the values of a table's distribution column are: tables with one answer lie together, the same value on the same node.
 *
 * @returns the table whose ids they are; undefined for a table that is copied to every node
 */
function ownersOf(table: Table): Table | undefined {
  if (table.distributeBy === undefined) return undefined;
  const reference = table.references.find(({ column }) => column === table.distributeBy);
  return reference?.parent ?? table;
}

/** Tables that lie together with a distributed one and come before it; undefined where it is the first of its kind. */
export function liesWith(table: Table, tables: readonly Table[]): Table | undefined {
  const owners = ownersOf(table);
  const first = tables.find((other) => other.distributeBy !== undefined && ownersOf(other) === owners);
  return first === table ? undefined : first;
}
