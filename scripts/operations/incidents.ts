import type { Incident } from './incident.js';
import { wrongData } from './wrong-data.js';

/** All incidents, in the order of the document. */
export const incidents: readonly Incident[] = [wrongData];
