import { call, openCluster } from '../../src/kafka/inside.js';
import { onceLed, type PartitionEnd } from '../../src/kafka/topics.js';
import { testKafka } from './topics.js';

type Offsets = readonly { topic: string; partitions: readonly { partition: number; offset: string }[] }[];

/**
 * Where each partition of these topics begins and ends now, as soon as every leader says so. In a question or three: the admin
 * client of kafkajs asks about one topic after the other, and each time anew about all that it knows.
 */
export async function endsOf(topics: readonly string[]): Promise<PartitionEnd[]> {
  if (topics.length === 0) return [];
  const cluster = openCluster(testKafka(), { readCommitted: true });
  await call(cluster, 'connect');
  try {
    return await onceLed(async () => {
      await call(cluster, 'addMultipleTargetTopics', topics);
      await call(cluster, 'refreshMetadata');
      const [lows, highs] = [await offsets(cluster, topics, true), await offsets(cluster, topics, false)];
      const lowOf = new Map(
        lows.flatMap(({ topic, partitions }) =>
          partitions.map(({ partition, offset }) => [`${topic}:${partition}`, Number(offset)] as const),
        ),
      );
      return highs.flatMap(({ topic, partitions }) =>
        partitions.map(({ partition, offset }) => {
          const low = lowOf.get(`${topic}:${partition}`);
          if (low === undefined) throw new Error(`${topic}:${partition} came between two questions`);
          return { topic, partition, low, high: Number(offset) };
        }),
      );
    });
  } finally {
    await call(cluster, 'disconnect');
  }
}

async function offsets(cluster: unknown, topics: readonly string[], fromBeginning: boolean): Promise<Offsets> {
  const asked = topics.map((topic) => {
    const known = call(cluster, 'findTopicPartitionMetadata', topic) as readonly { partitionId: number }[];
    return { topic, fromBeginning, partitions: known.map(({ partitionId: partition }) => ({ partition })) };
  });
  return (await call(cluster, 'fetchTopicsOffset', asked)) as Offsets;
}
