import { Partitioners, type Kafka, type Producer } from 'kafkajs';
import { headersOf } from '../kafka/letters.js';
import { messageOf, type DeadLetter } from '../letters/dead-letter.js';
import type { Fate } from './fates.js';

/** What the message brought of the ways that it went before: others would take it for their own. */
const NEVER_AGAIN = /^(__|kafka_|dbw\.)|^(traceparent|tracestate|baggage|b3)$|^x-b3-/i;

/** Headers of a message that is sent again: its own, and what keeps it from being replayed for ever should it die again. */
export function headersAgain(letter: DeadLetter, prefix: string): (readonly [string, Buffer | string])[] {
  const kept = messageOf(letter, prefix).headers.flatMap(([name, value]) =>
    NEVER_AGAIN.test(name) ? [] : [[name, value ?? Buffer.alloc(0)] as const],
  );
  const first = new Date(letter.firstFailedAt).toISOString();
  return [
    ...kept,
    ['dbw.dlq.replays', String(letter.replays + 1)] as const,
    ['dbw.dlq.first-failed-at', first] as const,
  ];
}

/** Sends the messages of letters to the topics that they came from, where everybody who reads these sees them again. */
export class Republisher {
  private constructor(
    private readonly producer: Producer,
    private readonly prefix: string,
    /** Partitions of each topic that is there. */
    private readonly partitions: ReadonlyMap<string, number>,
  ) {}

  /** @param partitions how many each source topic has */
  static async open(kafka: Kafka, prefix: string, partitions: ReadonlyMap<string, number>): Promise<Republisher> {
    const producer = kafka.producer({
      allowAutoTopicCreation: false,
      createPartitioner: Partitioners.DefaultPartitioner,
    });
    await producer.connect();
    return new Republisher(producer, prefix, partitions);
  }

  /**
   * Sends letters; those of one key stay in order. Resolves when all in-sync replicas have them.
   *
   * @throws what Kafka says; some may have been sent then
   */
  async send(letters: readonly DeadLetter[]): Promise<Fate[]> {
    const byTopic = new Map<string, { letter: DeadLetter; partition: number }[]>();
    const gone: DeadLetter[] = [];
    for (const letter of letters) {
      const { topic, partition } = messageOf(letter, this.prefix);
      const count = this.partitions.get(topic);
      if (count === undefined) gone.push(letter);
      else
        byTopic.set(topic, [...(byTopic.get(topic) ?? []), { letter, partition: partition < count ? partition : -1 }]);
    }
    if (byTopic.size > 0) {
      await this.producer.sendBatch({
        acks: -1,
        topicMessages: [...byTopic].map(([topic, list]) => ({
          topic,
          messages: list.map(({ letter, partition }) => ({
            key: letter.record.key,
            value: letter.record.value,
            headers: headersOf({ headers: headersAgain(letter, this.prefix) }),
            // Where it was, so that it keeps its place among those of its key; where that is no more, its key decides.
            ...(partition < 0 ? {} : { partition }),
          })),
        })),
      });
    }
    const sent = new Set(letters.filter((letter) => !gone.includes(letter)));
    return letters.map((letter) =>
      sent.has(letter)
        ? { letter, outcome: 'republished' }
        : { letter, outcome: 'skipped', why: 'its topic is not there any more' },
    );
  }

  async close(): Promise<void> {
    await this.producer.disconnect();
  }
}
