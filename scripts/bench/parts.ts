// All that can be measured, in the order in which it is.
import { partitions, rowsThere, topics, waiting } from './growth.js';
import { latency } from './latency.js';
import { letters } from './letters.js';
import type { Part } from './part.js';
import { startUp } from './start-up.js';
import { throughput } from './throughput.js';

export const growthParts: readonly Part[] = [waiting, rowsThere, topics, partitions];
export const parts: readonly Part[] = [throughput, latency, ...growthParts, letters, startUp];
