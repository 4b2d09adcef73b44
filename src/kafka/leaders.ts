import kafkajs from 'kafkajs';
import metadata from 'kafkajs/src/protocol/requests/metadata/v6/response.js';
import { inside, methodOf } from './inside.js';
import type { TopicPartition } from './topic-partition.js';

/**
 * A partition without a leader (its broker is down and nobody has a copy) is nobody else's trouble. kafkajs 2.2.4 thinks
 * otherwise in two places, and stops for all topics that it was asked for: both are mended here.
 */

/** Kafka's errors of a partition that say this: no leader, or one that has no listener for us. */
const WITHOUT_LEADER: readonly number[] = [5, 72];
const NOBODY = -1;

/**
 * Has kafkajs take what brokers tell of partitions also where some have no leader: it threw all of it away. Version 6 of the
 * answer is the only one that the brokers get asked for whose topics have ids.
 */
export function takePartitionsWithoutLeader(): void {
  const { parse } = metadata;
  metadata.parse = (answer) =>
    parse({
      ...answer,
      topicMetadata: answer.topicMetadata.map((topic) => ({
        ...topic,
        partitionMetadata: topic.partitionMetadata.map((of) =>
          WITHOUT_LEADER.includes(of.partitionErrorCode) ? { ...of, partitionErrorCode: 0, leader: NOBODY } : of,
        ),
      })),
    });
}

export function listIn(value: unknown): unknown[] {
  if (!Array.isArray(value)) throw new Error('kafkajs is not built as expected: it gives no list');
  return value;
}

/** The partitions of a topic that a cluster of kafkajs knows, and whether somebody leads them. */
export function partitionsIn(
  cluster: object,
  topic: string,
): readonly (TopicPartition & { readonly isLed: boolean })[] {
  return listIn(methodOf(cluster, 'findTopicPartitionMetadata')(topic)).map((one) => ({
    topic,
    partition: Number(inside(one, 'partitionId')),
    isLed: Number(inside(one, 'leader')) !== NOBODY,
  }));
}

/**
 * kafkajs' consumer asks for the first offset of each partition of which its group has none, again and again, and reads nothing
 * until it has all. Those without a leader are not asked for: 0 stands for it, since where reading begins is told by `seek`.
 */
export function askLeadersOnly(cluster: object): void {
  const ask = methodOf(cluster, 'fetchTopicsOffset');
  const askLeaders = async (asked: unknown): Promise<unknown> => {
    const answers: object[] = [];
    for (const one of listIn(asked)) {
      const topic = String(inside(one, 'topic'));
      const led = new Set(
        partitionsIn(cluster, topic)
          .filter(({ isLed }) => isLed)
          .map(({ partition }) => partition),
      );
      const wanted = listIn(inside(one, 'partitions'));
      const isLed = (at: unknown) => led.has(Number(inside(at, 'partition')));
      const found = wanted.some(isLed) ? listIn(await ask([Object.assign({}, one, { partitions: wanted.filter(isLed) })])) : []; // prettier-ignore
      const rest = wanted.filter((at) => !isLed(at)).map((at) => ({ partition: inside(at, 'partition'), offset: '0' }));
      answers.push({ topic, partitions: [...found.flatMap((of) => listIn(inside(of, 'partitions'))), ...rest] });
    }
    return answers;
  };
  Object.defineProperty(cluster, 'fetchTopicsOffset', { value: askLeaders });
}

/** That partitions have no leader: it passes, and is tried again where errors that pass are. */
export class LeaderlessError extends kafkajs.KafkaJSError {
  override readonly name = 'LeaderlessError';

  constructor(unled: readonly TopicPartition[]) {
    super(`${namesOf(unled)}: no broker leads it now`, { retriable: true });
  }
}

/** A few places in words. */
export function namesOf(places: readonly TopicPartition[]): string {
  const [first] = places;
  const more = places.length > 1 ? ` and ${places.length - 1} more` : '';
  return first ? `${first.topic}:${first.partition}${more}` : '';
}
