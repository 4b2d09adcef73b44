import { createServer, type AddressInfo, type Server } from 'node:net';
import { once } from 'node:events';
import { expect } from 'chai';
import type { HealthResult } from '../../src/commands/health.js';
import { readConfig, type Config } from '../../src/config.js';
import { HealthServer } from '../../src/health/health-server.js';
import { healthTable } from '../../src/health/health-table.js';
import { probe } from '../../src/health/probe.js';
import type { Vitals } from '../../src/health/vitals.js';
import { dbw } from '../support/cli.js';
import { Place } from '../support/place.js';
import { createTopics } from '../support/topics.js';
import { unique } from '../support/unique.js';
import { WELL } from '../support/vitals.js';

const VERSION = '0.1.0';
const metrics = { contentType: 'text/plain', text: () => Promise.resolve('') };

const vitals = (more: Partial<Vitals> = {}): Vitals => ({ ...WELL, version: VERSION, ...more });

describe('dbw health', () => {
  let place: Place;
  const config = (env: Readonly<Record<string, string>> = {}): Config =>
    readConfig({ ...process.env, ...place.env, ...env });
  const found = (report: HealthResult, what: string) => report.checks.find((check) => check.what === what);

  before(async () => {
    place = await Place.make(['user.created']);
  });
  after(() => place.dataSource.destroy());

  /** What is said with a writer of these vitals running. */
  async function withWriter(of: Vitals): Promise<HealthResult> {
    const server = await HealthServer.open({ port: 0 }, () => of, { metrics, page: metrics });
    try {
      return await probe(config(), VERSION, new URL(`http://localhost:${server.port}`));
    } finally {
      await server.close();
    }
  }

  it('prints a table, and with --json what GET /health would say, then more', async () => {
    const [text, json] = await Promise.all([dbw(['health'], place.env), dbw(['health', '--json'], place.env)]);
    expect([text.status, json.status], text.stderr + json.stderr).to.deep.equal([0, 0]);
    expect(text.stdout)
      .to.match(/✔ {2}Kafka +\S+: 1 broker\n/)
      .and.to.match(/✔ {2}schema +up to date\n/);
    expect(text.stdout).to.match(/source topics: To create them: dbw topics create\n\nhealthy\n$/);
    const report = JSON.parse(json.stdout) as HealthResult;
    const fields = ['status', 'kafka', 'database', 'redis', 'lastProcessedEvent'];
    expect(Object.keys(report).slice(0, 5)).to.deep.equal(fields);
    expect(report).to.deep.include({
      status: 'healthy',
      kafka: { connected: true, lag: 0 },
      redis: { connected: true },
      writer: null,
    });
    const { activeConnections, ...database } = report.database;
    expect(database).to.deep.equal({ connected: true, poolSize: 20 });
    expect(activeConnections, 'also those of the other command').to.be.a('number');
  });

  it('nothing answers: each with its reason and what to do, and status 7', async () => {
    const env = {
      KAFKA_BROKERS: '127.0.0.1:1',
      DB_PORT: '1',
      REDIS_PORT: '1',
      DB_PASSWORD: 'a-secret',
      REDIS_PASSWORD: 'b-secret',
    };
    const ended = await dbw(['health'], { ...place.env, ...env });
    expect(ended.status).to.equal(7);
    expect(ended.stdout)
      .to.match(/✖ {2}Kafka +/)
      .and.to.match(/✖ {2}PostgreSQL +.*ECONNREFUSED/)
      .and.to.match(/! {2}Redis +.*ECONNREFUSED/);
    expect(ended.stdout)
      .to.match(/correct KAFKA_BROKERS/)
      .and.to.match(/correct DB_HOST and DB_PORT/)
      .and.to.match(/correct REDIS_HOST/);
    expect(ended.stdout).to.match(/unhealthy\n$/);
    expect(ended.stdout + ended.stderr).not.to.contain('-secret');
  });

  it('servers that take a connection and say nothing do not hold it up', async () => {
    const sockets: { destroy: () => void }[] = [];
    const silent: Server = createServer((socket) => sockets.push(socket));
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const port = String((silent.address() as AddressInfo).port);
    const env = {
      KAFKA_BROKERS: `127.0.0.1:${port}`,
      DB_HOST: '127.0.0.1',
      DB_PORT: port,
      REDIS_HOST: '127.0.0.1',
      REDIS_PORT: port,
    };
    const report = await probe(config(env), VERSION, undefined, 100);
    for (const what of ['Kafka', 'PostgreSQL', 'Redis'])
      expect(found(report, what)?.answer).to.equal('it says nothing for 0.1 s');
    expect(report.status).to.equal('unhealthy');
    silent.close();
    for (const socket of sockets) socket.destroy();
  });

  it('Redis alone away: degraded, no more', async () => {
    const report = await probe(config({ REDIS_PORT: '1' }), VERSION);
    expect(report.status).to.equal('degraded');
    expect(found(report, 'Redis')).to.include({ found: 'poor' });
    expect((await probe(config({ REDIS_HOST: '' }), VERSION)).redis).to.deep.equal({
      connected: false,
      configured: false,
    });
  });

  it('a schema that is too old: unhealthy, and which command mends it', async () => {
    const report = await probe(config({ DB_DATABASE: 'template1' }), VERSION);
    expect(report.status).to.equal('unhealthy');
    expect(report.database).to.include({ connected: true });
    expect(found(report, 'schema')).to.include({ found: 'bad', remedy: 'Run: dbw migrate' });
  });

  it('a writer that runs well, and one that contradicts what is seen from here', async () => {
    const well = await withWriter(vitals());
    expect(well.status, healthTable(well)).to.equal('healthy');
    expect(well.writer).to.include({ error: null, alive: true, ready: true });
    const strange = await withWriter(
      vitals({
        version: '9.9.9',
        redis: { configured: false, connected: false },
        database: { connected: false, reason: 'it hangs', activeConnections: 0, poolSize: 20 },
      }),
    );
    expect(strange.status).to.equal('unhealthy');
    expect(found(strange, 'writer ready')).to.include({ found: 'bad', answer: 'PostgreSQL is away: it hangs' });
    expect(strange.checks.filter(({ what }) => what === 'contradiction').map(({ answer }) => answer)).to.deep.equal([
      'it does not reach PostgreSQL, from here it answers',
      'it runs without Redis, here REDIS_HOST is set',
      `it is version 9.9.9, this is ${VERSION}`,
    ]);
  });

  it('a dead writer is unhealthy; one that nobody is at home for too, without the password of its address', async () => {
    expect(found(await withWriter(vitals({ consumer: 'dead' })), 'writer alive')).to.include({ found: 'bad' });
    const gone = await probe(config(), VERSION, new URL('http://ann:c-secret@localhost:9'));
    expect(found(gone, 'writer')).to.include({ found: 'bad' });
    expect(JSON.stringify(gone)).not.to.contain('c-secret');
    const refused = await dbw(['health', '--url', 'ann:c-secret@nowhere'], place.env);
    expect(refused.status).to.equal(2);
    expect(refused.stderr).to.contain('http://host:3010').and.not.to.contain('c-secret');
  });

  it('a dead-letter topic that would lose letters', async () => {
    const topic = unique('short');
    await createTopics([topic], 1, { 'retention.ms': '60000' });
    const report = await probe(config({ DLQ_TOPIC: topic }), VERSION);
    expect(found(report, 'dead-letter topic')).to.include({ found: 'bad' });
  });
});
