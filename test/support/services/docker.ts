import { execFile } from 'node:child_process';
import { basename } from 'node:path';
import { promisify } from 'node:util';
import { kafkaAnswers, postgresAnswers, redisAnswers } from './answers.js';
import { compose, recordComposeProject } from './compose.js';
import { freePort } from './ports.js';
import { Run } from './run.js';
import { environmentFor, login, type Report, type Server, type Servers } from './server.js';
import { until } from './until.js';

/** Starts the three as containers; undefined where no Docker engine answers or it cannot start them. */
export async function dockerServers(report: Report): Promise<Servers | undefined> {
  if (!(await dockerAnswers())) return undefined;
  const run = await Run.open(report);
  const project = `dbw-${basename(run.folder)}`;
  const [kafkaPort, postgresPort, redisPort] = [await freePort(), await freePort(), await freePort()];
  const ports = {
    KAFKA_PORT: String(kafkaPort),
    POSTGRES_PORT: String(postgresPort),
    REDIS_PORT: String(redisPort),
  };
  recordComposeProject(run.folder, project);
  const host = '127.0.0.1';
  const container = (name: Server['name'], port: number, answers: () => Promise<boolean>): Server => ({
    name,
    host,
    port,
    pid: undefined,
    stop: (signal) => compose(project, signal ? ['kill', '--signal', signal, name] : ['stop', name], ports),
    async start() {
      await compose(project, ['up', '--detach', '--wait', name], ports);
      await until(`${name} to answer on ${host}:${String(port)}`, answers, { seconds: 60 });
    },
  });
  try {
    report('starting containers (docker compose up); the first time fetches their images …');
    await compose(project, ['up', '--detach', '--wait'], ports);
    const servers = {
      kafka: container('kafka', kafkaPort, () => kafkaAnswers({ host, port: kafkaPort })),
      postgres: container('postgres', postgresPort, () => postgresAnswers({ host, port: postgresPort }, login)),
      redis: container('redis', redisPort, () => redisAnswers({ host, port: redisPort })),
    };
    const all = Object.values(servers);
    await Promise.all(all.map((server) => server.start()));
    for (const { name, port } of all) report(`${name} answers on ${host}:${String(port)}`);
    return { ...servers, env: environmentFor(servers), source: 'docker', stop: () => run.close() };
  } catch (error) {
    await run.close();
    report(`docker compose could not start the servers: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}

async function dockerAnswers(): Promise<boolean> {
  try {
    // The client alone says nothing: many machines have one without an engine.
    await promisify(execFile)('docker', ['info', '--format', '{{.ServerVersion}}'], { timeout: 3000 });
    await promisify(execFile)('docker', ['compose', 'version'], { timeout: 3000 });
    return true;
  } catch {
    return false;
  }
}
