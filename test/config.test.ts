import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { readConfig, SETTINGS, type Environment } from '../src/config.js';
import { ConfigError, EXIT } from '../src/errors.js';

/** What is wrong with an environment; nothing where it is accepted. */
function problems(environment: Environment): readonly string[] {
  try {
    readConfig(environment);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    expect(error.status).to.equal(EXIT.usage);
    for (const problem of error.problems) expect(error.message).to.contain(problem);
    return error.problems;
  }
}

describe('the configuration', () => {
  let folder: string;
  before(() => (folder = mkdtempSync(join(tmpdir(), 'dbw-config-'))));
  after(() => {
    rmSync(folder, { recursive: true });
  });

  function file(content: string): string {
    const path = join(folder, `secret-${Math.random().toString(36).slice(2)}`);
    writeFileSync(path, content);
    return path;
  }

  it('needs no setting: everything has a default', () => {
    expect(readConfig({})).to.deep.equal({
      database: {
        host: 'localhost',
        port: 5432,
        username: 'postgres',
        password: undefined,
        database: 'suggar_daddy',
        poolSize: 20,
        connectionTimeout: 5000,
        ssl: false,
      },
      kafka: {
        brokers: ['localhost:9092'],
        clientId: 'db-writer-service',
        groupId: 'db-writer-group',
        topicPrefix: '',
        ssl: false,
        sasl: undefined,
      },
      redis: undefined,
      idempotencyTtl: 86_400,
      retry: { attempts: 3, delayMs: 1000, exponential: true },
      batch: { size: 1000, timeoutMs: 1000, writers: 2 },
      park: { timeoutMs: 900_000, max: 1_000_000 },
      deadLetters: { topic: 'db-writer.dlq', maxRate: 0.5 },
      host: undefined,
      port: 3010,
      logLevel: 'info',
      tracing: undefined,
    });
  });

  it('takes every setting', () => {
    const config = readConfig({
      DB_HOST: 'db.example.org',
      DB_PORT: '6432',
      DB_USERNAME: 'writer',
      DB_PASSWORD: 'p w',
      DB_DATABASE: 'platform',
      DB_POOL_SIZE: '8',
      DB_CONNECTION_TIMEOUT: '250',
      DB_SSL: 'TRUE',
      DB_SSL_SERVER_NAME: 'db.internal',
      KAFKA_BROKERS: 'a.example.org:9092, b.example.org:9093 ,[::1]:9094',
      KAFKA_CLIENT_ID: 'writer-1',
      KAFKA_GROUP_ID: 'writers',
      KAFKA_TOPIC_PREFIX: 'staging.',
      KAFKA_SSL: 'true',
      KAFKA_SASL_MECHANISM: 'SCRAM-SHA-512',
      KAFKA_SASL_USERNAME: 'dbw',
      KAFKA_SASL_PASSWORD: 'k',
      KAFKA_AUTO_COMMIT: 'False',
      REDIS_HOST: 'redis.example.org',
      REDIS_PORT: '6380',
      REDIS_USERNAME: 'cache',
      REDIS_PASSWORD: 'r',
      REDIS_TLS: 'true',
      IDEMPOTENCY_TTL: '60',
      MAX_RETRY_ATTEMPTS: '5',
      RETRY_DELAY_MS: '10',
      EXPONENTIAL_BACKOFF: 'false',
      BATCH_SIZE: '100',
      BATCH_TIMEOUT_MS: '20',
      DBW_WRITERS: '4',
      PARK_TIMEOUT_MS: '0',
      PARK_MAX: '7',
      DLQ_TOPIC: 'letters',
      DLQ_MAX_RATE: '0.25',
      DB_WRITER_SERVICE_PORT: '0',
      DB_WRITER_SERVICE_HOST: '127.0.0.1',
      LOG_LEVEL: 'Debug',
      OTEL_EXPORTER_OTLP_ENDPOINT: 'https://traces.example.org/otlp',
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=t',
      OTEL_SDK_DISABLED: 'no',
    });
    expect(config).to.deep.equal({
      database: {
        host: 'db.example.org',
        port: 6432,
        username: 'writer',
        password: 'p w',
        database: 'platform',
        poolSize: 8,
        connectionTimeout: 250,
        ssl: { serverName: 'db.internal' },
      },
      kafka: {
        brokers: ['a.example.org:9092', 'b.example.org:9093', '[::1]:9094'],
        clientId: 'writer-1',
        groupId: 'writers',
        topicPrefix: 'staging.',
        ssl: {},
        sasl: { mechanism: 'scram-sha-512', username: 'dbw', password: 'k' },
      },
      redis: { host: 'redis.example.org', port: 6380, username: 'cache', password: 'r', tls: {} },
      idempotencyTtl: 60,
      retry: { attempts: 5, delayMs: 10, exponential: false },
      batch: { size: 100, timeoutMs: 20, writers: 4 },
      park: { timeoutMs: 0, max: 7 },
      deadLetters: { topic: 'letters', maxRate: 0.25 },
      host: '127.0.0.1',
      port: 0,
      logLevel: 'debug',
      tracing: { endpoint: 'https://traces.example.org/otlp', protocol: 'http/json', headers: 'authorization=t' },
    });
  });

  it('takes an empty setting for one that is not there', () => {
    const environment = Object.fromEntries(SETTINGS.map(({ name }) => [name, '']));
    expect(readConfig(environment)).to.deep.equal(readConfig({}));
  });

  it('documents every setting once, with the default that holds', () => {
    const names = SETTINGS.map(({ name }) => name);
    expect(new Set(names).size).to.equal(names.length);
    const defaults = Object.fromEntries(SETTINGS.map(({ name, initial }) => [name, initial]));
    // The dead-letter topic's default carries the prefix; as a given value it would not.
    expect(readConfig(defaults)).to.deep.equal(readConfig({}));
  });

  const whole = ['-1', '1.5', 'x', '1e3', ' 5', '0x10', 'NaN', 'Infinity', '99999999999999'];
  const wrong: Record<string, string[]> = {
    DB_PORT: [...whole, '0', '65536'],
    DB_POOL_SIZE: [...whole, '0', '1001'],
    DB_CONNECTION_TIMEOUT: [...whole, '0'],
    DB_SSL: ['yes', '1', 'on'],
    KAFKA_BROKERS: ['localhost', 'localhost:', ':9092', 'localhost:0', 'localhost:65536', 'localhost:port', 'a:1,,b:2'],
    KAFKA_CLIENT_ID: ['a b', 'ü', 'a/b', 'x'.repeat(250)],
    KAFKA_GROUP_ID: ['a b', 'x'.repeat(250)],
    KAFKA_TOPIC_PREFIX: ['stag ing.', 'ü', 'a:', 'x'.repeat(250)],
    KAFKA_SSL: ['yes'],
    KAFKA_AUTO_COMMIT: ['true', '1', 'yes', '0'],
    IDEMPOTENCY_TTL: [...whole, '0'],
    MAX_RETRY_ATTEMPTS: [...whole, '0'],
    RETRY_DELAY_MS: [...whole, '0'],
    EXPONENTIAL_BACKOFF: ['no'],
    BATCH_SIZE: [...whole, '0'],
    BATCH_TIMEOUT_MS: [...whole, '0'],
    DBW_WRITERS: [...whole, '0'],
    PARK_TIMEOUT_MS: whole,
    PARK_MAX: [...whole, '0'],
    DLQ_TOPIC: ['a b', 'x'.repeat(250)],
    DLQ_MAX_RATE: ['-0.1', '1.1', 'x', '50%', '.5', 'NaN'],
    DB_WRITER_SERVICE_PORT: [...whole, '65536'],
    PORT: [...whole, '65536'],
    LOG_LEVEL: ['loud', '3'],
  };
  for (const [name, values] of Object.entries(wrong)) {
    it(`refuses a wrong ${name}, by its name`, () => {
      for (const value of values) {
        // A size that is wrong may also be wrong beside the pool's: that is a further complaint.
        const found = problems({ [name]: value }).filter((problem) => !problem.includes('DBW_WRITERS + 3'));
        expect(found, value).to.have.length(1);
        expect(found[0]).to.match(new RegExp(`^${name}\\b`));
      }
    });
  }

  it('refuses a wrong REDIS_PORT and REDIS_TLS', () => {
    const [port, tls, ...more] = problems({ REDIS_HOST: 'localhost', REDIS_PORT: '0', REDIS_TLS: 'maybe' });
    expect(port).to.match(/^REDIS_PORT/);
    expect(tls).to.match(/^REDIS_TLS/);
    expect(more).to.deep.equal([]);
  });

  it('refuses a wrong endpoint of traces without repeating it, and a protocol that is not spoken', () => {
    for (const endpoint of [
      'collector',
      'collector:4317',
      'grpc://collector:4317',
      'file:///tmp/x',
      'http://',
      '//x',
    ]) {
      const found = problems({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint });
      expect(found, endpoint).to.have.length(1);
      expect(found[0]).to.match(/^OTEL_EXPORTER_OTLP_ENDPOINT is no URL/);
    }
    const secret = problems({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://ann:planted@collector:4318' }).join();
    expect(secret).to.match(/^OTEL_EXPORTER_OTLP_ENDPOINT has a user or password in it/);
    expect(secret).not.to.contain('planted');
    const on = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' };
    expect(problems({ ...on, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }).join()).to.match(/^OTEL_EXPORTER_OTLP_PROTOCOL/);
    expect(problems({ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }), 'where it is off').to.deep.equal([]);
  });

  it('has no tracing without an endpoint, nor where the SDK is disabled', () => {
    const on = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' };
    expect(readConfig(on).tracing).to.deep.equal({
      endpoint: 'http://collector:4318',
      protocol: 'http/protobuf',
      headers: undefined,
    });
    expect(readConfig({ ...on, OTEL_SDK_DISABLED: 'True' }).tracing).to.equal(undefined);
    expect(readConfig({ OTEL_EXPORTER_OTLP_HEADERS: 'a=b' }).tracing).to.equal(undefined);
  });

  it('refuses half of a SASL login', () => {
    const login = { KAFKA_SASL_MECHANISM: 'plain', KAFKA_SASL_USERNAME: 'u', KAFKA_SASL_PASSWORD: 'p' };
    expect(problems(login)).to.deep.equal([]);
    expect(problems({ ...login, KAFKA_SASL_MECHANISM: 'gssapi' }).join()).to.match(/^KAFKA_SASL_MECHANISM/);
    expect(problems({ ...login, KAFKA_SASL_USERNAME: '' }).join()).to.match(/^KAFKA_SASL_USERNAME is missing/);
    expect(problems({ ...login, KAFKA_SASL_PASSWORD: '' }).join()).to.match(/^KAFKA_SASL_PASSWORD is missing/);
    expect(problems({ ...login, KAFKA_SASL_MECHANISM: '' }).join()).to.match(/^KAFKA_SASL_USERNAME is set/);
  });

  it('refuses a user of Redis without a password', () => {
    expect(problems({ REDIS_HOST: 'localhost', REDIS_USERNAME: 'u' }).join()).to.match(/^REDIS_USERNAME is set but/);
    expect(problems({ REDIS_HOST: 'localhost', REDIS_USERNAME: 'u', REDIS_PASSWORD: 'p' })).to.deep.equal([]);
  });

  it('refuses a pool that is too small for the writers', () => {
    expect(problems({ DBW_WRITERS: '17' })).to.deep.equal([]);
    expect(problems({ DBW_WRITERS: '18' }).join()).to.match(
      /^DB_POOL_SIZE is 20, expected at least DBW_WRITERS \+ 3 \(21\)$/,
    );
  });

  it('names all that is wrong in one message', () => {
    const single = Object.entries(wrong).map(([name, [value = '']]) => [name, value] as const);
    const environment = Object.fromEntries(single.filter(([name]) => name !== 'PORT'));
    const found = problems(environment).filter((problem) => !problem.includes('DBW_WRITERS + 3'));
    for (const name of Object.keys(environment)) {
      expect(
        found.filter((problem) => problem.startsWith(`${name} `)),
        name,
      ).to.have.length(1);
    }
  });

  describe('the port', () => {
    it('is DB_WRITER_SERVICE_PORT, else PORT, else 3010', () => {
      expect(readConfig({ DB_WRITER_SERVICE_PORT: '4000', PORT: '5000' }).port).to.equal(4000);
      expect(readConfig({ PORT: '5000' }).port).to.equal(5000);
      expect(readConfig({ PORT: '' }).port).to.equal(3010);
    });

    it('is PORT where DB_WRITER_SERVICE_PORT is empty, which counts as absent', () => {
      expect(readConfig({ DB_WRITER_SERVICE_PORT: '', PORT: '5000' }).port).to.equal(5000);
    });
  });

  describe('the topics', () => {
    it('the dead-letter topic carries the prefix by default only', () => {
      expect(readConfig({ KAFKA_TOPIC_PREFIX: 'staging.' }).deadLetters.topic).to.equal('staging.db-writer.dlq');
      expect(readConfig({ KAFKA_TOPIC_PREFIX: 'staging.', DLQ_TOPIC: 'letters' }).deadLetters.topic).to.equal(
        'letters',
      );
      expect(readConfig({ KAFKA_TOPIC_PREFIX: 'staging.', DLQ_TOPIC: '' }).deadLetters.topic).to.equal(
        'staging.db-writer.dlq',
      );
    });
  });

  describe('secrets', () => {
    const secrets = SETTINGS.filter(({ secret }) => secret).map(({ name }) => name);
    const names = ['DB_PASSWORD', 'KAFKA_SASL_PASSWORD', 'REDIS_PASSWORD', 'OTEL_EXPORTER_OTLP_HEADERS'];
    const phrases = ['DB_SSL_KEY_PASSPHRASE', 'KAFKA_SSL_KEY_PASSPHRASE', 'REDIS_TLS_KEY_PASSPHRASE'];
    const around = {
      REDIS_HOST: 'localhost',
      KAFKA_SASL_MECHANISM: 'plain',
      KAFKA_SASL_USERNAME: 'u',
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318',
    };

    function read(environment: Environment): (string | undefined)[] {
      const config = readConfig({ ...around, KAFKA_SASL_PASSWORD: 'default', ...environment });
      const { database, kafka, redis, tracing } = config;
      return [database.password, kafka.sasl?.password, redis?.password, tracing?.headers];
    }

    it('are passwords, passphrases, and what is sent to a collector', () => {
      expect([...secrets].sort()).to.deep.equal([...names, ...phrases].sort());
    });

    for (const [index, name] of names.entries()) {
      const empty = { ...around, KAFKA_SASL_PASSWORD: 'default', [name]: '' };

      it(`${name} may come from a file, without the newline at its end`, () => {
        expect(read({ [name]: '', [`${name}_FILE`]: file('s3cret\n') })[index]).to.equal('s3cret');
        expect(read({ [name]: '', [`${name}_FILE`]: file('s3cret\r\n') })[index]).to.equal('s3cret');
        expect(read({ [name]: '', [`${name}_FILE`]: file(' two\nlines ') })[index]).to.equal(' two\nlines ');
      });

      it(`${name}_FILE must be there, readable, and hold something`, () => {
        const gone = join(folder, 'gone');
        expect(problems({ ...empty, [`${name}_FILE`]: gone })[0]).to.equal(
          `${name}_FILE names ${gone}, which cannot be read (ENOENT)`,
        );
        expect(problems({ ...empty, [`${name}_FILE`]: folder })[0]).to.contain('EISDIR');
        expect(problems({ ...empty, [`${name}_FILE`]: join(file('x'), 'below') })[0]).to.contain('(ENOTDIR)');
        expect(problems({ ...empty, [`${name}_FILE`]: file('') })[0]).to.contain('which is empty');
        expect(problems({ ...empty, [`${name}_FILE`]: file('\n') })[0]).to.contain('which is empty');
      });

      it(`${name} and ${name}_FILE do not go together`, () => {
        const both = problems({ ...empty, [name]: 'given-secret', [`${name}_FILE`]: file('filed-secret') });
        expect(both[0]).to.equal(`${name} and ${name}_FILE are both set; keep one`);
        expect(both.join('\n')).not.to.contain('-secret');
      });
    }

    it('are in no message, whatever else is wrong', () => {
      const others = SETTINGS.filter(({ secret }) => !secret).map(({ name }) => name);
      const garbage = fc.dictionary(fc.constantFrom(...others), fc.constantFrom('', 'wrong', '-1', 'true', '5'));
      fc.assert(
        fc.property(garbage, fc.boolean(), (environment, filed) => {
          const marked = filed
            ? { ...Object.fromEntries(secrets.map((name) => [`${name}_FILE`, file('hunter2')])) }
            : Object.fromEntries(secrets.map((name) => [name, 'hunter2']));
          expect(problems({ ...environment, ...marked }).join('\n')).not.to.contain('hunter2');
        }),
      );
    });
  });
});
