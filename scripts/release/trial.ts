import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { readConfig } from '../../src/config.js';
import { connect } from '../../src/postgres/data-source.js';
import { databaseConfig, emptyDatabase } from '../../test/support/database.js';
import { generate } from '../../test/support/generator/index.js';
import { expectedTables } from '../../test/support/model.js';
import { valid } from '../../test/support/place.js';
import { readRows } from '../../test/support/rows.js';
import { startServers } from '../../test/support/services/index.js';
import { freePort } from '../../test/support/services/ports.js';
import { send } from '../../test/support/topics.js';
import { unique } from '../../test/support/unique.js';
import { until } from '../../test/support/until.js';

/** dbw as it was built for others: how to start it there. */
export interface Built {
  /** The words of the command line before dbw's own; `folder` holds the secrets and must be readable there. */
  words(env: Readonly<Record<string, string>>, folder: string): readonly string[];
  /** What the process that starts it gets. */
  environment(env: Readonly<Record<string, string>>): NodeJS.ProcessEnv;
  /** Looks at it while it consumes. */
  readonly whileConsuming?: () => Promise<void>;
}

const EVENTS = 300;
const FILES = ['DB_PASSWORD', 'REDIS_PASSWORD', 'KAFKA_SASL_PASSWORD'];

function say(text: string): void {
  console.error(`✔ ${text}`);
}

function statusOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', resolve);
  });
}

/** The servers' settings for a place of its own, with every secret in a file of `folder`. */
async function settings(servers: Readonly<Record<string, string>>, folder: string) {
  const env: Record<string, string> = {
    ...Object.fromEntries(Object.entries(servers).filter(([name]) => !FILES.includes(name))),
    DB_DATABASE: await emptyDatabase(),
    KAFKA_TOPIC_PREFIX: `${unique('t')}.`,
    KAFKA_GROUP_ID: unique('group'),
    DB_WRITER_SERVICE_PORT: String(await freePort()),
  };
  for (const name of FILES) {
    const secret = process.env[name];
    if (!secret) continue;
    env[`${name}_FILE`] = join(folder, name);
    writeFileSync(join(folder, name), `${secret}\n`, { mode: 0o444 });
  }
  return env;
}

/** Waits for the facts of a running `consume`, and that it ends in order when it is told to. Whatever happens, it ends. */
async function watch(
  consume: ChildProcess,
  facts: readonly [string, () => Promise<boolean>][],
  look?: () => Promise<void>,
) {
  const ended = statusOf(consume);
  const early = ended.then((status) => {
    throw new Error(`dbw consume ended with status ${String(status)} before it was told to`);
  });
  early.catch(() => undefined);
  try {
    for (const [what, fact] of facts) {
      await Promise.race([until(fact), early]);
      say(what);
    }
    await look?.();
  } finally {
    consume.kill('SIGTERM');
  }
  const status = await ended;
  if (status !== 0) throw new Error(`after SIGTERM dbw consume ended with status ${String(status)}`);
  say('SIGTERM: ended with status 0');
}

/**
 * Does with a built dbw what its first user does: migrate, create topics, consume, stop. Kafka, PostgreSQL and Redis are real;
 * a failed expectation is an Error.
 */
export async function trial(built: Built): Promise<void> {
  const servers = await startServers({ report: console.error });
  Object.assign(process.env, servers.env);
  const folder = mkdtempSync(join(tmpdir(), 'dbw-secrets-'));
  chmodSync(folder, 0o755);
  try {
    const env = await settings(servers.env, folder);
    const start = (...args: string[]) => {
      const [program = '', ...before] = built.words(env, folder);
      const stdio = ['ignore', 'inherit', 'inherit'] as const;
      return spawn(program, [...before, ...args], { env: built.environment(env), stdio: [...stdio] });
    };
    const run = async (...args: string[]) => {
      const status = await statusOf(start(...args));
      if (status !== 0) throw new Error(`dbw ${args.join(' ')} ended with status ${String(status)}`);
      say(`dbw ${args.join(' ')}`);
    };
    await run('--version');
    await run('migrate');
    await run('topics', 'create', '--partitions', '2');

    const messages = generate({ seed: 7, events: EVENTS });
    await send(messages, env.KAFKA_TOPIC_PREFIX ?? '');
    const expected = expectedTables(valid(messages)).tables;
    const dataSource = await connect(databaseConfig(env.DB_DATABASE ?? ''));
    try {
      const isWritten = async () => isDeepStrictEqual(await readRows(dataSource), expected);
      const answers = (path: string) => async () =>
        (await fetch(`http://127.0.0.1:${readConfig(env).port}${path}`)).status === 200;
      const count = [...expected.values()].reduce((sum, rows) => sum + rows.size, 0);
      const paths = ['/livez', '/readyz', '/metrics'];
      await watch(
        start('consume'),
        [
          [`dbw consume: ${EVENTS} events, ${count} rows as the model has them`, isWritten],
          ...paths.map((path): [string, () => Promise<boolean>] => [`GET ${path}: 200`, answers(path)]),
        ],
        built.whileConsuming,
      );
      await run('consume', '--until-caught-up');
      if (!(await isWritten())) throw new Error('the rows are no longer as the model has them');
      await run('health');
    } finally {
      await dataSource.destroy();
    }
  } finally {
    rmSync(folder, { recursive: true });
    await servers.stop();
  }
}
