import type { Kafka } from 'kafkajs';
import { call, inside, openCluster } from './inside.js';
import { decodeAnswer, encodeQuestion, METADATA, type Identities } from './topic-ids.js';

export type { Identities };

const DEADLINE_MS = 10_000;

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`no answer within ${ms / 1_000} s`));
    }, ms);
  });
  return Promise.race([work, late]).finally(() => {
    clearTimeout(timer);
  });
}

/**
 * Asks a broker which cluster and which topics these are: a topic that was deleted and made again has another id. kafkajs
 * speaks no version of the protocol that tells ids, so the question is put through its connection, with its TLS and SASL.
 * The connection is kept between questions and made anew after a failure.
 */
export class LogIdentities {
  private cluster: unknown;

  constructor(
    private readonly kafka: Kafka,
    private readonly deadlineMs = DEADLINE_MS,
  ) {}

  /**
   * @param topics topics that do not exist are left out of the answer
   * @throws where no broker answers in time, or answers what cannot be understood
   */
  async ask(topics: readonly string[]): Promise<Identities> {
    const cluster = (this.cluster ??= openCluster(this.kafka));
    try {
      return decodeAnswer(await within(this.deadlineMs, this.send(cluster, encodeQuestion(topics))));
    } catch (error) {
      if (this.cluster === cluster) void this.close();
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(`Kafka did not say which topics it has: ${reason}`, { cause: error });
    }
  }

  private async send(cluster: unknown, payload: Buffer): Promise<Buffer> {
    const broker = await call(inside(cluster, 'brokerPool'), 'findConnectedBroker');
    const versions = inside(inside(broker, 'versions'), String(METADATA.apiKey));
    const newest = Number(inside(versions, 'maxVersion'));
    if (newest < METADATA.apiVersion) throw new Error(`the broker is older than Kafka 2.8, which gave topics ids`);
    const answer = await call(inside(broker, 'connectionPool'), 'send', {
      request: { ...METADATA, encode: () => ({ buf: payload, buffer: payload }) },
      response: { decode: (bytes: unknown) => bytes, parse: (bytes: unknown) => bytes },
      requestTimeout: this.deadlineMs,
      logResponseError: false,
    });
    if (!Buffer.isBuffer(answer)) throw new Error('kafkajs is not built as expected: an answer is no buffer');
    return answer;
  }

  /** Ends the connection; a later question makes another. */
  async close(): Promise<void> {
    const cluster = this.cluster;
    this.cluster = undefined;
    if (cluster === undefined) return;
    try {
      // kafkajs waits for answers that may never come; nobody else does.
      await within(this.deadlineMs, Promise.resolve(call(cluster, 'disconnect')));
    } catch {
      // What is left ends with its own deadline.
    }
  }
}

/** Asks once. */
export async function logIdentities(kafka: Kafka, topics: readonly string[]): Promise<Identities> {
  const identities = new LogIdentities(kafka);
  try {
    return await identities.ask(topics);
  } finally {
    await identities.close();
  }
}
