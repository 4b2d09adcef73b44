import { dockerServers } from './docker.js';
import { namedServers } from './environment.js';
import { nativeServers } from './native.js';
import type { Report, Servers } from './server.js';

export { MissingProgramsError } from './programs.js';
export type { Server, Servers } from './server.js';

/**
 * Real Kafka, PostgreSQL and Redis for the demo and the tests: those that the environment names, else containers where
 * a Docker engine answers, else processes of this machine on free ports of 127.0.0.1, with all their files in
 * `.services/`. With `own` the environment is not asked: for tests that stop and kill what others share. What was started here ends with this process, whichever way that ends.
 *
 * Clients of Kafka connect to where the broker says that it is. With `kafkaProxy`, the port of a proxy, it says so on a
 * listener of its own, `kafka.proxiedPort`, where the proxy shall lead. Such servers are processes of this machine.
 */
export async function startServers(
  options: { report?: Report; own?: boolean; kafkaProxy?: number } = {},
): Promise<Servers> {
  const { report = () => undefined, own = false, kafkaProxy } = options;
  if (kafkaProxy !== undefined) return nativeServers(report, kafkaProxy);
  const named = own ? undefined : await namedServers(report);
  return named ?? (await dockerServers(report)) ?? (await nativeServers(report));
}
