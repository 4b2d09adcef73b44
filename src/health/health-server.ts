import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { EXIT, reasonOf, UserError } from '../errors.js';
import { healthOf } from './health.js';
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

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

/** What is said to Prometheus. */
export interface Scraped {
  readonly contentType: string;
  text(): Promise<string>;
}

type Route = () => Answer | Promise<Answer>;

function json(isGood: boolean, body: unknown): Answer {
  return { status: isGood ? 200 : 503, type: 'application/json', text: JSON.stringify(body) };
}

function routesOf(vitals: () => Vitals, metrics: Scraped): ReadonlyMap<string, Route> {
  return new Map<string, Route>([
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
    ['/metrics', async () => ({ status: 200, type: metrics.contentType, text: await metrics.text() })],
  ]);
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
    said = { status: 500, type: 'application/json', text: JSON.stringify({ error: reasonOf(error) }) };
  }
  const length = Buffer.byteLength(said.text);
  response.writeHead(said.status, { 'content-type': said.type, 'content-length': length, 'cache-control': 'no-store' });
  response.end(said.text);
}

/** Whether a request announces a body; nobody reads it, so its connection ends with the answer. */
function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/** Answers on the port of the service: `/health`, `/livez`, `/readyz` and `/metrics`; read-only. */
export class HealthServer {
  private constructor(private readonly server: Server) {}

  /**
   * @param port 0 for any that is free
   * @param vitals what the process knows about itself now; asked for each answer
   * @throws UserError where the port is taken
   */
  static async open(port: number, vitals: () => Vitals, metrics: Scraped, limits = LIMITS): Promise<HealthServer> {
    const routes = routesOf(vitals, metrics);
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
        const why = 'code' in error && error.code === 'EADDRINUSE' ? 'is taken' : `cannot be used: ${error.message}`;
        reject(new UserError(`Port ${port} ${why}. Set DB_WRITER_SERVICE_PORT to another one.`, EXIT.refused));
      });
      server.listen(port, resolve);
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
