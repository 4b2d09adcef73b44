import { Partitioners, type IHeaders, type Kafka, type Producer } from 'kafkajs';
import type { Letter } from '../letter.js';

/** Headers as kafkajs takes them: a name that occurs more than once has a list. */
function headersOf(letter: Letter): IHeaders {
  const headers = new Map<string, (string | Buffer)[]>();
  for (const [name, value] of letter.headers) headers.set(name, [...(headers.get(name) ?? []), value]);
  return Object.fromEntries(headers);
}

/** Sends letters to the dead-letter topic. */
export class LetterBox {
  private constructor(
    private readonly producer: Producer,
    readonly topic: string,
  ) {}

  static async open(kafka: Kafka, topic: string): Promise<LetterBox> {
    // Java's partitioner: letters of one key stay in order, whoever wrote them.
    const producer = kafka.producer({ allowAutoTopicCreation: false, createPartitioner: Partitioners.DefaultPartitioner });
    await producer.connect();
    return new LetterBox(producer, topic);
  }

  /** Resolves when all in-sync replicas have the letters. The record's time is the time of failure. */
  async send(letters: readonly Letter[]): Promise<void> {
    if (letters.length === 0) return;
    await this.producer.send({
      topic: this.topic,
      acks: -1,
      messages: letters.map((letter) => ({ key: letter.key, value: letter.value, headers: headersOf(letter) })),
    });
  }

  async close(): Promise<void> {
    await this.producer.disconnect();
  }
}
