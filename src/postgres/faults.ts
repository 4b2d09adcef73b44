import type { Fault } from '../failures/fault.js';

/** Whatever happens in schema dbw is the same for every event, unless it is of the moment. */
export const OWN_TABLES: Fault = {
  of: 'SQLSTATE',
  match: [''],
  table: 'of dbw',
  class: 'systemic',
  reason: "the writer's own tables do not take what it writes",
  remedy: 'Run `dbw migrate`, and undo what was changed in schema dbw by hand.',
};

/** SQLSTATEs that PostgreSQL reports. Source: its manual, appendix A. */
export const POSTGRES_FAULTS: readonly Fault[] = [
  {
    of: 'SQLSTATE',
    match: ['08'],
    class: 'transient',
    reason: 'the connection to PostgreSQL broke',
    reconnect: true,
  },
  {
    of: 'SQLSTATE',
    match: ['57P0'],
    class: 'transient',
    reason: 'PostgreSQL is stopping, starting or recovering, or somebody ended the connection',
    reconnect: true,
  },
  {
    of: 'SQLSTATE',
    match: ['25P03', '25P04'],
    class: 'transient',
    reason: 'the transaction stood still for longer than the server allows, as after a suspended process',
    reconnect: true,
  },
  {
    of: 'SQLSTATE',
    match: ['25006'],
    class: 'transient',
    reason:
      'the server is read-only: a standby, or a primary that is one no longer; a new connection may lead elsewhere',
    reconnect: true,
    remedy: 'If it lasts, let DB_HOST lead to the primary, or end default_transaction_read_only.',
  },
  {
    of: 'SQLSTATE',
    match: ['40001', '40P01'],
    class: 'transient',
    reason: 'two transactions stood in each other’s way, and this one gave way',
  },
  {
    // PostgreSQL itself never raises it, poolers and its relatives do. It speaks of the connection and not of an event,
    // and writing again is harmless: a transaction that was committed after all has claimed the ids.
    of: 'SQLSTATE',
    match: ['40003'],
    class: 'transient',
    reason: 'whether the transaction was committed is not known; the ids that it claims tell when it is tried again',
    reconnect: true,
  },
  {
    of: 'SQLSTATE',
    match: ['55P03'],
    class: 'transient',
    reason: 'somebody else holds a lock',
    remedy: 'If it lasts, find who holds it in pg_locks and pg_stat_activity.',
  },
  {
    of: 'SQLSTATE',
    match: ['53300'],
    class: 'transient',
    reason: 'PostgreSQL has no connection left',
    remedy: 'If it lasts, raise max_connections or the limit of the role, or lower DB_POOL_SIZE.',
  },
  {
    of: 'SQLSTATE',
    match: ['57014', '54001'],
    class: 'transient',
    reason: 'the statement took too long or too much; with fewer events it may not',
    halve: true,
    remedy: 'If it lasts, look in pg_stat_activity for what makes the server slow.',
  },
  { of: 'SQLSTATE', match: ['23503'], class: 'dependency', reason: 'the row that it refers to is not there yet' },
  {
    of: 'SQLSTATE',
    match: ['21000'],
    class: 'bug',
    reason: 'one statement touches a row twice: a fault of dbw itself',
  },
  {
    of: 'SQLSTATE',
    match: ['22', '54000'],
    class: 'data',
    reason: 'a value that PostgreSQL cannot hold: out of range, too long, or no text',
  },
  {
    of: 'SQLSTATE',
    match: ['23502', '23505', '23514'],
    table: 'of events',
    class: 'data',
    reason: 'a value that the table does not allow',
  },
  {
    of: 'SQLSTATE',
    match: ['28'],
    class: 'systemic',
    reason: 'PostgreSQL does not let us in',
    remedy: 'Correct DB_USERNAME or DB_PASSWORD, or pg_hba.conf on the server.',
  },
  {
    of: 'SQLSTATE',
    match: ['3D000'],
    class: 'systemic',
    reason: 'the database does not exist',
    remedy: 'Create it, or correct DB_DATABASE.',
  },
  {
    of: 'SQLSTATE',
    match: ['42501'],
    class: 'systemic',
    reason: 'a right is missing',
    remedy:
      'Grant the user of DB_USERNAME SELECT, INSERT and UPDATE on the tables of schema public; it owns schema dbw.',
  },
  {
    // 3F000 is what a function in a schema that is not there raises: a schema older than the code needs.
    of: 'SQLSTATE',
    match: ['42', '3F000'],
    class: 'systemic',
    reason: 'tables, columns or functions are not those that this version of dbw knows',
    remedy: 'Run `dbw migrate`, and undo what was changed in the schema by hand.',
  },
  {
    of: 'SQLSTATE',
    match: ['53100'],
    class: 'systemic',
    reason: 'the disk of PostgreSQL is full',
    remedy: 'Free space on the server, or give it more.',
  },
  {
    of: 'SQLSTATE',
    match: ['53200'],
    class: 'systemic',
    reason: 'PostgreSQL has no memory left',
    remedy: 'Give the server more memory, or raise max_locks_per_transaction where its log asks for it.',
  },
  {
    of: 'SQLSTATE',
    match: ['58'],
    class: 'systemic',
    reason: 'PostgreSQL cannot read or write its files',
    remedy: "Look at the server's log and at its storage.",
  },
  {
    of: 'SQLSTATE',
    match: ['XX'],
    class: 'systemic',
    reason: 'PostgreSQL reports an internal error or damaged data',
    remedy: "Look at the server's log; a damaged index is made anew by REINDEX, a damaged table comes from a backup.",
  },
  OWN_TABLES,
];
