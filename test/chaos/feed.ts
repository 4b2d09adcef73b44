import { setTimeout as sleep } from 'node:timers/promises';
import kafkajs from 'kafkajs';
import type { Message } from '../support/generator/index.js';
import { testKafka } from '../support/topics.js';

const CHUNK = 1_000;
const BEAT_MS = 200;
/** This share is there before the rest comes, so that batches are full while things go wrong. */
const AT_ONCE = 0.2;

/**
 * Sends messages in their order over this many milliseconds, each until the broker has it: while it is away some may be
 * sent twice, as any producer would. Resolves to how many chunks had to be sent again.
 */
export async function feed(messages: readonly Message[], prefix: string, overMs: number): Promise<number> {
  const producer = testKafka().producer({
    allowAutoTopicCreation: false,
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
  });
  const began = Date.now();
  const share = () => (overMs > 0 ? Math.min(1, AT_ONCE + ((1 - AT_ONCE) * (Date.now() - began)) / overMs) : 1);
  let again = 0;
  try {
    for (let sent = 0; sent < messages.length;) {
      const due = Math.floor(messages.length * share());
      const chunk = messages.slice(sent, Math.min(due, sent + CHUNK));
      try {
        await producer.connect();
        if (chunk.length > 0) await producer.sendBatch({ acks: -1, topicMessages: byTopic(chunk, prefix) });
        sent += chunk.length;
      } catch {
        again++;
      }
      if (chunk.length < CHUNK) await sleep(BEAT_MS);
    }
  } finally {
    await producer.disconnect();
  }
  return again;
}

function byTopic(messages: readonly Message[], prefix: string): kafkajs.TopicMessages[] {
  const topics = new Map<string, kafkajs.Message[]>();
  for (const { topic, key, value, headers } of messages) {
    const list = topics.get(topic) ?? [];
    topics.set(topic, list);
    list.push({ key, value, ...(headers ? { headers } : {}) });
  }
  return [...topics].map(([topic, list]) => ({ topic: prefix + topic, messages: list }));
}
