import type { DataSource } from 'typeorm';
import { dayOf } from '../event/time.js';

/** A day since 1970-01-01 as `2024-01-31`. */
export function isoDay(day: number): string {
  return new Date(day * 86_400_000).toISOString().slice(0, 10);
}

/** The partition that holds the ids of a day; without its schema. */
export function partitionOf(day: number): string {
  return `processed_events_${isoDay(day).replaceAll('-', '')}`;
}

/** The day whose ids a partition holds. */
export function dayOfPartition(name: string): number {
  const [, year = '', month = '', day = ''] = /_(\d{4})(\d{2})(\d{2})$/.exec(name) ?? [];
  return dayOf(Date.parse(`${year}-${month}-${day}T00:00:00Z`) * 1000);
}

/**
 * Attaches those of these days that have no partition. `PARTITION OF` would lock the parent against every writer; a table
 * that is attached does not. One commit for all days.
 */
export async function attach(dataSource: DataSource, days: readonly number[]): Promise<void> {
  await dataSource.transaction(async (manager) => {
    await manager.query(`SELECT pg_advisory_xact_lock(hashtext('dbw.processed_events'))`);
    const names: { name: string }[] = await manager.query(
      `SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'dbw.processed_events'::regclass`,
    );
    const attached = new Set(names.map(({ name }) => name.split('.').at(-1)));
    const statements = days
      .filter((day) => !attached.has(partitionOf(day)))
      .map((day) => {
        const [name, from, to] = [`dbw.${partitionOf(day)}`, isoDay(day), isoDay(day + 1)];
        return `CREATE TABLE IF NOT EXISTS ${name} (LIKE dbw.processed_events INCLUDING ALL);
          ALTER TABLE dbw.processed_events ATTACH PARTITION ${name} FOR VALUES FROM ('${from}') TO ('${to}');`;
      });
    if (statements.length > 0) await manager.query(statements.join('\n'));
  });
}

/** The lock that lets one process drop partitions at a time; the others leave it to that one. */
const DROP_LOCK = 0x64_62_77_02;

/** Detaches and drops the partitions of days before this one, also those whose detaching was once cut short. */
export async function dropBefore(dataSource: DataSource, firstKept: number): Promise<void> {
  const runner = dataSource.createQueryRunner();
  try {
    const locked = (await runner.query('SELECT pg_try_advisory_lock($1) AS locked', [DROP_LOCK])) as {
      locked: boolean;
    }[];
    if (!locked[0]?.locked) return;
    try {
      const partitions = (await runner.query(
        `SELECT c.relname AS name, i.inhdetachpending AS pending FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
         WHERE i.inhparent = 'dbw.processed_events'::regclass AND c.relname ~ '_[0-9]{8}$'
         ORDER BY pending DESC`, // PostgreSQL detaches one at a time
      )) as { name: string; pending: boolean }[];
      for (const { name, pending } of partitions) {
        if (!pending && dayOfPartition(name) >= firstKept) continue;
        const how = pending ? 'FINALIZE' : 'CONCURRENTLY';
        await runner.query(`ALTER TABLE dbw.processed_events DETACH PARTITION dbw.${name} ${how}`);
        await runner.query(`DROP TABLE dbw.${name}`);
      }
    } finally {
      await runner.query('SELECT pg_advisory_unlock($1)', [DROP_LOCK]);
    }
  } finally {
    await runner.release();
  }
}
