import { kafkaAnswers, postgresAnswers, redisAnswers } from './answers.js';
import type { Report, Server, Servers } from './server.js';

const names = ['KAFKA_BROKERS', 'DB_HOST', 'REDIS_HOST'] as const;

/** The servers that the environment names, once they answer; undefined when it does not name all three. */
export async function namedServers(report: Report): Promise<Servers | undefined> {
  const set = names.filter((name) => process.env[name]);
  if (set.length < names.length) {
    if (set.length > 0) report(`not using ${set.join(', ')}: it takes all of ${names.join(', ')} to use them`);
    return undefined;
  }
  const from = (name: string, otherwise: string) => process.env[name] ?? otherwise;
  const env = {
    KAFKA_BROKERS: from('KAFKA_BROKERS', ''),
    DB_HOST: from('DB_HOST', ''),
    DB_PORT: from('DB_PORT', '5432'),
    DB_USERNAME: from('DB_USERNAME', 'dbw'),
    DB_PASSWORD: from('DB_PASSWORD', 'dbw'),
    DB_DATABASE: from('DB_DATABASE', 'dbw'),
    REDIS_HOST: from('REDIS_HOST', ''),
    REDIS_PORT: from('REDIS_PORT', '6379'),
  };
  const [, broker = '', brokerPort = '9092'] = /^([^,]*?)(?::(\d+))?(?:,|$)/.exec(env.KAFKA_BROKERS) ?? [];
  const kafka = somebodyElses('kafka', broker, brokerPort);
  const postgres = somebodyElses('postgres', env.DB_HOST, env.DB_PORT);
  const redis = somebodyElses('redis', env.REDIS_HOST, env.REDIS_PORT);
  const login = { user: env.DB_USERNAME, password: env.DB_PASSWORD, database: env.DB_DATABASE };
  await Promise.all([
    mustAnswer(kafka, kafkaAnswers(kafka), report),
    mustAnswer(postgres, postgresAnswers(postgres, login), report),
    mustAnswer(redis, redisAnswers(redis), report),
  ]);
  return { kafka, postgres, redis, env, source: 'environment', stop: () => Promise.resolve() };
}

async function mustAnswer({ name, host, port }: Server, answer: Promise<boolean>, report: Report): Promise<void> {
  let reason = 'it is not ready';
  const answers = await answer.catch((error: unknown) => {
    reason = error instanceof Error ? error.message : String(error);
    return false;
  });
  const address = `${host}:${String(port)}`;
  if (!answers) throw new Error(`${name}, which the environment names, does not answer on ${address}: ${reason}`);
  report(`${name} of the environment answers on ${address}`);
}

function somebodyElses(name: Server['name'], host: string, port: string): Server {
  const refuse = () =>
    Promise.reject(
      new Error(`${name} on ${host}:${port} is named by the environment: it is not ours to start or stop`),
    );
  return { name, host, port: Number(port), pid: undefined, stop: refuse, start: refuse };
}
