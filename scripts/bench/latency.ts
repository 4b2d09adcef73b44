// From the append in Kafka to the commit in PostgreSQL, at a steady rate.
import { setTimeout as delay } from 'node:timers/promises';
import kafkajs from 'kafkajs';
import { startDbw } from '../../test/support/cli.js';
import { generate, posts, type Message } from '../../test/support/generator/index.js';
import { ask } from '../../test/support/port.js';
import { byTopic, testKafka } from '../../test/support/topics.js';
import { unique } from '../../test/support/unique.js';
import { inNewDatabase } from './databases.js';
import { quantile } from './metrics.js';
import type { Part } from './part.js';
import type { Sample, Way } from './rounds.js';
import { emptyTopics, USERS } from './staging.js';

/** How often a bundle of events is sent: the sender's own rhythm must not be what is measured. */
const EVERY_MS = 5;

/**
 * Sends events at a steady rate to a `consume` that has nothing else to do.
 *
 * @param perSecond how many are sent each second
 * @param messages sent in their order; the first tenth at once, to warm up
 * @returns milliseconds, each the upper bound of its bucket
 */
async function latencyIn(
  database: string,
  { perSecond, messages, prefix }: { perSecond: number; messages: readonly Message[]; prefix: string },
): Promise<Sample> {
  const place = { DB_DATABASE: database, KAFKA_TOPIC_PREFIX: prefix, KAFKA_GROUP_ID: unique('group') };
  const running = startDbw(['consume'], { ...place, LOG_LEVEL: 'info' }); // the log says where it answers
  const producer = testKafka().producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
  await producer.connect();
  const sending: Promise<unknown>[] = [];
  const send = (some: readonly Message[]) => {
    sending.push(producer.sendBatch({ acks: 1, topicMessages: byTopic(some, prefix) }));
  };
  // A connection that was kept may be closed by the other end just when it is used again.
  const scrape = () => ask(running, '/metrics');
  const metrics = async () => (await scrape().catch(scrape)).text;
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
    return { p50: of(0.5), p99: of(0.99), p999: of(0.999) };
  } finally {
    running.child.kill('SIGTERM');
    await running.ended;
    await producer.disconnect();
  }
}

const SECONDS = 15;
/** What a process takes to come and go, and the last events to be written. */
const AROUND = 5;
const RATES = [
  ['posts', 100],
  ['posts', 1_000],
  ['posts', 10_000],
  ['all thirty types', 1_000],
] as const;

export const latency: Part = {
  names: ['latency'],
  title: 'latency at so many events/s',
  seconds: ({ rounds }) => rounds * RATES.length * (SECONDS + AROUND),
  async run(_asked, measure) {
    const ways = RATES.map(([what, perSecond]): Way => {
      const events = perSecond * SECONDS;
      const messages =
        what === 'posts'
          ? [...posts({ seed: perSecond, events, users: USERS })]
          : generate({ seed: perSecond, events, poison: 0, disorder: 0, duplicates: 0 });
      const run = async () => {
        const prefix = await emptyTopics(messages.map(({ topic }) => topic));
        return inNewDatabase((database) => latencyIn(database, { perSecond, messages, prefix }));
      };
      const name = `${what}, ${perSecond.toLocaleString('en-US')}`;
      return { name, ...(what === 'posts' ? { size: perSecond } : {}), run };
    });
    return measure(ways);
  },
};
