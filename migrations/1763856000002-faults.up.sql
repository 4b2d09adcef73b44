-- What the writer remembers of faults.

-- Which log a position speaks of: a topic that was made again, or another cluster, has the same name and other records.
ALTER TABLE dbw.positions ADD COLUMN cluster_id text, ADD COLUMN topic_id uuid;

-- What each writer of each process has in hand, recorded before it is touched. Rows of a process that died without a word
-- tell which events may have killed it.
CREATE TABLE dbw.in_hand (
  group_id text NOT NULL,
  instance uuid NOT NULL, -- the process; it holds an advisory lock on it for as long as it lives
  writer   integer NOT NULL, -- -1: the one message that is tried while nothing else is written
  ranges   jsonb NOT NULL, -- [[topic, partition, first offset, offset behind the last], …]
  taken_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (instance, writer)
) WITH (fillfactor = 50);

-- Events that were in hand when a process died: each is written alone, and recorded in dbw.in_hand beforehand.
CREATE TABLE dbw.suspects (
  group_id     text NOT NULL,
  topic        text NOT NULL,
  partition    integer NOT NULL,
  first_offset bigint NOT NULL,
  next_offset  bigint NOT NULL,
  attempts     integer NOT NULL DEFAULT 0, -- for a range of one offset: how many processes died over it alone
  noticed_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (group_id, topic, partition, first_offset, next_offset)
);

-- Dead letters that the topic of dead letters does not take: too large.
CREATE TABLE dbw.oversize_letters (
  topic     text NOT NULL, -- where the message came from: a letter's identity
  partition integer NOT NULL,
  "offset"  bigint NOT NULL,
  dlq_topic text NOT NULL, -- where it would be
  key       bytea,
  value     bytea,
  headers   jsonb NOT NULL, -- as the letter would carry them: [[name, base64 or null], …]
  failed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (topic, partition, "offset")
);

-- Topics that are not read because too many of their events were refused.
CREATE TABLE dbw.breakers (
  group_id  text NOT NULL,
  topic     text NOT NULL,
  opened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  refused   integer NOT NULL, -- of the last finished events
  finished  integer NOT NULL,
  reason    text NOT NULL, -- the most frequent: reason, code and path
  PRIMARY KEY (group_id, topic)
);

INSERT INTO dbw.schema_requirements VALUES ('Faults1763856000002', '0.1.0');
