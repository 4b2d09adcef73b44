import { EntitySchema, type EntitySchemaColumnOptions, EntitySchemaOptions } from 'typeorm';
import type { Column } from '../tables/column.js';
import { tables } from '../handlers/index.js';
import { foreignKeys, idIndex, primaryKey, type Layout } from '../tables/layout.js';
import type { Row, Table } from '../tables/table.js';

/** A default as TypeORM compares it with the database: a literal of SQL. */
function defaultOf({ sql, initial }: Column<unknown>): Pick<EntitySchemaColumnOptions, 'default'> {
  if (initial === undefined) return {};
  if (sql === 'jsonb') return { default: () => `'${JSON.stringify(initial)}'` };
  return { default: initial };
}

const SIZES: Readonly<Record<string, Pick<EntitySchemaColumnOptions, 'precision' | 'scale' | 'length'>>> = {
  numeric: { precision: 14, scale: 2 },
  character: { length: 3 },
};

function columnsOf(table: Table, layout: Layout): Record<string, EntitySchemaColumnOptions> {
  const key = primaryKey(table, layout);
  const columns: Record<string, EntitySchemaColumnOptions> = {};
  for (const [name, column] of table.columns) {
    columns[name] = {
      type: column.sql,
      nullable: column.nullable,
      ...SIZES[column.sql],
      ...defaultOf(column),
      ...(key.includes(name) ? { primary: true, primaryKeyConstraintName: `${table.name}_pkey` } : {}),
    };
  }
  for (const version of table.versions.keys()) {
    columns[version] = { type: 'text', collation: 'C', nullable: table.created !== undefined };
  }
  return columns;
}

/** The table as TypeORM describes one, so that its schema builder can say whether migrations and declarations agree. */
export function entityOf(table: Table, layout: Layout): EntitySchema<Row> {
  const index = idIndex(table, layout);
  return new EntitySchema<Row>(
    Object.assign(new EntitySchemaOptions<Row>(), {
      name: table.name,
      schema: 'public',
      columns: columnsOf(table, layout),
      indices: [...table.indexes, ...(index === undefined ? [] : [index])].map((name) => ({
        name,
        synchronize: false,
      })),
      checks: Object.entries(table.checks).map(([suffix, expression]) => ({
        name: [table.name, suffix, 'check'].filter((part) => part !== '').join('_'),
        expression,
      })),
      foreignKeys: foreignKeys(table, layout).map(({ column, parent }) => ({
        target: parent.name,
        name: `${table.name}_${column}_fkey`,
        columnNames: [column],
        referencedColumnNames: [...parent.key],
      })),
    }),
  );
}

/** Every table that readers see. */
export function entitiesOf(layout: Layout): EntitySchema<Row>[] {
  return tables.map((table) => entityOf(table, layout));
}
