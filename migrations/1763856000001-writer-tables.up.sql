-- The writer's own tables, in a schema of their own: readers never need them, and the role that consumes owns them.

-- Ids of events that were applied. `id` is the event's id where that is a UUID in its usual spelling, else the first 16
-- bytes of its SHA-256: dbw.event_key() says which. Partitioned by the day of the event's own time, so that a duplicate
-- meets its twin; days are attached ahead and dropped whole. What is older than the days kept shares one partition, under
-- the day 1999-01-01. There is no default partition: DETACH CONCURRENTLY would be refused.
CREATE TABLE dbw.processed_events (
  day  date NOT NULL,
  id   uuid NOT NULL,
  hash integer NOT NULL, -- CRC-32 of the message: tells a redelivery from another event under the same id
  PRIMARY KEY (id, day)
) PARTITION BY RANGE (day);
CREATE TABLE dbw.processed_events_old PARTITION OF dbw.processed_events FOR VALUES FROM (MINVALUE) TO ('2000-01-01');

CREATE FUNCTION dbw.event_key(event_id text) RETURNS uuid LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT CASE WHEN event_id ~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' THEN event_id::uuid
    ELSE encode(substring(sha256(convert_to(event_id, 'UTF8')) FROM 1 FOR 16), 'hex')::uuid END
$$;

-- Events that wait for a row, each with its message whole. One that is delivered again while it waits is the same event.
CREATE TABLE dbw.parked_events (
  id          uuid NOT NULL, -- as in processed_events
  hash        integer NOT NULL,
  topic       text NOT NULL,
  partition   integer NOT NULL,
  "offset"    bigint NOT NULL,
  key         bytea,
  value       bytea NOT NULL,
  headers     jsonb NOT NULL, -- [[name, base64 or null], …]
  produced_at timestamptz NOT NULL, -- the record's own timestamp
  event_id    text NOT NULL,
  event_type  text NOT NULL,
  wait_table  text NOT NULL,
  wait_key    text NOT NULL,
  attempts    integer NOT NULL DEFAULT 1,
  parked_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  dead_at     timestamptz, -- when its letter was written; it is applied all the same should the row come
  PRIMARY KEY (id, hash)
);
CREATE INDEX parked_events_wait ON dbw.parked_events (wait_table, wait_key);
CREATE INDEX parked_events_due ON dbw.parked_events (parked_at) WHERE dead_at IS NULL;

-- How far each partition is in PostgreSQL. Kafka's committed offsets may outlive rows (a restored backup); these cannot.
CREATE TABLE dbw.positions (
  group_id    text NOT NULL,
  topic       text NOT NULL,
  partition   integer NOT NULL,
  next_offset bigint NOT NULL,
  updated_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (group_id, topic, partition)
);

-- The oldest code that may run on this schema. A migration that older code cannot live with raises it.
CREATE TABLE dbw.schema_requirements (
  migration   text PRIMARY KEY,
  oldest_code text NOT NULL
);
INSERT INTO dbw.schema_requirements VALUES ('WriterTables1763856000001', '0.1.0');
