import { expect } from 'chai';
import type { DataSource } from 'typeorm';
import type { Running } from './support/cli.js';
import { dbw } from './support/cli.js';
import { connect } from '../src/postgres/data-source.js';
import { databaseConfig } from './support/database.js';
import { generate, type Message } from './support/generator/index.js';
import { Place } from './support/place.js';
import { ask } from './support/port.js';
import { header, readTopic, type Outgoing } from './support/topics.js';
import { until } from './support/until.js';

/** In every value of a person that is planted, and in nothing else. */
const MARK = 'Quokka';
/** The name of a field that no event has. */
const FIELD = 'Wombat';
/** Amounts of money that are nothing else. */
const AMOUNTS = ['48151.62', '91823.64'];
const PERSONAL = new Set([
  ...[
    'email',
    'username',
    'displayName',
    'bio',
    'content',
    'text',
    'caption',
    'title',
    'name',
    'nameZh',
    'description',
  ],
  ...['message', 'reason', 'location', 'body', 'phone', 'phoneNumber'],
]);

/** The same with a mark in every text of a person, and a distinctive amount in the place of every one. */
function marked(value: unknown, name = ''): unknown {
  if (Array.isArray(value)) return value.map((one) => marked(one, name));
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, marked(one, key)]));
  }
  if (typeof value === 'string' && PERSONAL.has(name))
    return name === 'email' ? `${MARK}.${value}` : `${MARK} ${value}`;
  if (typeof value === 'number' && /^(amount|price)$/.test(name)) return Number(AMOUNTS[0]);
  return value;
}

/** The JSON with marks; undefined where it is none, or deeper than one can go. */
function markedJson(value: Buffer): Buffer | undefined {
  try {
    return Buffer.from(JSON.stringify(marked(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(value)))));
  } catch {
    return undefined;
  }
}

/** The stream with personal data in every message, also in its headers, and in bytes that are no JSON. */
function planted(messages: readonly Message[]): Outgoing[] {
  return messages.map(({ topic, key, value }) => {
    const headers = { 'x-user': `${MARK} header` };
    if (value === null) return { topic, key, value, headers };
    return { topic, key, value: markedJson(value) ?? Buffer.concat([value, Buffer.from(` ${MARK} bytes`)]), headers };
  });
}

/** A user whose every field may be given. */
function user(
  id: string,
  data: Readonly<Record<string, unknown>>,
  more: Readonly<Record<string, unknown>> = {},
): Outgoing {
  const whole = { userId: id, username: id, email: `${id}@example.org`, role: 'subscriber', ...data };
  const event = {
    eventId: `e-${id}`,
    eventType: 'user.created',
    timestamp: '2024-01-01T00:00:00Z',
    data: whole,
    ...more,
  };
  return {
    topic: 'user.created',
    key: `${MARK} key`,
    value: Buffer.from(JSON.stringify(event)),
    headers: { who: MARK },
  };
}

const WRONG: readonly Outgoing[] = [
  // Refused by dbw, each with a value of a person in the field that is wrong.
  user('w-1', { role: `${MARK} role` }),
  user('w-2', { email: { [FIELD]: MARK } }),
  user('w-3', { username: `${MARK} ${'x'.repeat(10_000)}` }),
  user('w-4', { [FIELD]: MARK, email: null }),
  user('w-5', {}, { timestamp: `${MARK} time` }),
  user('w-6', {}, { timestamp: `2024-01-01T00:00:00Z ${MARK}` }),
  user('w-7', {}, { data: `${MARK} data` }),
  user('w-8', { userId: [`${MARK} id`] }),
  user('w-9', { emailVerified: `${MARK} verified`, createdAt: MARK }),
  // Refused by PostgreSQL: a check, a unique index, a trigger whose message has the value in it.
  user('w-10', { username: `${MARK} checked` }),
  user('w-11', { username: 'first', email: `${MARK}@unique.example` }),
  user('w-12', { username: 'second', email: `${MARK}@unique.example` }),
  user('w-13', { username: `${MARK} triggered` }),
  // Beside others that can be written it is that event which is refused, and not the server which is ill.
  user('w-14', { username: `${MARK} fine` }),
];

/** All that schema dbw holds, but for the messages that it keeps on purpose. */
async function ownTables(dataSource: DataSource): Promise<Map<string, string>> {
  const names: { name: string }[] = await dataSource.query(
    `SELECT tablename AS name FROM pg_tables WHERE schemaname = 'dbw'`,
  );
  const found = new Map<string, string>();
  for (const { name } of names) {
    const rows: { row: unknown }[] = await dataSource.query(
      `SELECT to_jsonb(t) - '{key,value,headers}'::text[] AS row FROM dbw.${name} t`,
    );
    found.set(`dbw.${name}`, JSON.stringify(rows));
  }
  return found;
}

describe('the values of events', function () {
  this.timeout(600_000);
  let place: Place;
  const said = new Map<string, string>();
  before(async () => {
    place = await Place.make();
    const { dataSource } = place;
    await dataSource.query(`ALTER TABLE users ADD CONSTRAINT not_checked CHECK (username NOT LIKE '%checked')`);
    await dataSource.query(`CREATE UNIQUE INDEX no_twins ON users (email) WHERE email LIKE '%unique.example'`);
    await dataSource.query(`CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN RAISE EXCEPTION 'not with the name %', NEW.username USING DETAIL = NEW.email, HINT = NEW.username; END $$`);
    await dataSource.query(
      `CREATE TRIGGER tell BEFORE INSERT ON users FOR EACH ROW WHEN (NEW.username LIKE '%triggered') EXECUTE FUNCTION tell()`,
    );
  });
  let consuming: Running | undefined;
  afterEach(async function () {
    if (this.currentTest?.state === 'failed') {
      console.error([...said.keys()].join(', '));
      console.error(
        consuming?.output.stderr
          .split('\n')
          .filter((line) => !line.includes('sweep of'))
          .slice(-15)
          .join('\n'),
      );
    }
    consuming?.child.kill('SIGKILL');
    await consuming?.ended;
  });
  after(() => place.dataSource.destroy());

  /** Runs a command to its end, and remembers what it said. */
  async function run(...args: string[]): Promise<void> {
    const { status, stdout, stderr } = await dbw(args, { ...place.env, LOG_LEVEL: 'debug', DLQ_MAX_RATE: '0' });
    expect([0, 3], `${args.join(' ')}: ${stderr}`).to.contain(status);
    said.set(args.join(' '), stdout + stderr);
  }

  async function watch(running: Running, when: string): Promise<void> {
    for (const path of ['/', '/health', '/livez', '/readyz', '/metrics']) {
      said.set(`${path} ${when}`, (await ask(running, path)).text);
    }
  }

  /** An outage: all connections are cut, and new ones may not write, until that is told. */
  async function outage(running: Running, stream: readonly Message[]): Promise<void> {
    const database = place.env.DB_DATABASE ?? '';
    const other = await connect({ ...databaseConfig('postgres'), poolSize: 1 });
    try {
      await other.query(`ALTER DATABASE ${database} SET default_transaction_read_only = on`);
      await other.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND application_name = 'db-writer-service'`,
        [database],
      );
      // Only now: what comes earlier may be written before the connections are cut.
      await place.send(planted(stream) as Message[]);
      await until(() => /consumption waits|takes no events/.test(running.output.stderr), running);
      await watch(running, 'in an outage');
    } finally {
      await other.query(`ALTER DATABASE ${database} RESET default_transaction_read_only`);
      await other.destroy();
    }
  }

  it('are in rows, in letters and in parked events, and nowhere else', async () => {
    const stream = generate({ seed: 23, events: 200, duplicates: 0.1, disorder: 0.1, poison: 0.1 });
    // One user never comes: what refers to it waits in vain.
    const missing = stream.findIndex(({ topic, expect: fate }) => topic === 'user.created' && fate === 'apply');
    const gone = stream[missing]?.key;
    const kept = stream.filter(({ topic, key }) => !(topic === 'user.created' && key === gone));
    await place.send([...planted(kept), ...WRONG] as Message[]);
    const settings = { LOG_LEVEL: 'debug', DLQ_MAX_RATE: '0', PARK_TIMEOUT_MS: '100', RETRY_DELAY_MS: '20' };
    consuming = place.consume([], settings);
    await until(async () => (await place.processed()) > 20, consuming);
    await watch(consuming, 'before');
    await outage(consuming, generate({ seed: 24, events: 40, poison: 0 }));
    await until(() => place.isCommitted(), consuming);
    const writer = consuming;
    const givenUp = /^dbw_dead_letters_total\{reason="missing_reference"\} [1-9]/m;
    await until(async () => givenUp.test((await ask(writer, '/metrics')).text), writer);
    await watch(consuming, 'after');
    consuming.child.kill('SIGTERM');
    await consuming.ended;
    said.set('consume', consuming.output.stdout + consuming.output.stderr);

    const letters = await readTopic(place.deadLetterTopic);
    expect(letters.length).to.be.greaterThan(100);
    await run('dlq', 'ls', '--json');
    const [, id = ''] = /"id":\s*"(\d+:\d+)"/.exec(said.get('dlq ls --json') ?? '') ?? [];
    const topic = ['--topic', `${place.prefix}user.created`, '--from-offset', '0'];
    const commands = [
      ['dlq', 'ls'],
      ['dlq', 'summary'],
      ['dlq', 'summary', '--json'],
      ['dlq', 'show', id],
      ['dlq', 'export', '-', '--mask'],
      ['parked', 'ls'],
      ['lag', '--json'],
      ['health', '--json'],
      ['backfill', 'verify', ...topic],
      ['backfill', ...topic, '--reason', 'test', '--dry-run'],
      ['replay-dlq', '--dry-run'],
    ];
    for (let at = 0; at < commands.length; at += 3) {
      await Promise.all(commands.slice(at, at + 3).map((command) => run(...command)));
    }
    await run('backfill', ...topic, '--reason', 'test', '--reapply', '--yes', '--json');
    // Where nothing beside it can be written, a replay takes an unknown error for the server's, and waits.
    await place.dataSource.query('DROP TRIGGER tell ON users');
    await run('replay-dlq', '--yes', '--json');
    await run('runs', '--json');

    // They were there.
    const values = letters.map(({ value }) => value?.toString('latin1') ?? '').join('\n');
    expect(values).to.contain(MARK);
    const reasons = letters.map((letter) => header(letter, 'dbw.dlq.reason'));
    expect(reasons).to.include.members(['malformed', 'invalid', 'database', 'missing_reference']);

    for (const [index, letter] of [...letters, ...(await readTopic(place.deadLetterTopic))].entries()) {
      for (const [name, value] of Object.entries(letter.headers ?? {})) {
        if (/^(dbw|__connect)\./.test(name)) said.set(`${index} ${name}`, String(value));
      }
    }
    for (const [table, rows] of await ownTables(place.dataSource)) said.set(table, rows);
    expect(said.get('consume')).to.contain('dead letter');
    const leaks: string[] = [];
    for (const [where, text] of said) {
      for (const value of [MARK, FIELD, ...AMOUNTS]) {
        // Who looks at a letter sees the names of its fields, and what their values are.
        if (value === FIELD && /^dlq (show|export)/.test(where)) continue;
        const at = text.indexOf(value);
        if (at >= 0) leaks.push(`${where} tells ${text.slice(Math.max(0, at - 100), at + 60)}`);
      }
    }
    expect(leaks).to.deep.equal([]);
  });
});
