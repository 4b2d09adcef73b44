import type { DataSource } from 'typeorm';
import { EXIT, UserError } from '../errors.js';
import { tables } from '../handlers/index.js';
import { primaryKey, type Layout } from '../tables/layout.js';
import type { Table } from '../tables/table.js';

const layouts = new WeakMap<DataSource, Layout>();

const PRIMARY_KEYS = `
  SELECT c.relname AS name, array_agg(a.attname::text ORDER BY k.at) AS key
  FROM pg_index i
  JOIN pg_class c ON c.oid = i.indrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  CROSS JOIN unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (number, at)
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number
  WHERE n.nspname = 'public' AND i.indisprimary AND c.relname = ANY($1) GROUP BY 1`;

/** How the tables lay when this data source was connected or migrated last; nothing is asked. */
export function layoutOf(dataSource: DataSource): Layout {
  return layouts.get(dataSource) ?? 'whole';
}

/**
 * Learns from the catalog how the tables lie: their primary keys say so. Where there are none yet they are to be whole.
 */
export async function learnLayout(dataSource: DataSource): Promise<Layout> {
  return learn(dataSource, await layoutsFound(dataSource));
}

function learn(dataSource: DataSource, found: Awaited<ReturnType<typeof layoutsFound>>): Layout {
  const layout = found.some(([, one]) => one === 'distributed') ? 'distributed' : 'whole';
  layouts.set(dataSource, layout);
  return layout;
}

/**
 * Makes sure that the tables lie as the declarations say, all in one way.
 *
 * @throws UserError that names the tables which do not
 */
export async function refuseMixedLayout(dataSource: DataSource): Promise<void> {
  const found = await layoutsFound(dataSource);
  const layout = learn(dataSource, found);
  const strange = found.filter(([, one]) => one !== layout).map(([table]) => table);
  if (strange.length === 0) return;
  const wanted = strange.map((table) => `public.${table.name} (${primaryKey(table, layout).join(', ')})`).join(', ');
  throw new UserError(
    `The tables are ${layout}, but some have another primary key. Give them the one that belongs to it: ${wanted}`,
    EXIT.refused,
  );
}

/** Of each table that exists and has a key by which its layout can be told: which that is; undefined for a foreign key. */
async function layoutsFound(dataSource: DataSource): Promise<[Table, Layout | undefined][]> {
  const rows: { name: string; key: string[] }[] = await dataSource.query(PRIMARY_KEYS, [
    tables.map(({ name }) => name),
  ]);
  const keys = new Map(rows.map(({ name, key }) => [name, key.join()]));
  return tables.flatMap((table) => {
    const key = keys.get(table.name);
    if (key === undefined || table.owner === undefined) return [];
    const layout = (['whole', 'distributed'] as const).find((one) => primaryKey(table, one).join() === key);
    return [[table, layout]];
  });
}
