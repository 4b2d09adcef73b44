/** One real server of the three. */
export interface Server {
  readonly name: 'kafka' | 'postgres' | 'redis';
  readonly host: string;
  readonly port: number;
  /** Where the proxy that it was started for leads to; see `startServers`. */
  readonly proxiedPort?: number | undefined;
  /** Undefined where somebody else runs it (a container, a server named by the environment) and while it is stopped. */
  readonly pid: number | undefined;
  /** Ends it and waits until it is gone: in good order, its data kept, unless a signal says otherwise. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again on the same port with the same data; resolves when it answers. */
  start(): Promise<void>;
}

/** The servers that dbw needs. */
export interface Servers {
  readonly kafka: Server;
  readonly postgres: Server;
  readonly redis: Server;
  /** What a dbw process needs to find them. */
  readonly env: Readonly<Record<string, string>>;
  readonly source: 'environment' | 'docker' | 'native';
  /** Ends what was started and removes its data; leaves alone what somebody else runs. */
  stop(): Promise<void>;
}

/** Takes one line of progress. */
export type Report = (line: string) => void;

/** User, password and database of the PostgreSQL that we start. */
export const login = { user: 'dbw', password: 'dbw', database: 'dbw' };

/** The environment of a dbw process for servers of ours. */
export function environmentFor(servers: Record<Server['name'], Server>): Record<string, string> {
  const { kafka, postgres, redis } = servers;
  return {
    KAFKA_BROKERS: `${kafka.host}:${String(kafka.port)}`,
    DB_HOST: postgres.host,
    DB_PORT: String(postgres.port),
    DB_USERNAME: login.user,
    DB_PASSWORD: login.password,
    DB_DATABASE: login.database,
    REDIS_HOST: redis.host,
    REDIS_PORT: String(redis.port),
  };
}
