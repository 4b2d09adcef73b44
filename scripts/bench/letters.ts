// How long `dbw dlq summary` takes over many dead letters, and how much memory: against servers that are running already
// (KAFKA_BROKERS, DB_HOST, …). The letters are made by dbw's own letterOf, of six causes; the events of a third of them have been
// processed since. --keep leaves topic and database, and prints how to look at them.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import kafkajs from 'kafkajs';
import { decode } from '../../src/event/decode.js';
import type { Message } from '../../src/event/message.js';
import { registry } from '../../src/handlers/index.js';
import { letterOf } from '../../src/letters/letter.js';
import { eventKey } from '../../src/postgres/processed.js';
import { freshDatabase } from '../../test/support/database.js';
import { createTopics, testKafka, withAdmin } from '../../test/support/topics.js';
import { unique } from '../../test/support/unique.js';

const { values: flags } = parseArgs({
  options: { letters: { type: 'string', default: '1000000' }, keep: { type: 'boolean', default: false } },
});
const count = Number(flags.letters);
const BATCH = 5_000;
const PARTITIONS = 4;

/** Bytes of about 430, refused for one of six causes. */
function messageOf(i: number): Message {
  const data: Record<string, unknown> = {
    postId: `post-${i}`,
    authorId: `user-1700000000000-${i % 500}`,
    content: `${i} `.padEnd(188, 'The quick brown fox jumps over the lazy dog. '),
    mediaUrls: [`https://cdn.example.com/${i}.jpg`],
    visibility: 'public',
  };
  const cause = i % 6;
  if (cause === 0) delete data.postId;
  if (cause === 1) data.content = 7;
  if (cause === 2) data.visibility = 'nobody';
  if (cause === 3) data.mediaUrls = 'none';
  const timestamp = cause === 4 ? 'yesterday' : '2024-05-01T10:00:00.000Z';
  const eventType = cause === 5 ? 'content.post.made' : 'content.post.created';
  const eventId = `0190a000-0000-7000-8000-${i.toString(16).padStart(12, '0')}`;
  const envelope = { eventId, eventType, timestamp, data };
  return {
    topic: 'content.post.created',
    partition: i % 8,
    offset: Math.floor(i / 8),
    key: Buffer.from(`post-${i}`),
    value: Buffer.from(JSON.stringify(envelope)),
    headers: [['source', Buffer.from('posts-api')]],
    timestamp: 1_714_557_600_000,
  };
}

const dataSource = await freshDatabase();
const topic = unique('letters');
await createTopics([topic], PARTITIONS, { 'retention.ms': '-1' });
const producer = testKafka().producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
await producer.connect();
let bytes = 0;
for (let start = 0; start < count; start += BATCH) {
  const letters = Array.from({ length: Math.min(BATCH, count - start) }, (_, i) => {
    const message = messageOf(start + i);
    bytes += message.value?.length ?? 0;
    const decoded = decode(message, registry);
    if (decoded.kind !== 'refusal') throw new Error('a message that was to be refused is none');
    return letterOf(message, decoded.refusal, { attempts: 1, clientId: 'bench' });
  });
  await producer.send({
    topic,
    messages: letters.map(({ key, value, headers }) => ({ key, value, headers: Object.fromEntries(headers) })),
  });
}
await producer.disconnect();
const ids = Array.from({ length: Math.floor(count / 3) }, (_, i) =>
  eventKey(`0190a000-0000-7000-8000-${(i * 3).toString(16).padStart(12, '0')}`).toString('hex'),
);
await dataSource.query(
  `INSERT INTO dbw.processed_events (day, id, hash) SELECT '1999-01-01', x::uuid, 0 FROM unnest($1::text[]) AS x`,
  [ids],
);
await dataSource.query('ANALYZE dbw.processed_events');
console.error(`${count} letters of ${Math.round(bytes / count)} bytes of value are in ${topic}`);

const env = { DB_DATABASE: String(dataSource.options.database), DLQ_TOPIC: topic };
if (flags.keep) {
  console.error(Object.entries(env).map(([name, value]) => `${name}=${value}`).join(' ')); // prettier-ignore
} else {
  const started = Date.now();
  const child = spawn(process.execPath, ['bin/run.js', 'dlq', 'summary'], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  let peak = 0;
  const look = setInterval(() => {
    try {
      const status = readFileSync(`/proc/${child.pid ?? 0}/status`, 'utf8');
      peak = Math.max(peak, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0));
    } catch {
      // It has ended, or this is no Linux.
    }
  }, 50);
  await once(child, 'exit');
  clearInterval(look);
  console.log(`${((Date.now() - started) / 1000).toFixed(1)} s, ${Math.round(peak / 1024)} MiB at the most`);
  await withAdmin((admin) => admin.deleteTopics({ topics: [topic] }));
}
await dataSource.destroy();
