import { setTimeout as delay } from 'node:timers/promises';
import { Partitioners, type IHeaders, type Kafka, type Producer } from 'kafkajs';
import type { Logger } from 'pino';
import { backoff } from '../waiting/backoff.js';
import type { Letter } from '../letters/letter.js';
import { placeOf } from '../event/message.js';
import { Failing } from '../waiting/repeat.js';
import { protocolErrorOf } from './protocol-error.js';

/** Bytes of letters in one request, far below what topics take by default: what is too large is then one letter, not many. */
const REQUEST_BYTES = 512 * 1024;
/** What a record and a header add to their bytes, roughly. */
const RECORD_BYTES = 32;
const HEADER_BYTES = 8;

/** Headers as kafkajs takes them: a name that occurs more than once has a list. */
export function headersOf(letter: Pick<Letter, 'headers'>): IHeaders {
  const headers = new Map<string, (string | Buffer)[]>();
  for (const [name, value] of letter.headers) {
    const values = headers.get(name);
    if (values) values.push(value);
    else headers.set(name, [value]);
  }
  return Object.fromEntries(headers);
}

function bytesOf({ key, value, headers }: Letter): number {
  const length = (of: string | Buffer) => (typeof of === 'string' ? Buffer.byteLength(of) : of.length);
  const body = RECORD_BYTES + (key?.length ?? 0) + (value?.length ?? 0);
  return headers.reduce((sum, [name, of]) => sum + HEADER_BYTES + length(name) + length(of), body);
}

/** Letters in their order, in parcels that one request can carry; what is larger than that goes alone. */
function* parcelsOf(letters: readonly Letter[]): Generator<readonly Letter[]> {
  let parcel: Letter[] = [];
  let bytes = 0;
  for (const letter of letters) {
    const more = bytesOf(letter);
    if (parcel.length > 0 && bytes + more > REQUEST_BYTES) {
      yield parcel;
      parcel = [];
      bytes = 0;
    }
    parcel.push(letter);
    bytes += more;
  }
  if (parcel.length > 0) yield parcel;
}

interface Patience {
  /** Aborted when the process is to end. */
  readonly signal: AbortSignal;
  readonly onRetry: () => void;
  readonly delayMs: number;
  readonly log: Logger;
}

interface Fallbacks {
  /** Resolves when a letter that the topic does not take is safe elsewhere. */
  readonly keep: (letter: Letter) => Promise<void>;
  /** Makes the topic again, should it be gone. */
  readonly restoreTopic: () => Promise<void>;
}

/** Sends letters to the dead-letter topic. */
export class LetterBox {
  private constructor(
    private readonly producer: Producer,
    readonly topic: string,
    private readonly fallbacks: Fallbacks,
  ) {}

  static async open(kafka: Kafka, topic: string, fallbacks: Fallbacks): Promise<LetterBox> {
    const producer = kafka.producer({
      allowAutoTopicCreation: false,
      // Java's partitioner: letters of one key stay in order, whoever wrote them.
      createPartitioner: Partitioners.DefaultPartitioner,
      // We try again ourselves, and say so.
      retry: { initialRetryTime: 100, retries: 2 },
    });
    await producer.connect();
    return new LetterBox(producer, topic, fallbacks);
  }

  /**
   * Sends letters, again and again until all in-sync replicas have them; those too large for the topic are kept by
   * `keep`. A letter may arrive more than once. The record's time is the time of sending.
   *
   * @throws the last error, once the signal is aborted
   */
  async sendPatiently(letters: readonly Letter[], patience: Patience): Promise<void> {
    for (const parcel of parcelsOf(letters)) await this.deliver(parcel, patience);
  }

  private async deliver(letters: readonly Letter[], patience: Patience): Promise<void> {
    if ((await this.patiently(letters.length, patience, () => this.produce(letters))) === 'delivered') return;
    const [only] = letters;
    if (letters.length === 1 && only) {
      await this.patiently(1, patience, () => this.fallbacks.keep(only));
      const about = { at: placeOf(only), bytes: bytesOf(only) };
      patience.log.warn(about, `a dead letter is too large for ${this.topic}: it is kept in dbw.oversize_letters`);
      return;
    }
    // One of them, or all together: those that were taken before the refusal are sent again, and the newest counts.
    const middle = letters.length >> 1;
    await this.deliver(letters.slice(0, middle), patience);
    await this.deliver(letters.slice(middle), patience);
  }

  /** One request; resolves when all in-sync replicas have the letters, or when the broker says that it is too large. */
  private async produce(letters: readonly Letter[]): Promise<'delivered' | 'too large'> {
    try {
      await this.producer.send({
        topic: this.topic,
        acks: -1,
        messages: letters.map((letter) => ({ key: letter.key, value: letter.value, headers: headersOf(letter) })),
      });
      return 'delivered';
    } catch (error) {
      const type = protocolErrorOf(error);
      if (type === 'MESSAGE_TOO_LARGE' || type === 'RECORD_LIST_TOO_LARGE') return 'too large';
      if (type === 'UNKNOWN_TOPIC_OR_PARTITION') await this.fallbacks.restoreTopic();
      throw error;
    }
  }

  private async patiently<T>(count: number, patience: Patience, work: () => Promise<T>): Promise<T> {
    const { signal, onRetry, delayMs, log } = patience;
    const failing = new Failing(log, `writing of ${count} dead letters`);
    for (let attempt = 1; ; attempt++) {
      try {
        const result = await work();
        failing.succeeded();
        return result;
      } catch (error) {
        if (signal.aborted) throw error;
        onRetry();
        failing.failed(error);
        await delay(backoff(delayMs, attempt), undefined, { signal }).catch(() => undefined);
      }
    }
  }

  async close(): Promise<void> {
    await this.producer.disconnect();
  }
}
