import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { codeOf, EXIT, reasonOf, UserError } from '../errors.js';
import { healthOf } from './health.js';
import { shared } from './sharing.js';
import { livenessOf, readinessOf, type Vitals } from './vitals.js';

/** What one client may take. */
export interface Limits {
  /** Milliseconds until a request must have arrived whole. */
  readonly requestMs: number;
  /** Milliseconds from then on until the answer must be taken. */
  readonly answerMs: number;
  readonly connections: number;
}
const LIMITS: Limits = { requestMs: 5_000, answerMs: 10_000, connections: 100 };

/** However often somebody asks, each answer is made at most ten times a second: what answering costs the writer is bounded. */
const REST_MS = 100;

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

/** What is said to Prometheus, or to people. */
export interface Told {
  readonly contentType: string;
  readonly headers?: Readonly<Record<string, string>>;
  text(): string | Promise<string>;
}

/** What the port answers besides the probes. */
export interface Views {
  readonly metrics: Told;
  readonly page: Told;
}

type Route = () => Answer | Promise<Answer>;

function json(isGood: boolean, body: unknown): Answer {
  return { status: isGood ? 200 : 503, headers: { 'content-type': 'application/json' }, text: JSON.stringify(body) };
}

async function viewed(view: Told): Promise<Answer> {
  return { status: 200, headers: { 'content-type': view.contentType, ...view.headers }, text: await view.text() };
}

function routesOf(vitals: () => Vitals, { metrics, page }: Views): ReadonlyMap<string, Route> {
  const routes: [string, Route][] = [
    ['/', () => viewed(page)],
    [
      '/health',
      () => {
        const health = healthOf(vitals());
        return json(health.status !== 'unhealthy', health);
      },
    ],
    [
      '/livez',
      () => {
        const liveness = livenessOf(vitals(), Date.now());
        return json(liveness.alive, liveness);
      },
    ],
    [
      '/readyz',
      () => {
        const readiness = readinessOf(vitals());
        return json(readiness.ready, readiness);
      },
    ],
    ['/metrics', () => viewed(metrics)],
  ];
  return new Map(routes.map(([path, route]) => [path, shared(route, REST_MS)]));
}

async function answer(routes: ReadonlyMap<string, Route>, request: IncomingMessage, response: ServerResponse) {
  const route = routes.get(request.url?.split('?')[0] ?? '');
  if (!route) {
    response.writeHead(404).end();
    return;
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.writeHead(405, { allow: 'GET, HEAD' }).end();
    return;
  }
  let said: Answer;
  try {
    said = await route();
  } catch (error) {
    said = {
      status: 500,
      headers: { 'content-type': 'application/json' },
      text: JSON.stringify({ error: reasonOf(error) }),
    };
  }
  const length = Buffer.byteLength(said.text);
  response.writeHead(said.status, { ...said.headers, 'content-length': length, 'cache-control': 'no-store' });
  response.end(said.text);
}

/** Whether a request announces a body; nobody reads it, so its connection ends with the answer. */
function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/** Where it is listened. */
export interface Listening {
  /** An address or a name of this machine; without it, all of its addresses. */
  readonly host?: string | undefined;
  /** 0 for any that is free. */
  readonly port: number;
}

/** What to tell of an address that cannot be listened on. */
function refusalOf(error: Error, { host, port }: Listening): UserError {
  const code = codeOf(error);
  if (host !== undefined && ['EADDRNOTAVAIL', 'ENOTFOUND', 'EAI_AGAIN', 'EINVAL'].includes(code ?? '')) {
    const remedy = 'Set it to an address that this machine has, or leave it out for all of them.';
    return new UserError(
      `DB_WRITER_SERVICE_HOST is "${host}", which is no address of this machine (${code ?? ''}). ${remedy}`,
      EXIT.refused,
    );
  }
  const where = host === undefined ? '' : ` of ${host}`;
  const why = code === 'EADDRINUSE' ? 'is taken' : `cannot be used: ${error.message}`;
  return new UserError(`Port ${port}${where} ${why}. Set DB_WRITER_SERVICE_PORT to another one.`, EXIT.refused);
}

/** Answers on the port of the service: `/`, `/health`, `/livez`, `/readyz` and `/metrics`; read-only. */
export class HealthServer {
  private constructor(private readonly server: Server) {}

  /**
   * @param at where to listen
   * @param vitals what the process knows about itself now; asked for each answer
   * @throws UserError where the port is taken, or the address is none of this machine
   */
  static async open(at: Listening, vitals: () => Vitals, views: Views, limits = LIMITS): Promise<HealthServer> {
    const routes = routesOf(vitals, views);
    const { requestMs, answerMs, connections } = limits;
    // Without the interval Node looks at its own time limits only every 30 s.
    const server = createServer({ connectionsCheckingInterval: Math.ceil(requestMs / 5) }, (request, response) => {
      const limit = setTimeout(() => request.socket.destroy(), answerMs).unref();
      response.once('close', () => {
        clearTimeout(limit);
      });
      if (hasBody(request)) {
        response.setHeader('connection', 'close');
        response.once('finish', () => {
          request.socket.destroySoon();
        });
      }
      void answer(routes, request, response);
    });
    server.requestTimeout = requestMs;
    server.headersTimeout = requestMs;
    server.keepAliveTimeout = requestMs;
    server.maxConnections = connections;
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) => {
        reject(refusalOf(error, at));
      });
      server.listen({ port: at.port, ...(at.host === undefined ? {} : { host: at.host }) }, resolve);
    });
    return new HealthServer(server);
  }

  get port(): number {
    const address = this.server.address();
    return typeof address === 'object' && address ? address.port : 0;
  }

  /** Ends every connection. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.server.closeAllConnections();
    await closed;
  }
}
