// `npm run bench`: events per second from Kafka to rows, beside COPY of the same rows into the same table, in one run on one
// machine. What counts are the ratios: absolute figures move with the machine and with what else it does.
// `npm run bench -- --only limits,latency` measures some parts; `--json bench.json` keeps all figures.
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { table } from '../src/output.js';
import { generate, posts, type Message } from '../test/support/generator/index.js';
import { startServers } from '../test/support/services/index.js';
import { createTopics, send } from '../test/support/topics.js';
import { unique } from '../test/support/unique.js';
import { consume } from './bench/dbw.js';
import { latencyAt } from './bench/latency.js';
import { copy, rowsOf, unnest } from './bench/rows.js';
import { measure, type Measured } from './bench/rounds.js';
import { startUp } from './bench/start-up.js';

const { values: flags } = parseArgs({
  options: {
    events: { type: 'string', default: '200000' },
    rounds: { type: 'string', default: '3' },
    only: { type: 'string', default: 'limits,settings,mixed,latency,start' },
    json: { type: 'string' },
  },
});
const events = Number(flags.events);
const rounds = Number(flags.rounds);
const USERS = 500;
const report = (line: string) => {
  console.error(line);
};

const servers = await startServers({ report });
Object.assign(process.env, servers.env);

/** Topics for these messages, of four partitions; returns what their names begin with. */
async function emptyTopics(messages: readonly Message[]): Promise<string> {
  const prefix = `${unique('bench')}.`;
  await createTopics([...new Set(messages.map(({ topic }) => `${prefix}${topic}`))], 4);
  return prefix;
}

/** Topics with these messages; returns what their names begin with. */
async function staged(messages: readonly Message[]): Promise<string> {
  const prefix = await emptyTopics(messages);
  await send(messages, prefix);
  return prefix;
}

const results: Record<string, unknown> = {};
const ways = new Map<string, () => Promise<number>>();
const memory = new Map<string, number>();
const wanted = new Set(flags.only.split(','));

/** A way to write the events, whose memory is kept beside its time. */
function consuming(name: string, prefix: string, env: Record<string, string> = {}): void {
  ways.set(name, async () => {
    const { eventsPerSecond, peakMiB } = await consume(prefix, env);
    memory.set(name, Math.max(memory.get(name) ?? 0, peakMiB));
    return eventsPerSecond;
  });
}

function print(title: string, measured: readonly Measured[]): void {
  const count = (n: number) => Math.round(n).toLocaleString('en-US');
  const rows = measured.map(({ name, perSecond, least, most, ofFirst }) => [
    ...[name, count(perSecond), `${count(least)} – ${count(most)}`, ofFirst.toFixed(2)],
    memory.has(name) ? `${Math.round(memory.get(name) ?? 0)} MiB` : '',
  ]);
  console.log(`\n${table([title, 'events/s', 'spread', 'of COPY', 'memory'], rows)}`);
}

try {
  if (['limits', 'settings', 'mixed'].some((part) => wanted.has(part))) {
    const messages = [...posts({ seed: 1, events: events + USERS, users: USERS })];
    const rows = rowsOf(messages);
    ways.set('COPY', async () => events / (await copy(rows)));
    if (wanted.has('limits')) ways.set('INSERT … unnest', async () => events / (await unnest(rows)));
    const prefix = await staged(messages);
    consuming('dbw consume', prefix);
    if (wanted.has('settings')) {
      consuming('no Redis', prefix, { REDIS_HOST: '' });
      consuming('one writer', prefix, { DBW_WRITERS: '1' });
      consuming('batches of 100', prefix, { BATCH_SIZE: '100' });
      consuming('batches of 5,000', prefix, { BATCH_SIZE: '5000' });
    }
    if (wanted.has('mixed')) {
      const clean = generate({ seed: 2, events, poison: 0, disorder: 0, duplicates: 0 });
      const dirty = generate({ seed: 3, events, poison: 0.001 });
      consuming('all thirty types', await staged(clean));
      consuming('all thirty, dirty', await staged(dirty));
    }
    const measured = await measure(ways, { rounds, report });
    results.throughput = measured.map((one) => ({ ...one, peakMiB: memory.get(one.name) }));
    print('way', measured);
  }
  if (wanted.has('latency')) {
    const found = [];
    for (const [what, perSecond] of [
      ['posts', 100],
      ['posts', 1_000],
      ['posts', 10_000],
      ['all thirty types', 1_000],
    ] as const) {
      const count = perSecond * 15;
      const messages =
        what === 'posts'
          ? [...posts({ seed: perSecond, events: count, users: USERS })]
          : generate({ seed: perSecond, events: count, poison: 0, disorder: 0, duplicates: 0 });
      found.push({ what, ...(await latencyAt(perSecond, messages, await emptyTopics(messages))) });
    }
    results.latency = found;
    const ms = (n: number) => `≤ ${Number(n.toFixed(1))} ms`;
    const rows = found.map(({ what, perSecond, p50, p99, p999 }) => [what, perSecond, ms(p50), ms(p99), ms(p999)]);
    console.log(`\n${table(['latency of', 'events/s', 'p50', 'p99', 'p99.9'], rows)}`);
  }
  if (wanted.has('start')) {
    const found = await startUp(rounds);
    results.start = found;
    const rows = found.map(({ command, seconds }) => [command, `${seconds.toFixed(2)} s`]);
    console.log(`\n${table(['start-up', 'seconds'], rows)}`);
  }
  if (flags.json !== undefined) await writeFile(flags.json, `${JSON.stringify(results, null, 2)}\n`);
} finally {
  await servers.stop();
}
process.exit(0);
