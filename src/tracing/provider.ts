import { hostname } from 'node:os';
import { diag, DiagLogLevel, type Tracer } from '@opentelemetry/api';
import { ExportResultCode, parseKeyPairsIntoRecord, setGlobalErrorHandler } from '@opentelemetry/core';
import { OTLPTraceExporter as JsonExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as ProtobufExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  type ReadableSpan,
  type SpanExporter,
} from '@opentelemetry/sdk-trace-base';
import type { Logger } from 'pino';
import { reasonOf } from '../errors.js';
import { within } from '../waiting/deadline.js';
import { agentOptions } from './agent.js';
import type { TracingSettings } from './settings.js';

/** How long the end waits for the last spans: a part of SIGTERM's 10 s. */
const FLUSH_MS = 1_000;

/** Sends spans, and says when that begins to fail and when it goes on, each once. */
class ToldExporter implements SpanExporter {
  isAway = false;
  private lost = 0;

  constructor(
    private readonly exporter: SpanExporter,
    private readonly endpoint: string,
    private readonly log: Logger,
  ) {}

  export(spans: ReadableSpan[], done: Parameters<SpanExporter['export']>[1]): void {
    this.exporter.export(spans, (result) => {
      if (result.code === ExportResultCode.SUCCESS) this.sent();
      else this.failed(spans.length, result.error);
      done(result);
    });
  }

  private sent(): void {
    if (!this.isAway) return;
    this.log.info({ endpoint: this.endpoint, lost: this.lost }, 'traces are sent again');
    this.isAway = false;
    this.lost = 0;
  }

  private failed(spans: number, error: Error | undefined): void {
    this.lost += spans;
    if (this.isAway) return;
    this.isAway = true;
    const why = error === undefined ? 'unknown error' : reasonOf(error);
    this.log.warn({ endpoint: this.endpoint }, `traces cannot be sent: ${why}; events are written all the same`);
  }

  async forceFlush(): Promise<void> {
    await this.exporter.forceFlush?.();
  }

  shutdown(): Promise<void> {
    return this.exporter.shutdown();
  }
}

/** The exporter of a protocol; it reads endpoint, time limit and compression from the environment. */
function exporterOf({ protocol, headers }: TracingSettings, warn: (message: string) => void): SpanExporter {
  const options = {
    httpAgentOptions: agentOptions(process.env, warn),
    ...(headers === undefined ? {} : { headers: parseKeyPairsIntoRecord(headers) }),
  };
  return protocol === 'http/json' ? new JsonExporter(options) : new ProtobufExporter(options);
}

/** The endpoint as it may be logged: its query may hold a token. */
function placeOf({ endpoint }: TracingSettings): string {
  const { origin, pathname } = new URL(endpoint);
  return pathname === '/' ? origin : `${origin}${pathname}`;
}

/** What makes spans and sends them in the background; the queue is bounded, and what finds no room is left out. */
export interface Provider {
  readonly tracer: Tracer;
  /** Sends what is left, for a second at the most; never rejects. */
  readonly close: () => Promise<void>;
}

/**
 * Sets OpenTelemetry up. Sampler, limits and the queue come from `OTEL_*`, as its SDK reads them.
 *
 * @param version of dbw
 */
export function openProvider(settings: TracingSettings, version: string, log: Logger): Provider {
  const say = (message: string): void => {
    log.warn(`OpenTelemetry: ${message}`);
  };
  const nothing = (): void => undefined;
  diag.setLogger(
    { error: say, warn: say, info: nothing, debug: nothing, verbose: nothing },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
  // What could not be sent is told by the exporter, once and not for every batch of spans.
  setGlobalErrorHandler(nothing);
  const endpoint = placeOf(settings);
  const exporter = new ToldExporter(exporterOf(settings, say), endpoint, log);
  const own = {
    'service.name': 'dbw',
    'service.version': version,
    'host.name': hostname(),
    'process.pid': process.pid,
  };
  const resource = defaultResource()
    .merge(resourceFromAttributes(own))
    .merge(detectResources({ detectors: [envDetector] }));
  const provider = new BasicTracerProvider({ resource, spanProcessors: [new BatchSpanProcessor(exporter)] });
  log.info({ endpoint }, 'traces are sent');
  return {
    tracer: provider.getTracer('dbw', version),
    close: async () => {
      const inTime = await within(FLUSH_MS, provider.shutdown()).catch(() => true);
      if (!inTime && !exporter.isAway) log.warn({ endpoint }, 'the last traces could not be sent in time');
    },
  };
}
