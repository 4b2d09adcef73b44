import { createServer, type Server } from 'node:http';
import { EXIT, UserError } from './errors.js';

/** What `GET /health` says; further fields may follow these. */
export interface Health {
  readonly status: 'healthy' | 'degraded' | 'unhealthy';
  readonly kafka: { readonly connected: boolean; readonly lag: number };
  readonly database: { readonly connected: boolean; readonly activeConnections: number; readonly poolSize: number };
  readonly redis: { readonly connected: boolean };
  /** ISO-8601, or null before the first. */
  readonly lastProcessedEvent: string | null;
  readonly [more: string]: unknown;
}

/** Redis away is slower service, not worse: degraded. Without Kafka or PostgreSQL nothing moves. */
export function statusOf(health: { kafka: boolean; database: boolean; redis: boolean | undefined }): Health['status'] {
  if (!health.kafka || !health.database) return 'unhealthy';
  return health.redis === false ? 'degraded' : 'healthy';
}

/** What a running writer says of itself; `redis` is undefined where none is configured. */
export function healthOf(facts: {
  readonly kafka: boolean;
  readonly lag: number;
  readonly database: boolean;
  readonly connections: number;
  readonly poolSize: number;
  readonly redis: boolean | undefined;
  readonly lastProcessed: Date | undefined;
}): Health {
  return {
    status: statusOf(facts),
    kafka: { connected: facts.kafka, lag: facts.lag },
    database: { connected: facts.database, activeConnections: facts.connections, poolSize: facts.poolSize },
    redis: { connected: facts.redis ?? false },
    lastProcessedEvent: facts.lastProcessed?.toISOString() ?? null,
  };
}

/** Answers on the port of the service; read-only. */
export class HealthServer {
  private constructor(private readonly server: Server) {}

  /**
   * @param ask what the process knows about itself now
   * @throws UserError where the port is taken
   */
  static async open(port: number, ask: () => Health): Promise<HealthServer> {
    const server = createServer((request, response) => {
      request.resume();
      const known = request.url?.split('?')[0] === '/health';
      if (!known || request.method !== 'GET') {
        response.writeHead(known ? 405 : 404).end();
        return;
      }
      const health = ask();
      response.writeHead(health.status === 'unhealthy' ? 503 : 200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(health));
    });
    server.requestTimeout = 5_000;
    server.headersTimeout = 5_000;
    server.maxConnections = 100;
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

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
