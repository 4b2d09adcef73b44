-- The ids, what is parked and the positions are gone with this: what comes again is applied again, which changes no row.
DROP TABLE IF EXISTS dbw.held_rows; -- made by dbw migrate --distributed
DROP TABLE dbw.schema_requirements;
DROP TABLE dbw.positions;
DROP TABLE dbw.parked_events;
DROP FUNCTION dbw.event_key(text);
DROP TABLE dbw.processed_events;
