import {
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type Context,
  type Span,
  type Tracer,
} from '@opentelemetry/api';
import type { Logger } from 'pino';
import type { Config } from '../config.js';
import { codeOf } from '../errors.js';
import type { Message } from '../event/message.js';
import { faultOf } from '../failures/failure.js';
import type { Letter } from '../letters/letter.js';
import { blame } from '../writing/blame.js';
import type { Persisted, WritingStore } from '../writing/persist.js';
import { linksTo, type Traced } from './links.js';
import { openProvider } from './provider.js';
import type { TracingSettings } from './settings.js';
import type { Tracing, Ways } from './tracing.js';

const MOST_LETTERS_TOLD = 32;

/** Opens tracing, with batches as traces of their own. */
export function openSpans(config: Config, settings: TracingSettings, version: string, log: Logger): Tracing {
  const { tracer, close } = openProvider(settings, version, log);
  return new Spans(config, tracer, close, ROOT_CONTEXT);
}

/** Marks a span as failed. Messages of errors may hold values of events: only codes are told. */
function fail(span: Span, error: unknown): void {
  const sqlState = faultOf(error)?.sqlState;
  span.setAttributes({
    'error.type': codeOf(error) ?? (error instanceof Error ? error.name : 'unknown'),
    'dbw.failure.class': blame(error).class,
    ...(sqlState === undefined ? {} : { 'db.response.status_code': sqlState }),
  });
  span.setStatus({ code: SpanStatusCode.ERROR });
}

/** Does work, and ends the span with it. */
async function during<T>(span: Span, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    fail(span, error);
    throw error;
  } finally {
    span.end();
  }
}

function link(span: Span, messages: readonly Traced[]): void {
  const { links, leftOut } = linksTo(messages);
  span.addLinks([...links]);
  if (leftOut > 0) span.setAttribute('dbw.links.left_out', leftOut);
}

/** Where messages come from: their topic, or all of them where there are several. */
function placesOf(messages: readonly Message[]): Attributes {
  const topics = new Set<string>();
  const partitions = new Set<number>();
  for (const { topic, partition } of messages) {
    topics.add(topic);
    partitions.add(partition);
  }
  const [topic] = topics;
  if (topic === undefined || topics.size > 1) return { 'dbw.topics': [...topics] };
  const [partition] = partitions;
  return {
    'messaging.destination.name': topic,
    ...(partitions.size > 1 ? {} : { 'messaging.destination.partition.id': String(partition) }),
  };
}

/** What became of events; a batch may be written in several transactions. */
class Outcomes {
  private readonly counts = { applied: 0, duplicate: 0, collision: 0, parked: 0, dead_letter: 0 };

  took({ written }: Persisted): void {
    for (const { applied, duplicates, collisions, waiting } of written) {
      this.counts.applied += applied.length;
      this.counts.duplicate += duplicates.length;
      this.counts.collision += collisions.length;
      this.counts.parked += waiting.length;
    }
  }

  died(letters: number): void {
    this.counts.dead_letter += letters;
  }

  get attributes(): Attributes {
    return outcomes(this.counts);
  }
}

function outcomes(counts: Readonly<Record<string, number>>): Attributes {
  return Object.fromEntries(Object.entries(counts).map(([name, count]) => [`dbw.outcome.${name}`, count]));
}

/** Tells batches as spans below one and the same parent, or as traces of their own. */
class Spans implements Tracing {
  private readonly messaging: Attributes;
  private readonly database: Attributes;

  constructor(
    private readonly config: Config,
    private readonly tracer: Tracer,
    readonly close: () => Promise<void>,
    private readonly parent: Context,
  ) {
    const { kafka, database } = config;
    this.messaging = { 'messaging.system': 'kafka', 'messaging.client.id': kafka.clientId };
    this.database = {
      'db.system.name': 'postgresql',
      'db.namespace': database.database,
      'server.address': database.host,
      'server.port': database.port,
    };
  }

  async batch<T>(messages: readonly Message[], ways: Ways, write: (ways: Ways) => Promise<T>): Promise<T> {
    const attributes = {
      ...this.messaging,
      'messaging.operation.name': 'write batch',
      'messaging.operation.type': 'process',
      'messaging.consumer.group.name': this.config.kafka.groupId,
      'messaging.batch.message_count': messages.length,
    };
    const span = this.tracer.startSpan('write batch', { kind: SpanKind.CONSUMER, attributes }, this.parent);
    // Not sampled: nothing more is to be done for it.
    if (!span.isRecording()) return write(ways);
    span.setAttributes(placesOf(messages));
    link(span, messages);
    const within = trace.setSpan(this.parent, span);
    const became = new Outcomes();
    const watched: Ways = {
      persist: async (events) => {
        const persisted = await ways.persist(events, (store) => this.watch(store, within));
        became.took(persisted);
        return persisted;
      },
      send: async (letters) => {
        await this.send(letters, ways, within);
        became.died(letters.length);
      },
    };
    return during(span, async () => {
      try {
        return await write(watched);
      } finally {
        span.setAttributes(became.attributes);
      }
    });
  }

  /** A store whose every try is a span. */
  private watch(store: WritingStore, within: Context): WritingStore {
    const attempt = <T>(events: number, alone: boolean, work: () => Promise<T>): Promise<T> => {
      const attributes = {
        ...this.database,
        'db.operation.batch.size': events,
        // One that failed as a whole is taken apart under savepoints.
        ...(alone ? { 'dbw.isolating': true } : {}),
      };
      return during(this.tracer.startSpan('transaction', { kind: SpanKind.CLIENT, attributes }, within), work);
    };
    return {
      condition: store.condition,
      forget: () => {
        store.forget();
      },
      write: (events) => attempt(events.length, false, () => store.write(events)),
      isolate: (events) => attempt(events.length, true, () => store.isolate(events)),
    };
  }

  /** Sends letters within a span that links to the traces of just these messages, and names the first of them. */
  private async send(letters: readonly Letter[], { send }: Ways, within: Context): Promise<void> {
    const { topic } = this.config.deadLetters;
    const attributes = {
      ...this.messaging,
      'messaging.operation.name': 'send',
      'messaging.operation.type': 'send',
      'messaging.destination.name': topic,
      'messaging.batch.message_count': letters.length,
    };
    const span = this.tracer.startSpan(`send ${topic}`, { kind: SpanKind.PRODUCER, attributes }, within);
    link(span, letters.map((letter) => ({ ...letter, headers: bytesOf(letter) }))); // prettier-ignore
    for (const letter of letters.slice(0, MOST_LETTERS_TOLD)) span.addEvent('dead letter', aboutLetter(letter));
    await during(span, () => send(letters));
  }

  async run<T>(
    command: string,
    work: (tracing: Tracing) => Promise<T>,
    countsOf: (done: T) => Readonly<Record<string, number>>,
  ): Promise<T> {
    const span = this.tracer.startSpan(`dbw ${command}`, { kind: SpanKind.INTERNAL }, this.parent);
    const below = new Spans(this.config, this.tracer, this.close, trace.setSpan(this.parent, span));
    return during(span, async () => {
      const done = await work(below);
      span.setAttributes(outcomes(countsOf(done)));
      return done;
    });
  }
}

function bytesOf({ headers }: Letter): Traced['headers'] {
  return headers.map(([name, value]) => [name, typeof value === 'string' ? Buffer.from(value) : value]);
}

/** Where a letter's message came from, and what it died of; no value of it. */
function aboutLetter({ topic, partition, offset, headers }: Letter): Attributes {
  const told = ['dbw.dlq.reason', 'dbw.dlq.code', 'dbw.dlq.fingerprint'];
  return {
    'messaging.destination.name': topic,
    'messaging.destination.partition.id': String(partition),
    'messaging.kafka.offset': offset,
    ...Object.fromEntries(headers.flatMap(([name, value]) => (told.includes(name) ? [[name, value.toString()]] : []))),
  };
}
