import { setTimeout as delay } from 'node:timers/promises';
import type { EachBatchPayload } from 'kafkajs';

/** How often the group hears of us while we wait. */
export const HEARTBEAT_MS = 2_000;

/**
 * Waits within kafkajs until more may be read: what else it has fetched waits with it. To pause all partitions would do the
 * same, but kafkajs sleeps for `maxWaitTimeInMs` whenever it finds nothing to fetch, and fetches again what it already had of
 * a paused partition.
 *
 * @param room resolves when there is room; undefined where there is
 * @throws kafkajs' error where the group shares its partitions anew
 */
export async function untilRoom(room: () => Promise<void> | undefined, payload: EachBatchPayload): Promise<void> {
  for (let waiting = room(); waiting; waiting = room()) {
    if (!payload.isRunning() || payload.isStale()) return;
    const waited = new AbortController();
    await Promise.race([waiting, delay(HEARTBEAT_MS, undefined, { signal: waited.signal }).catch(() => undefined)]);
    waited.abort();
    await payload.heartbeat();
  }
}
