import type { DataSource } from 'typeorm';
import { tables } from '../handlers/index.js';
import { idIndex } from '../tables/layout.js';
import { literal, READ_ONLY } from './rights.js';

/** A role of PostgreSQL for each kind of command, and one for the services that read. */
export interface Roles {
  /** `dbw migrate`: owns the tables of events. */
  readonly owner: string;
  /** `dbw consume`: owns schema dbw; reads, inserts and updates events' tables. */
  readonly writer: string;
  /** `dbw replay-dlq`, `backfill`, `dlq discard`: what the writer may, but no new tables. */
  readonly operator: string;
  /** Commands that only look. */
  readonly viewer: string;
  /** Services: the tables of events and nothing else. */
  readonly reader: string;
}

function identifier(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}

/** A block that does one thing for each row of a query, whose column `t` it may name. */
function forEach(query: string, statement: string, ...values: string[]): string {
  return `DO $$ DECLARE t text; BEGIN
  FOR t IN ${query} LOOP
    EXECUTE format(${[literal(statement), 't', ...values].join(', ')});
  END LOOP;
END $$;`;
}

/** Gives everything in schema dbw to a role, named by an expression of SQL. */
function giveTo(role: string, where = 'true'): string {
  const relations = `SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'dbw' AND c.relkind IN ('r', 'p', 'v', 'm') AND c.relowner <> ${role}::regrole AND ${where}`;
  const functions = `SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE n.nspname = 'dbw' AND p.proowner <> ${role}::regrole AND ${where}`;
  return [
    forEach(relations, 'ALTER TABLE %s OWNER TO %s', role),
    forEach(functions, 'ALTER FUNCTION %s OWNER TO %s', role),
  ].join('\n');
}

/**
 * What a migration made in schema dbw is given to the schema's owner, where this role may: the role that consumes, which
 * may differ from the one that migrates. Which migrations there are remains for that one to write.
 */
export async function handOver(dataSource: DataSource): Promise<void> {
  const owner = `(SELECT nspowner::regrole::text FROM pg_namespace WHERE nspname = 'dbw')`;
  await dataSource.query(giveTo(owner, `pg_has_role(n.nspowner, 'MEMBER')`));
  const names = READ_ONLY.map((name) => literal(name)).join(', ');
  const writers = `SELECT DISTINCT format('%s FROM %s', c.oid::regclass, a.grantee::regrole)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(c.relacl) a
    WHERE n.nspname = 'dbw' AND c.relname IN (${names}) AND a.grantee NOT IN (0, c.relowner)
      AND a.privilege_type <> 'SELECT' AND pg_has_role(c.relowner, 'MEMBER')`;
  await dataSource.query(forEach(writers, 'REVOKE INSERT, UPDATE, DELETE ON %s'));
}

/**
 * The statements that make the roles and give each what it needs, and no more: for a superuser, before the first
 * `dbw migrate` or at any time after. To run them again changes nothing.
 */
export function grantsFor(roles: Roles): string {
  const all = [roles.owner, roles.writer, roles.operator, roles.viewer, roles.reader];
  const [owner, writer, operator, viewer, reader] = all.map(identifier);
  const below = `${writer}, ${operator}, ${viewer}, ${reader}`;
  const events = tables.map(({ name }) => literal(`public.${identifier(name)}`)).join(', ');
  const present = `SELECT name FROM unnest(ARRAY[${events}]) AS name WHERE to_regclass(name) IS NOT NULL`;
  const homes = tables.flatMap((table) => {
    const index = idIndex(table, 'distributed');
    return index === undefined ? [] : `(${literal(`public.${table.name}`)}, ${literal(`public.${index}`)})`;
  });
  const moving = `SELECT name FROM (VALUES ${homes.join(', ')}) AS t (name, index) WHERE to_regclass(index) IS NOT NULL`;
  const own = `SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'dbw' AND c.relkind IN ('r', 'p')`;
  const written = `${own} AND c.relname NOT IN (${READ_ONLY.map(literal).join(', ')})`;
  const absent = `SELECT name FROM unnest(ARRAY[${all.map(literal).join(', ')}]) AS name
    WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name)`;
  return `-- Least privilege for dbw. Run this in its database, as a superuser; then give each role its password.
BEGIN;
${forEach(absent, 'CREATE ROLE %I LOGIN')}
${forEach('SELECT current_database()', `GRANT CONNECT ON DATABASE %I TO ${owner}, ${below}`)}

-- dbw migrate: owns the tables of events; as a member of the writer it may change schema dbw too.
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO ${owner};
GRANT ${writer} TO ${owner};
${forEach(present, `ALTER TABLE %s OWNER TO ${owner}`)}

-- dbw consume: owns schema dbw, where it keeps house.
CREATE SCHEMA IF NOT EXISTS dbw;
ALTER SCHEMA dbw OWNER TO ${writer};
${giveTo(literal(writer ?? ''))}

-- The tables of events: nobody deletes or changes their form but their owner.
GRANT USAGE ON SCHEMA public TO ${below};
${forEach(present, `REVOKE ALL ON TABLE %s FROM ${below}`)}
${forEach(present, `GRANT SELECT ON TABLE %s TO ${below}`)}
${forEach(present, `GRANT INSERT, UPDATE ON TABLE %s TO ${writer}, ${operator}`)}
-- Where they are distributed a row moves to another node by being deleted here and inserted there.
${forEach(moving, `GRANT DELETE ON TABLE %s TO ${writer}, ${operator}`)}
ALTER DEFAULT PRIVILEGES FOR ROLE ${owner} IN SCHEMA public GRANT SELECT ON TABLES TO ${below};
ALTER DEFAULT PRIVILEGES FOR ROLE ${owner} IN SCHEMA public GRANT INSERT, UPDATE ON TABLES TO ${writer}, ${operator};

-- Schema dbw for dbw replay-dlq, backfill and dlq discard (${operator}), and for commands that only look (${viewer}).
GRANT USAGE ON SCHEMA dbw TO ${operator}, ${viewer};
${forEach(own, `REVOKE ALL ON TABLE %s FROM ${operator}, ${viewer}`)}
${forEach(own, `GRANT SELECT ON TABLE %s TO ${operator}, ${viewer}`)}
${forEach(written, `GRANT INSERT, UPDATE, DELETE ON TABLE %s TO ${operator}`)}
ALTER DEFAULT PRIVILEGES FOR ROLE ${owner}, ${writer} IN SCHEMA dbw GRANT SELECT ON TABLES TO ${operator}, ${viewer};
ALTER DEFAULT PRIVILEGES FOR ROLE ${owner}, ${writer} IN SCHEMA dbw GRANT INSERT, UPDATE, DELETE ON TABLES TO ${operator};
COMMIT;
`;
}
