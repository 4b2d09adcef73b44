import { again } from './again.js';
import { databaseDown } from './database-down.js';
import { duplicates } from './duplicates.js';
import { hotPartition } from './hot-partition.js';
import type { Incident } from './incident.js';
import { lagExplosion } from './lag-explosion.js';
import { lateParents } from './late-parents.js';
import { manyLetters } from './many-letters.js';
import { poison } from './poison.js';
import { schemaDrift } from './schema-drift.js';
import { wrongData } from './wrong-data.js';

/** All incidents, in the order of the document. */
export const incidents: readonly Incident[] = [
  ...[poison, databaseDown, schemaDrift, lateParents, duplicates],
  ...[lagExplosion, wrongData, manyLetters, again, hotPartition],
];
