import { createServer, type RequestListener } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Identity } from './tls/certificates.js';

/** A value as OTLP's JSON has it. */
type Value = Readonly<Record<string, unknown>>;

interface Attribute {
  readonly key: string;
  readonly value: Value;
}

interface RawSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly attributes?: readonly Attribute[];
  readonly links?: readonly { traceId: string; spanId: string; attributes?: readonly Attribute[] }[];
  readonly events?: readonly { name: string; attributes?: readonly Attribute[] }[];
  readonly status?: { code?: number; message?: string };
}

interface Body {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] };
    readonly scopeSpans: readonly { readonly spans: readonly RawSpan[] }[];
  }[];
}

/** A span as it was received. */
export interface ReceivedSpan extends Omit<RawSpan, 'attributes' | 'links' | 'events'> {
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly links: readonly { traceId: string; spanId: string; attributes: Readonly<Record<string, unknown>> }[];
  readonly events: readonly { name: string; attributes: Readonly<Record<string, unknown>> }[];
  readonly resource: Readonly<Record<string, unknown>>;
}

function plain(value: Value): unknown {
  const [[kind, content] = ['', undefined]] = Object.entries(value);
  if (kind === 'intValue') return Number(content);
  if (kind === 'arrayValue') return ((content as { values?: Value[] }).values ?? []).map(plain);
  return content;
}

function attributesOf(attributes: readonly Attribute[] = []): Readonly<Record<string, unknown>> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, plain(value)]));
}

function spansOf({ resourceSpans }: Body): ReceivedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map((span) => ({
        ...span,
        attributes: attributesOf(span.attributes),
        links: (span.links ?? []).map((link) => ({ ...link, attributes: attributesOf(link.attributes) })),
        events: (span.events ?? []).map((event) => ({ ...event, attributes: attributesOf(event.attributes) })),
        resource: attributesOf(resource.attributes),
      })),
    ),
  );
}

/** What traces are sent to: OTLP over HTTP. Spans in JSON are decoded, bodies in protobuf are kept as they are. */
export class OtlpReceiver {
  readonly spans: ReceivedSpan[] = [];
  readonly requests: { readonly path: string; readonly type: string; readonly body: Buffer; readonly key: string }[] =
    [];

  private constructor(
    readonly port: number,
    private readonly scheme: 'http' | 'https',
    readonly close: () => void,
  ) {}

  /**
   * @param isSilent whether it answers nothing
   * @param identity its certificate where it speaks TLS
   */
  static async open({
    isSilent = false,
    identity,
  }: { isSilent?: boolean; identity?: Identity } = {}): Promise<OtlpReceiver> {
    const listener: RequestListener = (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const body = Buffer.concat(chunks);
        const type = request.headers['content-type'] ?? '';
        receiver.requests.push({ path: request.url ?? '', type, body, key: String(request.headers['x-key']) });
        if (type === 'application/json') receiver.spans.push(...spansOf(JSON.parse(body.toString()) as Body));
        if (isSilent) return;
        response.writeHead(200, { 'content-type': type }).end(type === 'application/json' ? '{}' : '');
      });
    };
    const server = identity ? createSecureServer(identity, listener) : createServer(listener);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const receiver = new OtlpReceiver((server.address() as AddressInfo).port, identity ? 'https' : 'http', () => {
      server.closeAllConnections();
      server.close();
    });
    return receiver;
  }

  /** What dbw needs to send JSON here. */
  get env(): Readonly<Record<string, string>> {
    return {
      OTEL_EXPORTER_OTLP_ENDPOINT: `${this.scheme}://127.0.0.1:${this.port}`,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_BSP_SCHEDULE_DELAY: '50',
    };
  }

  named(name: string): ReceivedSpan[] {
    return this.spans.filter((span) => span.name === name);
  }
}
