import { newborn, type Vitals } from '../../src/health/vitals.js';

const START = Date.UTC(2024, 0, 1);

/** A writer that has nothing to complain about. */
export const WELL: Vitals = {
  ...newborn('1.2.3', 20, START),
  consumer: 'reading',
  kafka: { connected: true },
  database: { connected: true, activeConnections: 5, poolSize: 20 },
  redis: { configured: true, connected: true },
};
