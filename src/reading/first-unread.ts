import type { Kafka } from 'kafkajs';
import { LogReader, type Range } from '../kafka/log-reader.js';
import { partitionName } from '../kafka/topic-partition.js';

/** So much of a partition is looked through for its first event: records of transactions are none. */
const LOOK_AT = 500;
/** Of a partition with large batches one comes all the same. */
const FETCH_BYTES = 16 * 1024;
const PATIENCE_MS = 5_000;

async function look(kafka: Kafka, ranges: readonly Range[], signal: AbortSignal): Promise<Map<string, number>> {
  const reader = new LogReader(kafka, ranges, { signal, patienceMs: PATIENCE_MS, partitionBytes: FETCH_BYTES });
  const found = new Map<string, number>();
  for await (const { messages, ...at } of reader.slices()) {
    const [first] = messages;
    if (first && first.timestamp > 0 && !found.has(partitionName(at))) found.set(partitionName(at), first.timestamp);
  }
  return found;
}

/**
 * When the first events of these ranges were made.
 *
 * @returns milliseconds since 1970, under `topic:partition`; a partition is left out where its first records say nothing
 * @throws where the records cannot be read
 */
export async function firstTimes(
  kafka: Kafka,
  ranges: readonly Range[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, number>> {
  const upTo = (count: number) => ranges.map((range) => ({ ...range, to: Math.min(range.to, range.from + count) }));
  const found = await look(kafka, upTo(1), signal);
  const unclear = upTo(LOOK_AT).filter((range) => !found.has(partitionName(range)) && range.to > range.from + 1);
  return unclear.length === 0 ? found : new Map([...found, ...(await look(kafka, unclear, signal))]);
}
