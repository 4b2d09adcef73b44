import type { Link } from '@opentelemetry/api';
import { parseTraceParent, TRACE_PARENT_HEADER } from '@opentelemetry/core';
import type { Header } from '../event/message.js';

/** A batch may hold a thousand traces; so many spans in the queue with all of them would be a hundred megabytes. */
const MOST_LINKS = 32;
/** Much longer than any version of the header so far. */
const LONGEST = 256;

/** What carries headers, and where it came from. */
export interface Traced {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly headers: readonly Header[];
}

interface Links {
  readonly links: readonly Link[];
  /** Traces that found no room. */
  readonly leftOut: number;
}

function traceParentOf(headers: readonly Header[]): string | undefined {
  // Of several with one name the last counts, as for all headers of Kafka.
  for (let i = headers.length - 1; i >= 0; i--) {
    const [name, value] = headers[i] ?? [];
    if (name === TRACE_PARENT_HEADER) return value && value.length <= LONGEST ? value.toString('latin1') : undefined;
  }
  return undefined;
}

/** Links to the traces of messages, one for each trace, the first ones where there are too many. What is malformed counts as absent. */
export function linksTo(messages: readonly Traced[]): Links {
  const links: Link[] = [];
  const seen = new Set<string>();
  for (const { headers, topic, partition, offset } of messages) {
    const text = traceParentOf(headers);
    const context = text === undefined ? null : parseTraceParent(text);
    if (!context || seen.has(context.traceId)) continue;
    seen.add(context.traceId);
    if (links.length === MOST_LINKS) continue;
    const attributes = {
      'messaging.destination.name': topic,
      'messaging.destination.partition.id': String(partition),
      'messaging.kafka.offset': offset,
    };
    links.push({ context: { ...context, isRemote: true }, attributes });
  }
  return { links, leftOut: seen.size - links.length };
}
