// `npm run bench:instances`: one to eight `dbw consume` processes of one group on one machine. How the events spread, what they
// do together and where that stops growing, and that nothing is lost or doubled while members come and go: the tables are
// compared with the model row for row.
// `npm run bench:instances -- --events 20000 --instances 1,2`; `--mixed` all thirty types; `--json file` keeps all figures.
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { table } from '../../src/output.js';
import { generate, posts } from '../../test/support/generator/index.js';
import { startServers } from '../../test/support/services/index.js';
import { comingAndGoing, together, type Scaled } from './scaling.js';
import { streamOf } from './scaling-stage.js';

const { values: flags } = parseArgs({
  options: {
    events: { type: 'string', default: '400000' },
    partitions: { type: 'string', default: '24' },
    instances: { type: 'string', default: '1,2,3,4,6,8' },
    mixed: { type: 'boolean', default: false },
    seed: { type: 'string', default: '1' },
    json: { type: 'string' },
  },
});
const [events, partitions, seed] = [Number(flags.events), Number(flags.partitions), Number(flags.seed)];
const counts = flags.instances.split(',').map(Number);
if (![events, partitions, seed, ...counts].every((number) => Number.isInteger(number) && number > 0)) {
  console.error('--events, --partitions, --seed and --instances (as 1,2,4) are whole numbers above 0.');
  process.exit(2);
}
const began = Date.now();
const report = (line: string) => {
  console.error(`${((Date.now() - began) / 1000).toFixed(1).padStart(7)} s  ${line}`);
};

// Ends the processes too; the servers end with us.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(130));

const servers = await startServers({ report });
Object.assign(process.env, servers.env);
const users = Math.max(10, Math.min(500, Math.round(events / 10)));
const stream = streamOf(
  flags.mixed
    ? generate({ seed, events, poison: 0, disorder: 0, duplicates: 0 })
    : [...posts({ seed, events: events + users, users })],
);
const number = (n: number) => Math.round(n).toLocaleString('en-US');

function rowOf({ what, perSecond, seconds, events: each, wrong }: Scaled, first: number): (string | number)[] {
  const shares = Object.values(each);
  return [
    what,
    number(perSecond),
    first > 0 ? (perSecond / first).toFixed(2) : '',
    `${seconds.toFixed(1)} s`,
    `${number(Math.min(...shares))} – ${number(Math.max(...shares))}`,
    wrong.length === 0 ? 'as the model' : 'wrong',
  ];
}

const results: Scaled[] = [];
try {
  for (const count of counts) {
    report(`${count} of ${Math.max(...counts)} instances`);
    results.push(await together(stream, partitions, count));
  }
  report('they come and go');
  const going = await comingAndGoing(stream, partitions, Math.max(3, ...counts), report);
  const first = results[0]?.perSecond ?? 0;
  const rows = [...results, going].map((one) => rowOf(one, first));
  results.push(going);
  console.log(`\n${table(['consume', 'events/s', 'of the first', 'in all', 'events of each', 'tables'], rows)}`);
  for (const { what, wrong } of results) for (const line of wrong) console.log(`${what}: ${line}`);
  const figures = { events: stream.processed, partitions, mixed: flags.mixed, seed, results };
  if (flags.json !== undefined) await writeFile(flags.json, `${JSON.stringify(figures, null, 2)}\n`);
} finally {
  await servers.stop();
}
process.exit(results.every(({ wrong }) => wrong.length === 0) ? 0 : 1);
