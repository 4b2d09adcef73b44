// `npm run bench`: events per second from Kafka to rows, beside COPY of the same rows into the same table, in one run on one
// machine. What counts are the ratios: absolute figures move with the machine and with what else it does.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { from } from 'pg-copy-streams';
import { connect } from '../src/postgres/data-source.js';
import { migrate } from '../src/postgres/migrate.js';
import { table } from '../src/output.js';
import { databaseConfig, emptyDatabase } from '../test/support/database.js';
import { posts, type Message } from '../test/support/generator/index.js';
import { startServers } from '../test/support/services/index.js';
import { createTopics, send } from '../test/support/topics.js';
import { unique } from '../test/support/unique.js';

const { values: flags } = parseArgs({
  options: {
    events: { type: 'string', default: '200000' },
    rounds: { type: 'string', default: '3' },
    writers: { type: 'string', default: '2' },
    batch: { type: 'string', default: '1000' },
  },
});
const events = Number(flags.events);
const rounds = Number(flags.rounds);
const USERS = 500;

const servers = await startServers({
  report: (line) => {
    console.error(line);
  },
});
Object.assign(process.env, servers.env);

function escaped(value: unknown): string {
  if (value === null || value === undefined) return '\\N';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.replace(/[\\\t\n\r]/g, (c) => ({ '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' })[c] ?? c);
}

/** The rows of the messages as COPY takes them, in the columns named first. */
function copyLines(messages: readonly Message[]): { users: string[]; posts: string[] } {
  const lines: { users: string[]; posts: string[] } = { users: [], posts: [] };
  for (const { event } of messages) {
    const d = event?.data ?? {};
    const at = event?.timestamp;
    if (event?.eventType === 'user.created') {
      lines.users.push(`${[d.userId, d.username, d.email, d.role, at].map(escaped).join('\t')}\n`);
    } else {
      const row = [
        d.postId,
        d.authorId,
        d.content,
        JSON.stringify(d.mediaUrls),
        d.visibility,
        d.contentType,
        d.price,
        d.tags,
        at,
      ];
      lines.posts.push(`${row.map(escaped).join('\t')}\n`);
    }
  }
  return lines;
}

async function freshDatabase(): Promise<string> {
  const name = await emptyDatabase();
  const dataSource = await connect(databaseConfig(name));
  await migrate(dataSource);
  await dataSource.destroy();
  return name;
}

async function dropDatabase(name: string): Promise<void> {
  const admin = await connect(databaseConfig(process.env.DB_DATABASE ?? 'dbw'));
  await admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
  await admin.destroy();
}

/** Seconds that COPY of the posts takes, into the migrated table with its key, indexes and foreign key. */
async function copy(lines: { users: string[]; posts: string[] }): Promise<number> {
  const database = await freshDatabase();
  const { host, port, username, password } = databaseConfig(database);
  const client = new pg.Client({ host, port, user: username, ...(password ? { password } : {}), database });
  await client.connect();
  const put = (sql: string, rows: string[]) => pipeline(Readable.from(chunks(rows)), client.query(from(sql)));
  await put('COPY users (user_id, username, email, role, created_at) FROM STDIN', lines.users);
  const started = performance.now();
  await put(
    'COPY posts (post_id, author_id, content, media_urls, visibility, content_type, price, tags, created_at) FROM STDIN',
    lines.posts,
  );
  const seconds = (performance.now() - started) / 1000;
  await client.end();
  await dropDatabase(database);
  return seconds;
}

function* chunks(rows: string[]): Generator<string> {
  for (let i = 0; i < rows.length; i += 500) yield rows.slice(i, i + 500).join('');
}

/** Seconds from the start of reading to the last commit of `dbw consume`, as it says itself. */
async function consume(prefix: string, env: Record<string, string>): Promise<number> {
  const database = await freshDatabase();
  const child = spawn(process.execPath, ['bin/run.js', 'consume', '--until-caught-up', '--json'], {
    env: {
      ...process.env,
      DB_DATABASE: database,
      KAFKA_TOPIC_PREFIX: prefix,
      KAFKA_GROUP_ID: unique('group'),
      DB_WRITER_SERVICE_PORT: '0',
      LOG_LEVEL: 'error',
      DBW_WRITERS: flags.writers,
      BATCH_SIZE: flags.batch,
      ...env,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  await once(child, 'close');
  const result: unknown = JSON.parse(output);
  await dropDatabase(database);
  if (typeof result !== 'object' || result === null || !('seconds' in result))
    throw new Error(`consume failed: ${output}`);
  return Number(result.seconds);
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}

try {
  const messages = [...posts({ seed: 1, events: events + USERS, users: USERS })];
  const prefix = `${unique('bench')}.`;
  await createTopics([`${prefix}user.created`, `${prefix}content.post.created`], 4);
  await send(messages, prefix);
  const lines = copyLines(messages);
  const ways: Record<string, () => Promise<number>> = {
    COPY: () => copy(lines),
    'dbw consume': () => consume(prefix, {}),
    'dbw consume, no Redis': () => consume(prefix, { REDIS_HOST: '' }),
  };
  const seconds = new Map<string, number[]>(Object.keys(ways).map((way) => [way, []]));
  for (let round = 1; round <= rounds; round++) {
    for (const [way, measure] of Object.entries(ways)) {
      const took = await measure();
      seconds.get(way)?.push(took);
      console.error(`round ${round}: ${way}: ${Math.round(events / took).toLocaleString('en-US')} events/s`);
    }
  }
  const base = median(seconds.get('COPY') ?? []);
  const rows = [...seconds].map(([way, took]) => {
    const rate = (s: number) => Math.round(events / s).toLocaleString('en-US');
    return [
      way,
      rate(median(took)),
      `${rate(Math.max(...took))} – ${rate(Math.min(...took))}`,
      (base / median(took)).toFixed(2),
    ];
  });
  console.log(table(['way', 'events/s', 'spread', 'of COPY'], rows));
} finally {
  await servers.stop();
}
process.exit(0);
