DROP TABLE dbw.dlq_discards;
DROP TABLE dbw.runs;
DELETE FROM dbw.schema_requirements WHERE migration = 'Runs1763856000003';
