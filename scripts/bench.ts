// `npm run bench`: events per second from Kafka to rows beside other ways to write the same rows, latency, growth, letters and
// start-up, in one run on one machine. What counts are the ratios: absolute figures move with the machine and with what else
// it does. docs/performance.md tells what each part does and which flags there are.
import { writeFile } from 'node:fs/promises';
import pg from 'pg';
import { table } from '../src/output.js';
import { startServers, type Servers } from '../test/support/services/index.js';
import { ask, type Errand } from './bench/ask.js';
import { measuredTable, sampleText } from './bench/figures.js';
import { machineFacts } from './bench/machine.js';
import { parts } from './bench/parts.js';
import { readResults, type Results } from './bench/results.js';
import { measure, type Way } from './bench/rounds.js';
import { dropTopics } from './bench/staging.js';
import { dropDatabases, withClient } from './bench/databases.js';
import { drawAll } from './bench/pictures.js';

const tell = (line: string) => {
  console.error(line);
};

const isWanted = (names: readonly string[], { only }: Errand) => names.some((name) => only.has(name));

/** What will be done and how long it takes, before anything begins. */
function foretell(errand: Errand): void {
  const minutes = (seconds: number) => Math.max(1, Math.ceil(seconds / 60));
  const wanted = parts.filter(({ names }) => isWanted(names, errand));
  const total = wanted.reduce((sum, { seconds }) => sum + seconds(errand), 0);
  tell(`About ${minutes(total)} minutes on two cores that do nothing else; ${errand.rounds} rounds of each:`);
  const rows = wanted.map(({ names, title, seconds }) => [
    ...[names.filter((name) => errand.only.has(name)).join(','), title, minutes(seconds(errand)), 'minutes'],
  ]);
  tell(table([], rows));
}

function show(name: string, measured: Results['parts'][string]): void {
  const part = parts.find(({ names }) => names[0] === name) ?? { title: name };
  console.log(`\n${measuredTable(part, measured)}`);
}

/** Servers of the environment stay as they were; those of ours have room for the next part. */
async function clearAway(): Promise<void> {
  await dropTopics();
  await dropDatabases();
}

/** Gives a PostgreSQL of ours other settings, and starts it again with them. */
async function setPostgres({ source, postgres }: Servers, settings: Errand['postgres']): Promise<void> {
  if (Object.keys(settings).length === 0) return;
  if (source === 'environment') {
    refuse(new Error('--postgres is for servers that are started here; those of the environment have their settings'));
  }
  const set = withClient(process.env.DB_DATABASE ?? 'dbw', async (client) => {
    for (const [name, value] of Object.entries(settings))
      await client.query(`ALTER SYSTEM SET ${name} = ${pg.escapeLiteral(value)}`);
  });
  await set.catch(refuse);
  await postgres.stop();
  await postgres.start();
}

/** Runs what was asked for, and keeps what is there after each part: a long run that is cut short leaves something. */
async function run(errand: Errand): Promise<Results> {
  foretell(errand);
  const servers = await startServers({ report: tell });
  Object.assign(process.env, servers.env);
  try {
    await setPostgres(servers, errand.postgres);
    const { events, rounds, letters, rows } = errand;
    const results: Results = {
      machine: await machineFacts(servers),
      asked: { events, rounds, letters, rows },
      parts: {},
    };
    const started = performance.now();
    const inRounds = (title: string) => (ways: readonly Way[]) =>
      measure(ways, {
        rounds,
        tell(round, name, sample) {
          const minutes = ((performance.now() - started) / 60_000).toFixed(1);
          tell(`${minutes} min, round ${round} of ${title}: ${name}: ${sampleText(sample)}`);
        },
      });
    for (const part of parts.filter(({ names }) => isWanted(names, errand))) {
      const [name = ''] = part.names;
      const measured = await part.run(errand, inRounds(part.title), tell).finally(clearAway);
      results.parts[name] = measured;
      show(name, measured);
      if (errand.json !== undefined) await writeFile(errand.json, `${JSON.stringify(results, null, 2)}\n`);
    }
    return results;
  } finally {
    await servers.stop();
  }
}

/** Says what was typed wrong, and ends the process. */
function refuse(error: unknown): never {
  tell(error instanceof Error ? error.message : String(error));
  return process.exit(2);
}

function errandOf(args: readonly string[]): Errand {
  try {
    return ask(args);
  } catch (error) {
    return refuse(error);
  }
}

const errand = errandOf(process.argv.slice(2));
const { show: file } = errand;
const results = file === undefined ? await run(errand) : await readResults(file).catch(refuse);
if (file !== undefined) for (const [name, measured] of Object.entries(results.parts)) show(name, measured);
console.log(
  `\n${table(
    [],
    Object.entries(results.machine).map(([what, value]) => [what, String(value)]),
  )}`,
);
if (errand.svg !== undefined) await drawAll(results, errand.svg);
process.exit(0);
