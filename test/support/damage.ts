import fc from 'fast-check';
import type { DataSource } from 'typeorm';
import { tables } from '../../src/handlers/index.js';
import type { Table } from '../../src/tables/table.js';

/** Something that befell the tables; what the database refuses did not happen. */
export interface Damage {
  readonly what: string;
  readonly sql: string;
}

/** Columns that may be set to another value without hiding it from a repair: times decide what is later. */
function spoilable(table: Table): string[] {
  return [...table.columns]
    .filter(
      ([name, { rule }]) =>
        (rule === 'creation' || rule === 'versioned') && !table.key.includes(name) && name !== table.created,
    )
    .map(([name]) => name);
}

function text(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}

function damagesOf(table: Table): fc.Arbitrary<Damage>[] {
  const { name } = table;
  // Some row, whichever there are.
  const row = (n: number) =>
    `(SELECT ctid FROM ${name} ORDER BY ${table.key.join(', ')} OFFSET ${n} % greatest(1, (SELECT count(*) FROM ${name})) LIMIT 1)`;
  const any = fc.nat(20);
  const all: fc.Arbitrary<Damage>[] = [];
  const columns = spoilable(table);
  if (columns.length > 0) {
    const column = fc.constantFrom(...columns);
    // The value of another row is one that the column can hold.
    all.push(
      fc.tuple(any, any, column).map(([of, from, which]) => ({
        what: `${name}.${which} of another row`,
        sql: `UPDATE ${name} SET ${which} = (SELECT ${which} FROM ${name} WHERE ctid = ${row(from)}) WHERE ctid = ${row(of)}`,
      })),
      fc.tuple(any, column).map(([of, which]) => ({
        what: `${name}.${which} of nothing`,
        sql: `UPDATE ${name} SET ${which} = NULL WHERE ctid = ${row(of)}`,
      })),
    );
  }
  const texts = columns.filter((column) => table.columns.get(column)?.sql === 'text');
  if (texts.length > 0) {
    all.push(
      fc.tuple(any, fc.constantFrom(...texts), fc.string({ maxLength: 5 })).map(([of, which, value]) => ({
        what: `${name}.${which} overwritten`,
        sql: `UPDATE ${name} SET ${which} = ${text(value.replaceAll('\0', ''))} WHERE ctid = ${row(of)}`,
      })),
    );
  }
  const extremes = table.extremes.filter((column) => table.columns.get(column)?.nullable === true);
  if (extremes.length > 0) {
    all.push(
      fc.tuple(any, fc.constantFrom(...extremes)).map(([of, which]) => ({
        what: `${name}.${which} forgotten`,
        sql: `UPDATE ${name} SET ${which} = NULL WHERE ctid = ${row(of)}`,
      })),
    );
  }
  const counters = [...table.columns].filter(([, { rule }]) => rule === 'counter').map(([column]) => column);
  if (counters.length > 0) {
    all.push(
      fc.tuple(any, fc.constantFrom(...counters), fc.nat(9)).map(([of, which, value]) => ({
        what: `${name}.${which} falsified`,
        sql: `UPDATE ${name} SET ${which} = ${value} WHERE ctid = ${row(of)}`,
      })),
    );
  }
  const versions = [...table.versions.keys()].filter((column) => column !== 'version');
  if (versions.length > 0) {
    all.push(
      fc.tuple(any, fc.constantFrom(...versions)).map(([of, which]) => ({
        what: `${name}.${which} forgotten`,
        sql: `UPDATE ${name} SET ${which} = NULL WHERE ctid = ${row(of)}`,
      })),
    );
  }
  // Rows that others refer to stay: the database refuses.
  all.push(any.map((of) => ({ what: `row of ${name} gone`, sql: `DELETE FROM ${name} WHERE ctid = ${row(of)}` })));
  return all;
}

/** Damage that applying history again repairs: of each table a little. */
export const damage: fc.Arbitrary<Damage[]> = fc.array(fc.oneof(...tables.flatMap(damagesOf)), {
  minLength: 1,
  maxLength: 40,
});

/** Does it; returns how many rows were touched. */
export async function inflict(dataSource: DataSource, damages: readonly Damage[]): Promise<number> {
  let touched = 0;
  for (const { sql } of damages) {
    try {
      const [, count] = await dataSource.query<[unknown, number]>(sql);
      touched += count;
    } catch (error) {
      const refused = error instanceof Error && /violates|null value/.test(error.message);
      if (!refused) throw error;
    }
  }
  return touched;
}
