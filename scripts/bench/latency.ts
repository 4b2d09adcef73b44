// From the append in Kafka to the commit in PostgreSQL, at a steady rate.
import { setTimeout as delay } from 'node:timers/promises';
import kafkajs from 'kafkajs';
import { startDbw } from '../../test/support/cli.js';
import type { Message } from '../../test/support/generator/index.js';
import { ask } from '../../test/support/port.js';
import { byTopic, testKafka } from '../../test/support/topics.js';
import { unique } from '../../test/support/unique.js';
import { dropDatabase, newDatabase } from './databases.js';
import { quantile } from './metrics.js';

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
 * @param perSecond how many are sent each second
 * @param messages sent in their order; the first tenth at once, to warm up
 */
export async function latencyAt(perSecond: number, messages: readonly Message[], prefix: string): Promise<Latency> {
  const database = await newDatabase();
  const place = { DB_DATABASE: database, KAFKA_TOPIC_PREFIX: prefix, KAFKA_GROUP_ID: unique('group') };
  const running = startDbw(['consume'], { ...place, LOG_LEVEL: 'info' }); // the log says where it answers
  const producer = testKafka().producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
  await producer.connect();
  const sending: Promise<unknown>[] = [];
  const send = (some: readonly Message[]) => {
    sending.push(producer.sendBatch({ acks: 1, topicMessages: byTopic(some, prefix) }));
  };
  const metrics = async () => (await ask(running, '/metrics')).text;
  const written = async () => Number(/^dbw_event_latency_seconds_count (\d+)/m.exec(await metrics())?.[1] ?? 0);
  try {
    // The first tenth warms up: connections, compiled code, statements.
    const warm = Math.floor(messages.length / 10);
    send(messages.slice(0, warm));
    while ((await written()) < warm) await delay(50);
    const before = await metrics();
    const started = performance.now();
    for (let at = warm; at < messages.length;) {
      const due = Math.min(messages.length, warm + Math.floor(((performance.now() - started) / 1000) * perSecond));
      if (due > at) send(messages.slice(at, due));
      at = due;
      await delay(EVERY_MS);
    }
    await Promise.all(sending);
    while ((await written()) < messages.length) await delay(50);
    const after = await metrics();
    const of = (share: number) => quantile(before, after, 'dbw_event_latency_seconds', share) * 1000;
    return { perSecond, p50: of(0.5), p99: of(0.99), p999: of(0.999) };
  } finally {
    running.child.kill('SIGTERM');
    await running.ended;
    await producer.disconnect();
    await dropDatabase(database);
  }
}
