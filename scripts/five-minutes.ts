// `npm run five-minutes`: takes the lines of the README's five minutes and types them into a shell, with the package installed into
// an empty folder, against a Kafka (SASL_SSL), a PostgreSQL (TLS and certificates) and a Redis (TLS) that have never seen dbw.
// Needs Java and Maven as `npm test` does, and `kcat` and `psql` in PATH. Ends with status 0 when the row is there.
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SETTINGS } from '../src/config.js';
import { blocksOf, type Block } from '../test/support/blocks.js';
import { freePort } from '../test/support/services/ports.js';
import { PASSWORDS, secured, type Secured } from '../test/support/tls/secured.js';
import { until } from '../test/support/until.js';
import { Shell } from './five-minutes/shell.js';

const SECTION = 'Five minutes to a running system, with your own servers';

/** What is typed at once: a line, or several that a here-document joins. */
function stepsOf({ text }: Block): string[] {
  return [...text.matchAll(/^.*<<'?END'?\n[\s\S]*?^END$|^.+$/gm)].map(([step]) => step);
}

/** A line that sets settings, with the values of these servers. What is set is noted. */
function withValues(step: string, env: Readonly<Record<string, string>>, set: Set<string>): string {
  if (!step.startsWith('export ')) return step;
  return step.replaceAll(/(\w+)=(\S+)/g, (pair: string, name: string) => {
    const value = env[name];
    if (value === undefined) return pair;
    set.add(name);
    return `${name}='${value}'`;
  });
}

const folder = mkdtempSync(join(tmpdir(), 'dbw-five-minutes-'));
const before = new Set(readdirSync('.'));
const began = Date.now();
let servers: Secured | undefined;
let failed = '';
let shell: Shell | undefined;
try {
  servers = await secured();
  const port = String(await freePort());
  const env: Readonly<Record<string, string>> = servers.env;
  for (const name of ['DB_SSL_KEY_FILE']) chmodSync(env[name] ?? '', 0o600); // psql wants it so
  const [prefix, work] = [join(folder, 'prefix'), join(folder, 'work')];
  mkdirSync(prefix);
  mkdirSync(work);
  // What this checkout's environment has for dbw must not help; npm needs the rest.
  const ours = SETTINGS.flatMap(({ name }) => [name, `${name}_FILE`]);
  const rest = Object.entries(process.env).filter(([name]) => !ours.includes(name));
  shell = Shell.open('.', {
    ...Object.fromEntries(rest),
    PATH: [join(prefix, 'bin'), process.env.PATH].join(':'),
    npm_config_prefix: prefix,
    npm_config_loglevel: 'error',
    DB_WRITER_SERVICE_PORT: port,
    LOG_LEVEL: 'warn',
    NO_COLOR: '1',
  });
  const blocks = blocksOf('README.md').filter(({ section }) => section === SECTION);
  const set = new Set<string>();
  let last = '';
  let row = '';
  for (const block of blocks) {
    if (block.language === '') {
      if (!block.text.includes(row) || row === '') failed = `the README shows other rows than:\n${row}`;
      continue;
    }
    for (const step of stepsOf(block)) {
      if (step.startsWith('cat >')) await shell.type(`cd '${work}'`);
      const line = withValues(step, env, set).replaceAll('localhost:3010', `localhost:${port}`);
      console.log(`$ ${step.split('\n')[0] ?? ''}`);
      let { status, printed } = await shell.type(line);
      // The event is on its way.
      if (step.startsWith('psql ')) {
        const here = shell;
        await until(async () => {
          ({ status, printed } = await here.type(line));
          return status !== 0 || printed.includes('(1 row)');
        });
        row = printed.replaceAll(/ +$/gm, '').split('\n(')[0]?.trimEnd() ?? '';
      }
      if (printed) console.log(printed);
      last = printed;
      if (status !== 0) throw new Error(`ended with status ${status}: ${step}`);
      if (Object.values(PASSWORDS).some((secret) => printed.includes(secret)))
        throw new Error(`tells a secret: ${step}`);
    }
  }
  const unset = Object.keys(env).filter((name) => !set.has(name));
  if (unset.length > 0) failed = `the README does not say how to set ${unset.join(', ')}`;
  if (row === '') failed = `no row: ${last}`;
} catch (error) {
  failed = error instanceof Error ? error.message : String(error);
} finally {
  await shell?.close();
  await servers?.close();
  for (const name of readdirSync('.')) if (/^dbw-.*\.tgz$/.test(name) && !before.has(name)) rmSync(name);
  rmSync(folder, { recursive: true, force: true });
}
if (failed) console.error(`FAIL ${failed}`);
else console.log(`✔ from nothing to a row in ${Math.round((Date.now() - began) / 1000)} s`);
process.exit(failed ? 1 : 0);
