import type { Kafka } from 'kafkajs';
import { call, inside, openCluster } from './inside.js';
import { onceLed, type LogEnd } from './topics.js';

/** What was learnt of partitions may be so old; then there may be more of them. */
const KNOWN_MS = 30_000;

interface Opened {
  readonly cluster: object;
  readonly name: string;
  readonly at: number;
}

/** Partitions of a topic, as kafkajs takes them. */
interface Asked {
  readonly topic: string;
  readonly partitions: readonly { readonly partition: number }[];
}

type Offsets = ReadonlyMap<string, number>;

function nameOf(topic: string, partition: unknown): string {
  return `${topic}:${String(partition)}`;
}

function listIn(value: unknown): unknown[] {
  if (!Array.isArray(value)) throw new Error('kafkajs is not built as expected: it gives no list');
  return value;
}

/** Offsets of partitions: the first, or those behind the last. */
async function offsetsOf(cluster: object, asked: readonly Asked[], fromBeginning: boolean): Promise<Offsets> {
  const answer = await call(
    cluster,
    'fetchTopicsOffset',
    asked.map((one) => ({ ...one, fromBeginning })),
  );
  return new Map(
    listIn(answer).flatMap((one) =>
      listIn(inside(one, 'partitions')).map((at): [string, number] => [
        nameOf(String(inside(one, 'topic')), inside(at, 'partition')),
        Number(inside(at, 'offset')),
      ]),
    ),
  );
}

async function endsIn(cluster: object, topics: readonly string[], isAnew = false): Promise<LogEnd[]> {
  await call(cluster, isAnew ? 'refreshMetadata' : 'refreshMetadataIfNecessary');
  const asked = topics.map((topic) => ({
    topic,
    partitions: listIn(call(cluster, 'findTopicPartitionMetadata', topic)).map((one) => ({
      partition: Number(inside(one, 'partitionId')),
    })),
  }));
  // The same cluster, but asked for what is there and not for what can be read. In this order: none is beyond the next.
  const whole: unknown = Object.create(cluster, { isolationLevel: { value: 0 } });
  if (typeof whole !== 'object' || whole === null) return [];
  const lows = await offsetsOf(cluster, asked, true);
  const highs = await offsetsOf(cluster, asked, false);
  const lasts = await offsetsOf(whole, asked, false);
  return asked.flatMap(({ topic, partitions }) =>
    partitions.flatMap(({ partition }) => {
      const of = (offsets: Offsets) => offsets.get(nameOf(topic, partition));
      const [low, high, last] = [of(lows), of(highs), of(lasts)];
      return low === undefined || high === undefined || last === undefined
        ? []
        : [{ topic, partition, low, high, last }];
    }),
  );
}

/**
 * Asks where logs begin and end. A client of kafkajs remembers every topic that it was ever asked for, and fails for all of
 * them once one is deleted; it also believes for minutes that a topic has the partitions that it had. So this one is made
 * anew for other topics, after a failure, and from time to time.
 */
export class LogEnds {
  private opened: Opened | undefined;
  private last: Promise<unknown> = Promise.resolve();

  constructor(private readonly kafka: Kafka) {}

  /**
   * Where each partition of these topics begins and ends now.
   *
   * @param topics topics that exist
   * @throws where one does not, or no broker answers
   */
  ask(topics: readonly string[]): Promise<LogEnd[]> {
    // One after the other: the next question may need another client.
    const answer = this.last.then(() => this.askNow(topics));
    this.last = answer.catch(() => undefined);
    return answer;
  }

  /** Where partitions begin and end, also of those that were added a moment ago. */
  askAnew(topics: readonly string[]): Promise<LogEnd[]> {
    this.last = this.last.then(() => this.close());
    return this.ask(topics);
  }

  private async askNow(topics: readonly string[]): Promise<LogEnd[]> {
    if (topics.length === 0) return [];
    const cluster = await this.open(topics);
    try {
      let attempt = 0;
      return await onceLed(() => endsIn(cluster, topics, attempt++ > 0)); // partitions may have moved
    } catch (error) {
      void this.close();
      throw error;
    }
  }

  private async open(topics: readonly string[]): Promise<object> {
    const name = [...topics].sort().join();
    if (this.opened?.name === name && Date.now() - this.opened.at < KNOWN_MS) return this.opened.cluster;
    void this.close();
    const cluster = openCluster(this.kafka, { readCommitted: true });
    if (typeof cluster !== 'object' || cluster === null) throw new TypeError('kafkajs makes no cluster');
    this.opened = { cluster, name, at: Date.now() };
    try {
      await call(cluster, 'connect');
      await onceLed(() => Promise.resolve(call(cluster, 'addMultipleTargetTopics', topics)));
    } catch (error) {
      void this.close();
      throw error;
    }
    return cluster;
  }

  /** Ends the connection; a later question makes another. */
  async close(): Promise<void> {
    const { opened } = this;
    this.opened = undefined;
    if (opened) await Promise.resolve(call(opened.cluster, 'disconnect')).catch(() => undefined);
  }
}
