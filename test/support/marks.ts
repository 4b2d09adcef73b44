import { readConfig } from '../../src/config.js';
import { Marks } from '../../src/writing/marks.js';
import { until } from './until.js';

/** Marks in the Redis of the tests, connected; `close` them. */
export async function connectedMarks(): Promise<Marks> {
  const { redis, idempotencyTtl } = readConfig(process.env);
  if (!redis) throw new Error('the servers of the tests have a Redis');
  const marks = Marks.open(redis, idempotencyTtl, () => undefined);
  await until(() => marks.connected);
  return marks;
}
