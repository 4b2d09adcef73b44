import type { IHeaders, KafkaMessage } from 'kafkajs';
import type { Queued } from '../reading/intake.js';
import type { Header } from '../event/message.js';

function headersOf(headers: IHeaders | undefined): Header[] {
  const list: Header[] = [];
  for (const [name, values] of Object.entries(headers ?? {})) {
    for (const value of Array.isArray(values) ? values : [values]) {
      list.push([name, typeof value === 'string' ? Buffer.from(value) : (value ?? null)]);
    }
  }
  return list;
}

/** A record as kafkajs gives it, for the queue. */
export function queuedOf(topic: string, partition: number, record: KafkaMessage): Queued {
  const offset = Number(record.offset);
  const { key, value, timestamp } = record;
  const headers = record.headers ? headersOf(record.headers) : [];
  const message = { topic, partition, offset, key, value, headers, timestamp: Number(timestamp) };
  return { topic, partition, message, next: offset + 1 };
}
