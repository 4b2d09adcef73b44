import { findKafka } from './kafka.js';
import { findPostgres } from './postgres.js';
import type { Program } from './program.js';
import { Missing, MissingProgramsError } from './programs.js';
import { findRedis } from './redis.js';
import { Run } from './run.js';
import { environmentFor, type Report, type Server, type Servers } from './server.js';

/** Starts the three as processes of this machine; `kafkaProxy` as in `startServers`. */
export async function nativeServers(report: Report, kafkaProxy?: number): Promise<Servers> {
  const found = { kafka: findKafka(kafkaProxy), postgres: findPostgres(), redis: findRedis() };
  const { kafka, postgres, redis } = found;
  if (kafka instanceof Missing || postgres instanceof Missing || redis instanceof Missing) {
    throw new MissingProgramsError(Object.values(found).filter((program) => program instanceof Missing));
  }
  const run = await Run.open(report);
  try {
    const starting = {
      kafka: start(run, 'kafka', kafka, report),
      postgres: start(run, 'postgres', postgres, report),
      redis: start(run, 'redis', redis, report),
    };
    await allOf(Object.values(starting));
    const servers = { kafka: await starting.kafka, postgres: await starting.postgres, redis: await starting.redis };
    return { ...servers, env: environmentFor(servers), source: 'native', stop: () => run.close() };
  } catch (error) {
    await run.close();
    throw error;
  }
}

async function start(run: Run, name: Server['name'], program: Program, report: Report): Promise<Server> {
  const began = performance.now();
  const installed = await program.install(run);
  const server = await installed.begin(run).catch((error: unknown) => {
    // The port was free when we looked; somebody else was faster.
    if (error instanceof Error && /address already in use/i.test(error.message)) return installed.begin(run);
    throw error;
  });
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  report(`${name} ${installed.version} answers on ${server.host}:${String(server.port)} (${seconds} s)`);
  return server;
}

/** Waits for all, so that none is still starting when the others are ended; then tells of every failure at once. */
async function allOf(starting: Promise<unknown>[]): Promise<void> {
  const outcomes = await Promise.allSettled(starting);
  const reasons = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as unknown] : []));
  if (reasons.length === 1) throw reasons[0];
  const messages = reasons.map((reason) => (reason instanceof Error ? reason.message : String(reason)));
  if (reasons.length > 1) throw new AggregateError(reasons, messages.join('\n'));
}
