-- What operators do: replays, backfills, and dead letters set aside.

-- One row for each replay or backfill. While it is under way its process holds an advisory lock (the number below, id).
CREATE TABLE dbw.runs (
  id         integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind       text NOT NULL, -- replay-dlq, backfill
  user_name  text NOT NULL, -- who typed it, and where
  host       text NOT NULL,
  reason     text,
  selection  jsonb NOT NULL, -- what was asked for: {"flag": value, …}
  ranges     jsonb NOT NULL, -- [[topic, partition, from, to, offset that comes next], …]
  counts     jsonb NOT NULL DEFAULT '{}', -- what became of the messages so far: {"applied": 12, …}
  state      text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'done', 'partly', 'interrupted', 'failed')),
  outcome    text, -- one sentence on how it ended
  started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  ended_at   timestamptz
);

-- Dead letters that shall never be replayed.
CREATE TABLE dbw.dlq_discards (
  dlq_topic    text NOT NULL,
  topic        text NOT NULL, -- where the message came from: a letter's identity
  partition    integer NOT NULL,
  "offset"     bigint NOT NULL,
  fingerprint  text NOT NULL,
  reason       text NOT NULL,
  user_name    text NOT NULL,
  host         text NOT NULL,
  discarded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (dlq_topic, topic, partition, "offset")
);

INSERT INTO dbw.schema_requirements VALUES ('Runs1763856000003', '0.1.0');
