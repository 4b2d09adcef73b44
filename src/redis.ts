import { isIP } from 'node:net';
import { Redis, type RedisOptions } from 'ioredis';
import type { Config } from './config.js';
import { AwayError, EXIT, UserError } from './errors.js';
import { failureOf } from './failures/failure.js';
import { refusalText } from './failures/tls.js';
import { tlsOptions } from './tls.js';

type Settings = NonNullable<Config['redis']>;

/** A client of Redis, not yet connected. Its events `error` say why it cannot: somebody has to listen. */
export function createRedis(config: Settings, options: RedisOptions): Redis {
  return new Redis({
    host: config.host,
    port: config.port,
    ...(config.username === undefined ? {} : { username: config.username }),
    ...(config.password === undefined ? {} : { password: config.password }),
    // ioredis does not say which host it means, and a server for several must know.
    ...(config.tls
      ? { tls: { ...(isIP(config.host) ? {} : { servername: config.host }), ...tlsOptions(config.tls) } }
      : {}),
    lazyConnect: true,
    maxRetriesPerRequest: 0,
    connectTimeout: 2_000,
    ...options,
  });
}

/**
 * What to tell of a Redis that we could not connect to.
 *
 * @returns AwayError where it does not answer, UserError where it refuses us, or we it
 */
export function redisRefusal(error: unknown, { host, port, tls }: Settings): UserError {
  const failure = failureOf(error);
  if (failure.class === 'systemic') {
    return new UserError(refusalText(`Redis at ${host}:${port}`, error, failure, 'REDIS_TLS'), EXIT.refused);
  }
  const hint = tls
    ? 'look on which port it speaks TLS, and which certificates it trusts'
    : 'set REDIS_TLS=true where it asks for TLS';
  const remedy = `Start it, correct REDIS_HOST and REDIS_PORT, or ${hint}.`;
  return new AwayError('Redis', `${host}:${port}`, error, remedy);
}
