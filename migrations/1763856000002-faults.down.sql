DELETE FROM dbw.schema_requirements WHERE migration = 'Faults1763856000002';
DROP TABLE dbw.breakers, dbw.oversize_letters, dbw.suspects, dbw.in_hand;
ALTER TABLE dbw.positions DROP COLUMN cluster_id, DROP COLUMN topic_id;
