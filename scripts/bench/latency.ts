// From the append in Kafka to the commit in PostgreSQL, at a steady rate.
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { textOfMetrics, quantile } from './metrics.js';
import kafkajs from 'kafkajs';
import type { Message } from '../../test/support/generator/index.js';
import { testKafka } from '../../test/support/topics.js';
import { unique } from '../../test/support/unique.js';
import { freePort } from '../../test/support/services/ports.js';
import { dropDatabase, freshDatabase } from './databases.js';
import { start } from './dbw.js';

/** How often a bundle of events is sent: the sender's own rhythm must not be what is measured. */
const EVERY_MS = 5;

export interface Latency {
  readonly perSecond: number;
  /** Milliseconds, each the upper bound of its bucket. */
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
}

/**
 * Sends events at a steady rate to a `consume` that has nothing else to do.
 *
 * @param messages sent in their order; as many as `perSecond` * `seconds`
 */
export async function latencyAt(perSecond: number, messages: readonly Message[], prefix: string): Promise<Latency> {
  const database = await freshDatabase();
  const port = await freePort();
  const child = start(['consume'], {
    ...{ DB_DATABASE: database, KAFKA_TOPIC_PREFIX: prefix, KAFKA_GROUP_ID: unique('group') },
    DB_WRITER_SERVICE_PORT: String(port),
  });
  const producer = testKafka().producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
  await producer.connect();
  const sending: Promise<unknown>[] = [];
  const send = (some: readonly Message[]) => {
    const byTopic = new Map<string, Message[]>();
    for (const message of some) byTopic.set(message.topic, [...(byTopic.get(message.topic) ?? []), message]);
    const topicMessages = [...byTopic].map(([topic, list]) => ({
      topic: prefix + topic,
      messages: list.map(({ key, value }) => ({ key, value })),
    }));
    sending.push(producer.sendBatch({ acks: 1, topicMessages }));
  };
  const written = async () =>
    Number(/^dbw_event_latency_seconds_count (\d+)/m.exec(await textOfMetrics(port))?.[1] ?? 0);
  try {
    // The first tenth warms up: connections, compiled code, statements.
    const warm = Math.floor(messages.length / 10);
    send(messages.slice(0, warm));
    while ((await written()) < warm) await delay(50);
    const before = await textOfMetrics(port);
    const started = performance.now();
    for (let at = warm; at < messages.length;) {
      const due = Math.min(messages.length, warm + Math.floor(((performance.now() - started) / 1000) * perSecond));
      if (due > at) send(messages.slice(at, due));
      at = due;
      await delay(EVERY_MS);
    }
    await Promise.all(sending);
    while ((await written()) < messages.length) await delay(50);
    const after = await textOfMetrics(port);
    const of = (share: number) => quantile(before, after, 'dbw_event_latency_seconds', share) * 1000;
    return { perSecond, p50: of(0.5), p99: of(0.99), p999: of(0.999) };
  } finally {
    const closed = once(child, 'close');
    child.kill('SIGTERM');
    await closed;
    await producer.disconnect();
    await dropDatabase(database);
  }
}
