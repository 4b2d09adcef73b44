import { once } from 'node:events';
import { expect } from 'chai';
import { Redis } from 'ioredis';
import type { Running } from './support/cli.js';
import { generate, shuffle, type Message } from './support/generator/index.js';
import { Place } from './support/place.js';
import { ask } from './support/port.js';
import { MissingProgramsError, startServers, type Servers } from './support/services/index.js';
import { until } from './support/until.js';

/** Batches so small that there are always some in hand when a fault comes. */
const UNDER_LOAD = { BATCH_SIZE: '20', RETRY_DELAY_MS: '100' };

/**
 * A short version of each fault, with real processes and servers of their own: whatever happens, in the end the tables are
 * those of the model, each refused message has its letter, and every offset is at its end.
 */
describe('faults', function () {
  this.timeout(120_000);
  const outside: Record<string, string | undefined> = {};
  const started: Running[] = [];
  const places: Place[] = [];
  let servers: Servers;

  before(async function () {
    try {
      servers = await startServers({ own: true });
    } catch (error) {
      // Where the environment brings the servers the machine need not be able to.
      if (error instanceof MissingProgramsError && process.env.KAFKA_BROKERS) this.skip();
      throw error;
    }
    for (const name of Object.keys(servers.env)) outside[name] = process.env[name];
    Object.assign(process.env, servers.env);
  });
  afterEach(async function () {
    if (this.currentTest?.state === 'failed') {
      for (const { output } of started) console.error(output.stderr.split('\n').slice(-15).join('\n'));
    }
    for (const { child } of started) child.kill('SIGKILL');
    await Promise.all(started.splice(0).map(({ ended }) => ended));
    // A test that failed may have left them stopped.
    await Promise.all([servers.kafka, servers.postgres, servers.redis].map((server) => server.start()));
  });
  after(async () => {
    await Promise.all(places.map(({ dataSource }) => dataSource.destroy()));
    Object.assign(process.env, outside);
    await servers.stop();
  });

  let seed = 100;
  /** A place and a dirty stream for it. */
  async function given(events = 500): Promise<{ here: Place; messages: Message[] }> {
    const here = await Place.make();
    places.push(here);
    return { here, messages: shuffle(generate({ seed: ++seed, events, poison: 0.01 }), seed) };
  }

  function consume(here: Place, env: Readonly<Record<string, string>> = {}): Running {
    const running = here.consume([], { ...UNDER_LOAD, ...env });
    started.push(running);
    return running;
  }

  /** Waits until a process has said something, since its output was last emptied. */
  async function says(running: Running, what: RegExp): Promise<void> {
    const { child, output, ended } = running;
    while (!what.test(output.stderr)) {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`dbw ended: ${output.stderr}`);
      await Promise.race([once(child.stderr!, 'data'), ended]);
    }
  }

  const isAssigned = (running: Running) => says(running, /partitions assigned/);

  const wroteMore = async (here: Place, running: Running, events: number): Promise<void> => {
    const goal = (await here.processed()) + events;
    await until(async () => (await here.processed()) >= goal, running);
  };

  const passes = (here: Place, running: Running, offsets: number) =>
    until(async () => (await here.passed()) >= offsets, running);

  async function endWell(running: Running): Promise<void> {
    running.child.kill('SIGTERM');
    const { status, stderr } = await running.ended;
    expect(status, stderr).to.equal(0);
  }

  /** Waits until it has done everything by itself, ends it, and looks whether all of it is there. */
  async function finish(here: Place, running: Running, messages: readonly Message[]): Promise<void> {
    await passes(here, running, messages.length);
    await until(() => here.isCommitted(), running);
    await endWell(running);
    await here.catchUp();
    await here.expectAll(messages);
  }

  it('PostgreSQL stops, fast and at once, in the middle of the work', async () => {
    const { here, messages } = await given(1_500); // more than is written while we look
    await here.send(messages);
    const running = consume(here);
    for (const signal of ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const) {
      await wroteMore(here, running, 80);
      await servers.postgres.stop(signal);
      await until(async () => (await ask(running, '/health')).status === 503, running);
      await servers.postgres.start();
    }
    await finish(here, running, messages);
  });

  it('PostgreSQL starts anew, twice, and another instance died with what is long written', async () => {
    const { here, messages } = await given();
    await here.send(messages);
    const running = consume(here);
    for (const time of [1, 2]) {
      await passes(here, running, messages.length);
      await until(() => here.isCommitted(), running);
      await until(async () => (await ask(running, '/readyz')).status === 200, running);
      // The first thing that is asked of the connection which the server has cut is to forget these.
      const sql = `INSERT INTO dbw.in_hand (group_id, instance, writer, ranges) SELECT group_id, gen_random_uuid(), 0,
        jsonb_build_array(jsonb_build_array(topic, partition, 0, 1)) FROM dbw.positions WHERE next_offset > 0 LIMIT 1`;
      if (time === 1) await here.dataSource.query(sql);
      await servers.postgres.stop();
      await servers.postgres.start();
      const anew = () => running.output.stderr.split('reading begins anew where its positions say').length - 1;
      await until(() => anew() === time, running);
    }
    await until(async () => (await ask(running, '/readyz')).status === 200, running);
    await finish(here, running, messages);
    expect(await here.dataSource.query('SELECT FROM dbw.suspects')).to.deep.equal([]);
  });

  it('backends of PostgreSQL are terminated', async () => {
    const { here, messages } = await given();
    await here.send(messages);
    const running = consume(here);
    const sql = `SELECT count(pg_terminate_backend(pid))::integer AS count FROM pg_stat_activity
      WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name = 'db-writer-service'`;
    for (let killed = 0; killed < 10;) {
      await wroteMore(here, running, 50);
      const [row] = await here.dataSource.query<{ count: number }[]>(sql);
      killed += row?.count ?? 0;
    }
    await finish(here, running, messages);
  });

  it('the broker is killed and comes back', async () => {
    const { here, messages } = await given();
    // All of them before: a producer that meets a broker in trouble may send twice.
    await here.send(messages);
    const running = consume(here);
    await wroteMore(here, running, 80);
    await servers.kafka.stop('SIGKILL');
    await servers.kafka.start();
    await finish(here, running, messages);
  });

  it('Redis is killed, comes back empty, and is emptied', async () => {
    const { here, messages } = await given();
    const half = messages.length >> 1;
    await here.send(messages.slice(0, half));
    const running = consume(here);
    await wroteMore(here, running, 80);
    await servers.redis.stop('SIGKILL');
    await says(running, /Redis is away/);
    await passes(here, running, half);
    await servers.redis.start();
    await says(running, /Redis answers[\s\S]*Redis is away[\s\S]*Redis answers/);
    await here.send(messages.slice(half));
    await wroteMore(here, running, 80);
    const redis = new Redis({ host: servers.redis.host, port: servers.redis.port });
    await redis.flushall();
    redis.disconnect();
    await finish(here, running, messages);
  });

  it('one of two instances stands still for longer than its session, and wakes up', async () => {
    const { here, messages } = await given();
    const half = messages.length >> 1;
    await here.send(messages.slice(0, half));
    const sleeper = consume(here);
    await isAssigned(sleeper);
    const other = consume(here);
    await isAssigned(other);
    sleeper.child.kill('SIGSTOP');
    sleeper.output.stderr = '';
    await here.send(messages.slice(half));
    // Only when the group has given up the sleeper do its partitions go on.
    await passes(here, other, messages.length);
    sleeper.child.kill('SIGCONT');
    await isAssigned(sleeper);
    await endWell(other);
    await finish(here, sleeper, messages);
  });

  it('instances come and go', async () => {
    const { here, messages } = await given();
    const part = Math.ceil(messages.length / 3);
    await here.send(messages.slice(0, part));
    const first = consume(here);
    await passes(here, first, 100);
    const second = consume(here);
    await isAssigned(second);
    await here.send(messages.slice(part, 2 * part));
    await endWell(first);
    const third = consume(here);
    await isAssigned(third);
    await here.send(messages.slice(2 * part));
    second.child.kill('SIGKILL');
    await second.ended;
    await finish(here, third, messages);
  });

  async function sigtermInOutage(name: 'postgres' | 'kafka', outage: RegExp): Promise<void> {
    const { here, messages } = await given();
    await here.send(messages);
    const running = consume(here);
    await wroteMore(here, running, 80);
    await servers[name].stop('SIGKILL');
    await says(running, outage);
    await endWell(running); // 0 only within its own deadline of 10 s
    await servers[name].start();
    await here.catchUp();
    await here.expectAll(messages);
  }

  it('SIGTERM while PostgreSQL is away: it ends well', () =>
    sigtermInOutage('postgres', /PostgreSQL (takes no events|is away)/));
  it('SIGTERM while Kafka is away: it ends well', () => sigtermInOutage('kafka', /Kafka is away/));

  async function awayAtStart(name: 'postgres' | 'kafka' | 'redis'): Promise<void> {
    const { here, messages } = await given(300);
    await here.send(messages);
    await servers[name].stop('SIGKILL');
    const running = consume(here);
    await says(running, /away|does not answer/);
    await servers[name].start();
    await finish(here, running, messages);
  }

  it('Redis is away at the start: it says so and goes on without', () => awayAtStart('redis'));
  it('PostgreSQL is away at the start: it waits, and goes on when it comes', () => awayAtStart('postgres'));
  it('Kafka is away at the start: it waits, and goes on when it comes', () => awayAtStart('kafka'));
});
