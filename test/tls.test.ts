import { expect } from 'chai';
import { readConfig } from '../src/config.js';
import { EXIT } from '../src/errors.js';
import { probe } from '../src/health/probe.js';
import { createKafka } from '../src/kafka/client.js';
import { connect } from '../src/postgres/data-source.js';
import { dbw } from './support/cli.js';
import { generate } from './support/generator/index.js';
import { expectedTables } from './support/model.js';
import { valid } from './support/place.js';
import { readRows } from './support/rows.js';
import { Authority } from './support/tls/certificates.js';
import { impostor } from './support/tls/impostor.js';
import { Recorder } from './support/tls/recorder.js';
import { PASSWORDS, secured, SERVER_NAME, type Secured } from './support/tls/secured.js';
import { byTopic } from './support/topics.js';

type Settings = Readonly<Record<string, string>>;

const PREFIXES = ['DB_SSL', 'KAFKA_SSL', 'REDIS_TLS'];

/** One setting of TLS for all three servers: `_CA_FILE` and its like. */
function forAll(end: string, value: string): Settings {
  return Object.fromEntries(PREFIXES.map((prefix) => [prefix + end, value]));
}

const NO_CERTIFICATE = { ...forAll('_CERT_FILE', ''), ...forAll('_KEY_FILE', '') };
const NO_TLS = { ...forAll('', 'false'), ...forAll('_CA_FILE', ''), ...NO_CERTIFICATE };
const NO_LOGIN = { KAFKA_SASL_MECHANISM: '', KAFKA_SASL_USERNAME: '', KAFKA_SASL_PASSWORD: '' };

describe('TLS', () => {
  let servers: Secured;
  before(async function () {
    this.timeout(300_000);
    servers = await secured();
  });
  after(() => servers.close());
  beforeEach(() => {
    for (const wire of Object.values(servers.wires)) wire.forget();
  });

  /** What `dbw health` says of Kafka, PostgreSQL and Redis, each in one line with its remedy. */
  async function ask(settings: Settings): Promise<string[]> {
    const { checks } = await probe(readConfig({ ...servers.env, ...settings }), '0.1.0');
    const asked = ['Kafka', 'PostgreSQL', 'Redis'].map((name) => checks.find(({ what }) => what === name));
    return asked.map((check) => `${check?.found ?? ''}: ${check?.answer ?? ''}. ${check?.remedy ?? ''}`);
  }

  /** Every connection was TLS from its first byte on, PostgreSQL's after its request for it, and told no secret. */
  function expectSecrecy(wires: Readonly<Record<string, Recorder>> = servers.wires): void {
    for (const [name, wire] of Object.entries(wires)) {
      expect(wire.sent, name).not.to.have.length(0);
      for (const sent of wire.sent) {
        const hex = sent.toString('hex', 0, 10);
        if (name === 'postgres') expect(hex).to.match(/^0000000804d2162f(1603|$)/);
        else expect(hex, name).to.match(/^(1603|$)/);
      }
      for (const secret of [...Object.values(PASSWORDS), ...Object.values(PASSWORDS).map(base64)]) {
        expect(wire.all.includes(secret), `${name} tells ${secret}`).to.equal(false);
      }
    }
  }

  function base64(text: string): string {
    return Buffer.from(text).toString('base64');
  }

  it('carries events to rows, with certificates and passwords on both sides', async () => {
    const { env, wires } = servers;
    for (const command of [['migrate'], ['topics', 'create']]) {
      const { status, stderr } = await dbw(command, env);
      expect(status, stderr).to.equal(0);
    }
    const messages = generate({ seed: 7, events: 60, poison: 0, disorder: 0, duplicates: 0 });
    const producer = createKafka(readConfig(env).kafka).producer();
    await producer.connect();
    await producer.sendBatch({ topicMessages: byTopic(messages), acks: -1 });
    await producer.disconnect();

    const ended = await dbw(['consume', '--until-caught-up', '--json'], env);
    expect(ended.status, ended.stderr).to.equal(0);
    expect(ended.stderr).to.contain('Redis answers');
    const health = await dbw(['health', '--json'], env);
    expect(health.status, health.stdout).to.equal(0);
    expect(JSON.parse(health.stdout)).to.have.property('status', 'healthy');

    const dataSource = await connect(readConfig(env).database);
    try {
      expect(await readRows(dataSource)).to.deep.equal(expectedTables(valid(messages)).tables);
    } finally {
      await dataSource.destroy();
    }
    expectSecrecy();
    const ids = valid(messages).map(({ eventId }) => eventId);
    expect(ids).not.to.have.length(0);
    for (const wire of Object.values(wires)) {
      for (const id of ids) expect(wire.all.includes(id)).to.equal(false);
    }
  });

  for (const mechanism of ['plain', 'scram-sha-256', 'scram-sha-512']) {
    it(`lets us in by ${mechanism}, and not with a wrong password`, async () => {
      const [right] = await ask({ KAFKA_SASL_MECHANISM: mechanism });
      expect(right).to.match(/^good: 127\.0\.0\.1:\d+: 1 broker/);
      const [wrong] = await ask({ KAFKA_SASL_MECHANISM: mechanism, KAFKA_SASL_PASSWORD: 'not-the-passw0rd' });
      expect(wrong).to.match(/^bad: Kafka at 127\.0\.0\.1:\d+ refuses us: SASL .* authentication failed/);
      expect(wrong).to.contain('Correct KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME or KAFKA_SASL_PASSWORD.');
      expect(wrong).not.to.contain('not-the-passw0rd');
      expectSecrecy();
    });
  }

  it('lets us into Kafka by our certificate alone', async () => {
    const [kafka] = await ask({ ...NO_LOGIN, KAFKA_BROKERS: `127.0.0.1:${servers.ports.mutual}` });
    expect(kafka).to.match(/^good/);
  });

  it('takes a name that is set for that of the host', async () => {
    const { env } = servers;
    const hosts = { DB_HOST: 'localhost', REDIS_HOST: 'localhost' };
    const brokers = { KAFKA_BROKERS: (env.KAFKA_BROKERS ?? '').replace('127.0.0.1', 'localhost') };
    for (const line of await ask({ ...hosts, ...brokers, ...forAll('_SERVER_NAME', SERVER_NAME) })) {
      expect(line).to.match(/^good/);
    }
    const [kafka = '', postgres = '', redis = ''] = await ask({ ...hosts, ...brokers });
    for (const line of [kafka, postgres, redis]) {
      expect(line).to.match(
        /^(bad|poor): \w+ at localhost:\d+ cannot be used, the server's certificate is for another/,
      );
    }
    expect(kafka).to.contain('set KAFKA_SSL_SERVER_NAME to');
    expect(postgres).to.contain('set DB_SSL_SERVER_NAME to');
    expect(redis).to.contain('set REDIS_TLS_SERVER_NAME to');
    for (const line of await ask(forAll('_SERVER_NAME', 'other.internal'))) {
      expect(line).to.contain("the server's certificate is for another name");
    }
    expectSecrecy();
  });

  it('trusts no certificate of another authority', async () => {
    const found = await ask(forAll('_CA_FILE', servers.files.otherCa));
    for (const [i, setting] of ['KAFKA_SSL', 'DB_SSL', 'REDIS_TLS'].entries()) {
      expect(found[i]).to.contain("cannot be used, the server's certificate is of no authority that we trust");
      expect(found[i]).to.contain(`Set ${setting}_CA_FILE to the certificate of the authority`);
    }
    expectSecrecy();
  });

  it('trusts no certificate that has expired', async () => {
    for (const line of await servers.expired(() => ask({}))) {
      expect(line).to.contain("the server's certificate is out of date").and.to.contain('CERT_HAS_EXPIRED');
      expect(line).to.contain('Renew it at the server');
    }
    expectSecrecy();
  });

  it('says whose certificate a server wants', async () => {
    const broker = { ...NO_LOGIN, KAFKA_BROKERS: `127.0.0.1:${servers.ports.mutual}` };
    const none = await ask({ ...broker, ...NO_CERTIFICATE });
    const { cert, key } = servers.files.foreign;
    const foreign = await ask({ ...broker, ...forAll('_CERT_FILE', cert), ...forAll('_KEY_FILE', key) });
    for (const [kafka, postgres, redis] of [none, foreign]) {
      expect(kafka).to.contain('the server wants a certificate of ours').and.to.contain('Set KAFKA_SSL_CERT_FILE and');
      expect(postgres).to.contain('certificate').and.to.contain('Set DB_SSL_CERT_FILE and DB_SSL_KEY_FILE');
      expect(redis).to.match(/^poor: Redis at .*(REDIS_TLS_CERT_FILE|which certificates it trusts)/);
    }
  });

  it('says which password is wrong, or missing', async () => {
    const [, postgres, redis] = await ask({ DB_PASSWORD: 'not-the-passw0rd', REDIS_PASSWORD: 'not-the-passw0rd' });
    expect(postgres).to.contain('refuses the password of user "writer"').and.to.contain('DB_PASSWORD');
    expect(redis).to.contain('refuses us: WRONGPASS').and.to.contain('REDIS_PASSWORD');
    expect(`${postgres}${redis}`).not.to.contain('not-the-passw0rd');
    const [, missing] = await ask({ DB_PASSWORD: '' });
    expect(missing).to.contain('Set DB_PASSWORD');
  });

  it('says which login Kafka wants', async () => {
    const [narrow] = await ask({ KAFKA_BROKERS: `127.0.0.1:${servers.ports.narrow}` });
    expect(narrow).to.contain('does not support the requested SASL mechanism').and.to.contain('KAFKA_SASL_');
    const [none] = await ask(NO_LOGIN);
    expect(none).to.contain('hangs up').and.to.contain('KAFKA_SASL_MECHANISM');
  });

  it('is not done without where a server speaks none: nothing is said in the clear', async () => {
    const { plain } = servers.ports;
    const wires = {
      kafka: await Recorder.open(plain.kafka),
      postgres: await Recorder.open(Number(process.env.DB_PORT)),
      redis: await Recorder.open(plain.redis),
    };
    try {
      const [found, without] = await Promise.all([
        ask({
          KAFKA_BROKERS: `127.0.0.1:${wires.kafka.port}`,
          DB_PORT: String(wires.postgres.port),
          REDIS_PORT: String(wires.redis.port),
        }),
        ask(NO_TLS),
      ]);
      expectSecrecy(wires);
      expect(found[0]).to.contain('speaks no TLS').and.to.contain('KAFKA_BROKERS');
      expect(found[1]).to.contain('speaks no TLS').and.to.contain('ssl=on');
      expect(found[2]).to.match(/^poor/).and.to.contain('on which port it speaks TLS');
      // And where the server wants it, and we do not.
      expect(without[0]).to.contain('KAFKA_SSL=true');
      expect(without[1]).to.contain('DB_SSL=true');
      expect(without[2]).to.contain('REDIS_TLS=true');
    } finally {
      for (const wire of Object.values(wires)) wire.close();
    }
  });

  it('tells an impostor nothing, whatever the environment says to Node', async () => {
    const identity = await (
      await Authority.make('Impostors')
    ).issue({
      name: 'server',
      alternatives: [{ type: 'ip', value: '127.0.0.1' }],
    });
    const [kafka, postgres, redis] = [
      await impostor(identity, false),
      await impostor(identity, true),
      await impostor(identity, false),
    ];
    const emitWarning = process.emitWarning.bind(process);
    try {
      for (const reject of ['1', '0']) {
        process.env.NODE_TLS_REJECT_UNAUTHORIZED = reject;
        process.emitWarning = () => undefined; // that it is a bad idea
        const found = await ask({
          KAFKA_BROKERS: `127.0.0.1:${kafka.port}`,
          DB_PORT: String(postgres.port),
          REDIS_PORT: String(redis.port),
        });
        for (const line of found) expect(line).to.contain('of no authority that we trust');
      }
      for (const one of [kafka, postgres, redis]) {
        expect(one.calls()).to.be.greaterThan(1);
        expect(one.told().toString('latin1')).to.equal('');
      }
    } finally {
      delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
      process.emitWarning = emitWarning;
      for (const one of [kafka, postgres, redis]) one.close();
    }
  });

  it('that cannot be agreed upon ends a command with status 5, and its message names the setting', async () => {
    const wrong = forAll('_CA_FILE', servers.files.otherCa);
    const commands = [['migrate', 'status'], ['lag'], ['consume', '--until-caught-up'], ['topics', 'create']];
    const ended = await Promise.all(commands.map((command) => dbw(command, { ...servers.env, ...wrong })));
    for (const { status, stderr } of ended) {
      expect(status, stderr).to.equal(EXIT.refused);
      expect(stderr).to.match(/Set (DB|KAFKA)_SSL_CA_FILE to the certificate of the authority that issued it\./);
    }
    expectSecrecy({ kafka: servers.wires.kafka, postgres: servers.wires.postgres });
  });

  it('of a Redis that refuses us is told by consume, which goes on without', async () => {
    const { status, stderr } = await dbw(['consume', '--until-caught-up'], { ...servers.env, REDIS_PASSWORD: 'wrong' });
    expect(status, stderr).to.equal(0);
    expect(stderr).to.contain('refuses us: WRONGPASS').and.to.contain('duplicates are told apart by PostgreSQL alone');
  });
});
