import type { DataSource } from 'typeorm';
import { connect } from '../../src/postgres/data-source.js';
import { migrateDistributed } from '../../src/postgres/migrate.js';
import { databaseConfig, emptyDatabase } from './database.js';

/**
 * What stands in for Citus, which no registry has: the two functions that `dbw migrate --distributed` calls, of the same
 * signature. They move nothing. They refuse what Citus refuses when tables are distributed, and see to it that the database
 * refuses later what Citus does: foreign keys that lead elsewhere, and statements that set the distribution column.
 */
const STAND_IN = `
CREATE SCHEMA citus_stand_in;
SET search_path = citus_stand_in;
CREATE TABLE calls (
  number integer GENERATED ALWAYS AS IDENTITY, relation regclass PRIMARY KEY,
  distributed_by text, lies_with text, colocation_id integer
);

CREATE FUNCTION create_reference_table(table_name regclass) RETURNS void LANGUAGE plpgsql SET search_path = citus_stand_in AS $$
BEGIN
  INSERT INTO calls (relation) VALUES (table_name);
END $$;

CREATE FUNCTION create_distributed_table(
  table_name regclass, distribution_column text, distribution_type text DEFAULT 'hash', colocate_with text DEFAULT 'default'
) RETURNS void LANGUAGE plpgsql SET search_path = citus_stand_in AS $$
DECLARE colocation integer; number smallint;
BEGIN
  SELECT attnum INTO STRICT number FROM pg_attribute WHERE attrelid = table_name AND attname = distribution_column;
  IF EXISTS (SELECT FROM pg_index i WHERE i.indrelid = table_name AND i.indisunique AND number <> ALL (i.indkey::smallint[])) THEN
    RAISE EXCEPTION 'cannot create constraint on "%": the partition column is not part of it', table_name USING ERRCODE = '42P16';
  END IF;
  IF colocate_with = 'none' THEN SELECT count(*) INTO colocation FROM calls;
  ELSE SELECT c.colocation_id INTO STRICT colocation FROM calls c WHERE c.relation = colocate_with::regclass AND c.distributed_by IS NOT NULL;
  END IF;
  INSERT INTO calls (relation, distributed_by, lies_with, colocation_id) VALUES (table_name, distribution_column, colocate_with, colocation);
  EXECUTE format('CREATE TRIGGER a_stand_in BEFORE UPDATE OF %I ON %s FOR EACH STATEMENT EXECUTE FUNCTION citus_stand_in.refuse()', distribution_column, table_name);
END $$;

-- The writer always says public; what tests do to rows by hand, which it shall mend, does not.
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF strpos(current_query(), ' public.') = 0 THEN RETURN NULL; END IF;
  RAISE EXCEPTION 'modifying the partition value of rows is not allowed' USING ERRCODE = '0A000';
END $$;

CREATE FUNCTION check_foreign_keys() RETURNS event_trigger LANGUAGE plpgsql SET search_path = citus_stand_in AS $$
DECLARE wrong text;
BEGIN
  SELECT string_agg(k.conname, ', ') INTO wrong FROM pg_constraint k
  LEFT JOIN calls child ON child.relation = k.conrelid LEFT JOIN calls parent ON parent.relation = k.confrelid
  WHERE k.contype = 'f' AND (child.relation IS NOT NULL OR parent.relation IS NOT NULL)
    AND NOT coalesce(parent.distributed_by IS NULL AND parent.relation IS NOT NULL AND child.relation IS NOT NULL, false)
    AND NOT coalesce(child.colocation_id = parent.colocation_id AND (
      SELECT a.attname FROM pg_attribute a WHERE a.attrelid = k.conrelid AND a.attnum = k.conkey[1]) = child.distributed_by AND (
      SELECT a.attname FROM pg_attribute a WHERE a.attrelid = k.confrelid AND a.attnum = k.confkey[1]) = parent.distributed_by, false);
  IF wrong IS NOT NULL THEN
    RAISE EXCEPTION 'cannot create foreign key constraint: % between tables that are not colocated', wrong USING ERRCODE = '0A000';
  END IF;
END $$;
CREATE EVENT TRIGGER check_foreign_keys ON ddl_command_end WHEN TAG IN ('ALTER TABLE') EXECUTE FUNCTION check_foreign_keys();

INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
  SELECT 64999, 'citus', oid, 'pg_catalog'::regnamespace, false, '13.0-1' FROM pg_roles WHERE rolname = current_user;
`;

/** A call of one of the two functions, in order. */
export interface Call {
  readonly relation: string;
  readonly distributed_by: string | null;
  readonly lies_with: string | null;
}

export async function callsOf(dataSource: DataSource): Promise<Call[]> {
  return dataSource.query('SELECT relation::text, distributed_by, lies_with FROM citus_stand_in.calls ORDER BY number');
}

/** An empty database of its own in which something stands in for Citus, not migrated. */
export async function emptyCitus(): Promise<string> {
  const name = await emptyDatabase();
  const admin = await connect(databaseConfig(name));
  try {
    await admin.query(STAND_IN);
    await admin.query(`ALTER DATABASE ${name} SET search_path = "$user", public, citus_stand_in`);
  } finally {
    await admin.destroy();
  }
  return name;
}

/** A migrated database of its own, its tables distributed as far as the stand-in goes; `destroy` it afterwards. */
export async function freshDistributed(): Promise<DataSource> {
  const dataSource = await connect(databaseConfig(await emptyCitus()));
  await migrateDistributed(dataSource);
  return dataSource;
}
