import { setTimeout as delay } from 'node:timers/promises';
import { Partitioners, type IHeaders, type Kafka, type Producer } from 'kafkajs';
import type { Logger } from 'pino';
import { backoff } from '../backoff.js';
import { reasonOf } from '../errors.js';
import type { Letter } from '../letter.js';

/** Headers as kafkajs takes them: a name that occurs more than once has a list. */
function headersOf(letter: Letter): IHeaders {
  const headers = new Map<string, (string | Buffer)[]>();
  for (const [name, value] of letter.headers) headers.set(name, [...(headers.get(name) ?? []), value]);
  return Object.fromEntries(headers);
}

interface Patience {
  /** Aborted when the process is to end. */
  readonly signal: AbortSignal;
  readonly onRetry: () => void;
  readonly delayMs: number;
  readonly log: Logger;
}

/** Sends letters to the dead-letter topic. */
export class LetterBox {
  private constructor(
    private readonly producer: Producer,
    readonly topic: string,
  ) {}

  static async open(kafka: Kafka, topic: string): Promise<LetterBox> {
    // Java's partitioner: letters of one key stay in order, whoever wrote them.
    const producer = kafka.producer({
      allowAutoTopicCreation: false,
      createPartitioner: Partitioners.DefaultPartitioner,
    });
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

  /**
   * Sends until the broker has the letters.
   *
   * @throws the last error, once the signal is aborted
   */
  async sendPatiently(letters: readonly Letter[], { signal, onRetry, delayMs, log }: Patience): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.send(letters);
        return;
      } catch (error) {
        if (signal.aborted) throw error;
        onRetry();
        log.warn({ attempt, letters: letters.length }, `cannot write dead letters yet: ${reasonOf(error)}`);
        await delay(backoff(delayMs, attempt), undefined, { signal }).catch(() => undefined);
      }
    }
  }

  async close(): Promise<void> {
    await this.producer.disconnect();
  }
}
