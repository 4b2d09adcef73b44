import type { Kafka } from 'kafkajs';
import { EXIT, UserError } from '../errors.js';
import { call, inside, openCluster } from './inside.js';
import { LeaderlessError, listIn, partitionsIn } from './leaders.js';
import { partitionName, type TopicPartition } from './topic-partition.js';
import { onceLed, type LogEnd } from './topics.js';

/** What was learnt of partitions may be so old; then there may be more of them. */
const KNOWN_MS = 30_000;

interface Opened {
  readonly cluster: object;
  readonly name: string;
  readonly at: number;
}

/** Where logs begin and end. */
export interface Ends {
  readonly ends: readonly LogEnd[];
  /** Partitions of which nobody can tell, since no broker leads them. */
  readonly unled: readonly TopicPartition[];
}

/** Partitions of a topic, as kafkajs takes them. */
interface Asked {
  readonly topic: string;
  readonly partitions: readonly { readonly partition: number }[];
}

type Offsets = ReadonlyMap<string, number>;

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
        partitionName({ topic: String(inside(one, 'topic')), partition: Number(inside(at, 'partition')) }),
        Number(inside(at, 'offset')),
      ]),
    ),
  );
}

async function endsIn(cluster: object, topics: readonly string[], isAnew: boolean): Promise<Ends> {
  await call(cluster, isAnew ? 'refreshMetadata' : 'refreshMetadataIfNecessary');
  const all = topics.flatMap((topic) => partitionsIn(cluster, topic));
  const led = all.filter(({ isLed }) => isLed);
  const unled = all.filter(({ isLed }) => !isLed).map(({ topic, partition }) => ({ topic, partition }));
  const asked = topics
    .map((topic) => ({ topic, partitions: led.filter((at) => at.topic === topic) }))
    .filter(({ partitions }) => partitions.length > 0);
  // The same cluster, but asked for what is there and not for what can be read. What is written between two answers
  // must not look as if an open transaction kept it back: the end of what can be read is asked for last.
  const whole: unknown = Object.create(cluster, { isolationLevel: { value: 0 } });
  if (typeof whole !== 'object' || whole === null) throw new TypeError('kafkajs makes no cluster');
  const lows = await offsetsOf(cluster, asked, true);
  const lasts = await offsetsOf(whole, asked, false);
  const highs = await offsetsOf(cluster, asked, false);
  const ends = led.flatMap(({ topic, partition }) => {
    const of = (offsets: Offsets) => offsets.get(partitionName({ topic, partition }));
    const [low, high, last] = [of(lows), of(highs), of(lasts)];
    const isTold = low !== undefined && high !== undefined && last !== undefined;
    return isTold ? [{ topic, partition, low, high, last: Math.max(last, high) }] : [];
  });
  return { ends, unled };
}

/**
 * Asks where logs begin and end. A client of kafkajs remembers every topic that it was ever asked for, and fails for all of
 * them once one is deleted; it also believes for minutes that a topic has the partitions that it had. So this one is made
 * anew for other topics, after a failure, and from time to time.
 */
export class LogEnds {
  private opened: Opened | undefined;
  private last: Promise<unknown> = Promise.resolve();
  /** Whether a partition had no leader when it was asked last: that is not believed for long. */
  private isUnled = false;

  constructor(private readonly kafka: Kafka) {}

  /** Works with one that is closed afterwards, also where the work fails. */
  static async with<T>(kafka: Kafka, work: (ends: LogEnds) => Promise<T>): Promise<T> {
    const ends = new LogEnds(kafka);
    try {
      return await work(ends);
    } finally {
      await ends.close();
    }
  }

  /**
   * Where each partition of these topics begins and ends now.
   *
   * @param topics topics that exist
   * @throws where one does not exist or no broker answers, and UserError where a partition has no leader for seconds
   */
  async ask(topics: readonly string[]): Promise<readonly LogEnd[]> {
    return (await this.inTurn(topics, true)).ends;
  }

  /** The same of the partitions that have a leader, and which have none. */
  askLed(topics: readonly string[]): Promise<Ends> {
    return this.inTurn(topics, false);
  }

  /** Where partitions begin and end, also of those that were added a moment ago. */
  askAnew(topics: readonly string[]): Promise<Ends> {
    this.last = this.last.then(() => this.close());
    return this.askLed(topics);
  }

  private inTurn(topics: readonly string[], isWhole: boolean): Promise<Ends> {
    // One after the other: the next question may need another client.
    const answer = this.last.then(() => this.askNow(topics, isWhole));
    this.last = answer.catch(() => undefined);
    return answer;
  }

  private async askNow(topics: readonly string[], isWhole: boolean): Promise<Ends> {
    if (topics.length === 0) return { ends: [], unled: [] };
    const cluster = await this.open(topics);
    let isAnew = false;
    try {
      return await onceLed(async () => {
        const answer = endsIn(cluster, topics, isAnew || this.isUnled);
        isAnew = true; // where it is asked again, partitions may have moved
        const found = await answer;
        this.isUnled = found.unled.length > 0;
        if (isWhole && this.isUnled) throw new LeaderlessError(found.unled);
        return found;
      });
    } catch (error) {
      void this.close();
      if (!(error instanceof LeaderlessError)) throw error;
      throw new UserError(`${error.message}. Bring its broker back, then the same again.`, EXIT.away);
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
