// How long commands take that have almost nothing to do.
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { posts } from '../../test/support/generator/index.js';
import { dbw, startDbw } from '../../test/support/cli.js';
import { unique } from '../../test/support/unique.js';
import { inNewDatabase, withClient } from './databases.js';
import { readToTheEnd } from './dbw.js';
import type { Part } from './part.js';
import type { Way } from './rounds.js';
import { emptyTopics, fillTopics, POST_TOPICS } from './staging.js';

const TO_THE_END = ['--help', 'events', 'migrate status', 'runs', 'lag'];
const TO_A_CONNECTION = ['migrate status', 'runs', 'lag', 'dlq summary'];
/** Between two questions whether the first row is there. */
const ASK_EVERY_MS = 2;
const QUIET = { LOG_LEVEL: 'error' };

const since = (started: number) => (performance.now() - started) / 1000;

/** Seconds from the start of a process until it is gone. */
async function toTheEnd(command: string): Promise<number> {
  return inNewDatabase(async (database) => {
    const started = performance.now();
    const { status, stderr } = await dbw(command.split(' '), { DB_DATABASE: database, ...QUIET });
    if (status !== 0) throw new Error(`dbw ${command} ended with status ${status}: ${stderr}`);
    return since(started);
  });
}

/** Seconds from the start of a process until it connects to the first of its servers: all of them are a port of ours. */
async function toAConnection(command: string): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined); // the process is killed
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const [host, at] = ['127.0.0.1', String(port)];
  const env = { KAFKA_BROKERS: `${host}:${at}`, DB_HOST: host, DB_PORT: at, REDIS_HOST: host, REDIS_PORT: at };
  const started = performance.now();
  const { child, ended } = startDbw(command.split(' '), { ...env, ...QUIET });
  const connected = once(server, 'connection').then(() => since(started));
  const seconds = await Promise.race([connected, ended.then(() => undefined)]);
  child.kill('SIGKILL');
  const { stderr } = await ended;
  server.close();
  if (seconds === undefined) throw new Error(`dbw ${command} connected to nothing: ${stderr}`);
  return seconds;
}

/**
 * Seconds from the start of `consume`, whose group is new, until a row can be read.
 *
 * @param before what the names of topics begin with that are worked off before: a new database gets a partition for each day
 */
async function toTheFirstRow(prefix: string, before?: string): Promise<number> {
  return inNewDatabase((database) =>
    withClient(database, async (client) => {
      if (before !== undefined) await readToTheEnd(database, { prefix: before });
      const env = { DB_DATABASE: database, KAFKA_TOPIC_PREFIX: prefix, KAFKA_GROUP_ID: unique('group'), ...QUIET };
      const started = performance.now();
      const { child, ended } = startDbw(['consume'], env);
      while ((await client.query('SELECT FROM users LIMIT 1')).rowCount === 0) {
        if (child.exitCode !== null) throw new Error(`dbw consume ended: ${(await ended).stderr}`);
        await delay(ASK_EVERY_MS);
      }
      const seconds = since(started);
      child.kill('SIGTERM');
      await ended;
      return seconds;
    }),
  );
}

export const startUp: Part = {
  names: ['start'],
  title: 'start-up',
  seconds: ({ rounds }) => rounds * (TO_THE_END.length + TO_A_CONNECTION.length + 8),
  async run(_asked, measure) {
    const [empty, prefix] = [await emptyTopics(POST_TOPICS), await emptyTopics(POST_TOPICS)];
    await fillTopics(posts({ seed: 7, events: 2, users: 1 }), prefix);
    const way = (name: string, run: () => Promise<number>): Way => ({
      name,
      run: async () => ({ seconds: await run() }),
    });
    return measure([
      ...TO_THE_END.map((command) => way(`dbw ${command}`, () => toTheEnd(command))),
      ...TO_A_CONNECTION.map((command) => way(`dbw ${command}, to its first connection`, () => toAConnection(command))),
      way('dbw consume, to its first row', () => toTheFirstRow(prefix, empty)),
      way('dbw consume, to its first row in a new database', () => toTheFirstRow(prefix)),
    ]);
  },
};
