import { chown, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { query } from '../services/answers.js';
import { findKafka } from '../services/kafka.js';
import type { Listener } from '../services/kafka-files.js';
import { findPostgres } from '../services/postgres.js';
import { freePort } from '../services/ports.js';
import type { Program } from '../services/program.js';
import { Missing } from '../services/programs.js';
import { findRedis } from '../services/redis.js';
import { Run } from '../services/run.js';
import { login, type Server } from '../services/server.js';
import { Authority, type Identity } from './certificates.js';
import { Recorder } from './recorder.js';
import { redisFront } from './redis-front.js';

/** Passwords that stand out wherever they should not be. */
export const PASSWORDS = { kafka: 'Kafka-s3cret-pw', postgres: 'Postgres-s3cret-pw', redis: 'Redis-s3cret-pw' };
export const DATABASE = 'secured';
/** A name in the servers' certificates beside 127.0.0.1; `localhost` is none. */
export const SERVER_NAME = 'servers.internal';
const USER = 'writer';

/** Kafka, PostgreSQL and Redis that speak TLS and let nobody else in, each with somebody who listens on the wire. */
export interface Secured {
  /** What a dbw process needs: TLS, a certificate of ours, passwords; Kafka by SCRAM-SHA-512. */
  readonly env: Readonly<Record<string, string>>;
  readonly wires: Readonly<Record<Server['name'], Recorder>>;
  /**
   * Ports: Kafka's listeners that ask for a certificate and no password, and that know SCRAM-SHA-256 alone, and those of the
   * servers without TLS.
   */
  readonly ports: {
    readonly mutual: number;
    readonly narrow: number;
    readonly plain: Readonly<Record<Server['name'], number>>;
  };
  /** Paths of files: certificates of authorities, and an own certificate that no server trusts. */
  readonly files: { readonly ca: string; readonly otherCa: string; readonly foreign: { cert: string; key: string } };
  /** Makes all servers show certificates that have expired, as long as `work` takes. */
  expired<T>(work: (env: Readonly<Record<string, string>>) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

function installed(program: Program | Missing): Program {
  if (program instanceof Missing) throw new Error(program.sentence);
  return program;
}

async function begin(run: Run, program: Program): Promise<Server> {
  return (await program.install(run)).begin(run);
}

const SASL = {
  'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
  'plain.sasl.jaas.config': `org.apache.kafka.common.security.plain.PlainLoginModule required user_${USER}="${PASSWORDS.kafka}";`,
  'scram-sha-256.sasl.jaas.config': 'org.apache.kafka.common.security.scram.ScramLoginModule required;',
  'scram-sha-512.sasl.jaas.config': 'org.apache.kafka.common.security.scram.ScramLoginModule required;',
};

/** PostgreSQL reads its key from a file that nobody else may read. */
async function postgresFiles(
  folder: string,
  name: string,
  { cert, key }: Identity,
): Promise<{ cert: string; key: string }> {
  const files = { cert: join(folder, `${name}.crt`), key: join(folder, `${name}.key`) };
  const { uid, gid } = await stat(folder);
  await writeFile(files.cert, cert);
  await writeFile(files.key, key, { mode: 0o600 });
  for (const file of [files.cert, files.key]) await chown(file, uid, gid);
  return files;
}

/** Starts all three. */
export async function secured(): Promise<Secured> {
  const run = await Run.open(() => undefined);
  const closers: (() => void)[] = [];
  try {
    const [ours, other] = await Promise.all([Authority.make('Test authority'), Authority.make('Another authority')]);
    const alternatives = [
      { type: 'ip', value: '127.0.0.1' },
      { type: 'dns', value: SERVER_NAME },
    ] as const;
    const [server, old, client, foreign] = await Promise.all([
      ours.issue({ name: 'server', alternatives }),
      ours.issue({ name: 'server', alternatives, from: -10, to: -2 }),
      ours.issue({ name: USER }),
      other.issue({ name: USER }),
    ]);
    const file = async (name: string, text: string) => {
      const path = join(run.folder, name);
      await writeFile(path, text);
      return path;
    };
    const ca = await file('ca.pem', ours.cert);
    const otherCa = await file('other-ca.pem', other.cert);
    const pair = async (name: string, { cert, key }: Identity) => ({
      cert: await file(`${name}.crt`, cert),
      key: await file(`${name}.key`, key),
    });
    const [serverFiles, oldFiles, clientFiles, foreignFiles] = [
      await pair('server', server),
      await pair('old', old),
      await pair('client', client),
      await pair('foreign', foreign),
    ];
    const wires = { kafka: await Recorder.open(), postgres: await Recorder.open(), redis: await Recorder.open() };
    closers.push(
      ...Object.values(wires).map((wire) => () => {
        wire.close();
      }),
    );

    const keystore = async (name: string, { cert, key }: Identity) => ({
      'ssl.keystore.type': 'PEM',
      'ssl.keystore.location': await file(`${name}.pem`, key + cert),
      'ssl.truststore.type': 'PEM',
      'ssl.truststore.location': ca,
    });
    const good = await keystore('kafka', server);
    const [secure, mutual, outdated, narrow] = [await freePort(), await freePort(), await freePort(), await freePort()];
    wires.kafka.lead(secure);
    const listeners: Listener[] = [
      {
        name: 'SECURE',
        port: secure,
        advertised: wires.kafka.port,
        protocol: 'SASL_SSL',
        settings: { ...good, ...SASL },
      },
      { name: 'MUTUAL', port: mutual, protocol: 'SSL', settings: { ...good, 'ssl.client.auth': 'required' } },
      {
        name: 'OUTDATED',
        port: outdated,
        protocol: 'SASL_SSL',
        settings: { ...(await keystore('kafka-old', old)), ...SASL },
      },
    ];
    listeners.push({
      ...{ name: 'NARROW', port: narrow, protocol: 'SASL_SSL' },
      settings: { ...good, ...SASL, 'sasl.enabled.mechanisms': 'SCRAM-SHA-256' },
    });
    const scram = { [USER]: PASSWORDS.kafka };
    const [kafka, postgres, redis] = await Promise.all([
      begin(run, installed(findKafka(undefined, { listeners, scram }))),
      begin(run, installed(findPostgres())),
      begin(run, installed(findRedis())),
    ]);

    const sql = async (...statements: string[]): Promise<string> => {
      let last: unknown;
      for (const statement of statements) {
        const { rows } = await query({ host: postgres.host, port: postgres.port }, login, statement);
        last = Object.values((rows[0] ?? {}) as Record<string, unknown>)[0];
      }
      return String(last);
    };
    const data = await sql('SHOW data_directory');
    const shown = { good: await postgresFiles(data, 'good', server), old: await postgresFiles(data, 'old', old) };
    await writeFile(join(data, 'ours.crt'), ours.cert);
    await writeFile(
      join(data, 'pg_hba.conf'),
      `hostssl all ${USER} 127.0.0.1/32 scram-sha-256 clientcert=verify-full\nhost all ${login.user} 127.0.0.1/32 scram-sha-256\n`,
    );
    const show = (files: { cert: string; key: string }) =>
      sql(
        `ALTER SYSTEM SET ssl_cert_file = '${files.cert}'`,
        `ALTER SYSTEM SET ssl_key_file = '${files.key}'`,
        'SELECT pg_reload_conf()',
      );
    await sql(
      `CREATE ROLE ${USER} LOGIN PASSWORD '${PASSWORDS.postgres}'`,
      `CREATE DATABASE ${DATABASE} OWNER ${USER}`,
      `ALTER SYSTEM SET ssl_ca_file = '${join(data, 'ours.crt')}'`,
      'ALTER SYSTEM SET ssl = on',
    );
    await show(shown.good);
    wires.postgres.lead(postgres.port);

    const admin = new Redis({ host: '127.0.0.1', port: redis.port });
    await admin.call('ACL', 'SETUSER', USER, 'on', `>${PASSWORDS.redis}`, '~processed:*', '+@all');
    admin.disconnect();
    const front = await redisFront(redis, { text: ours.cert, file: ca }, server, serverFiles);
    closers.push(() => {
      front.close();
    });
    wires.redis.lead(front.port);

    const tls = (prefix: string) => ({
      [prefix]: 'true',
      [`${prefix}_CA_FILE`]: ca,
      [`${prefix}_CERT_FILE`]: clientFiles.cert,
      [`${prefix}_KEY_FILE`]: clientFiles.key,
    });
    const env = {
      ...tls('DB_SSL'),
      ...tls('KAFKA_SSL'),
      ...tls('REDIS_TLS'),
      KAFKA_BROKERS: `127.0.0.1:${wires.kafka.port}`,
      KAFKA_SASL_MECHANISM: 'scram-sha-512',
      KAFKA_SASL_USERNAME: USER,
      KAFKA_SASL_PASSWORD: PASSWORDS.kafka,
      DB_HOST: '127.0.0.1',
      DB_PORT: String(wires.postgres.port),
      DB_USERNAME: USER,
      DB_PASSWORD: PASSWORDS.postgres,
      DB_DATABASE: DATABASE,
      REDIS_HOST: '127.0.0.1',
      REDIS_PORT: String(wires.redis.port),
      REDIS_USERNAME: USER,
      REDIS_PASSWORD: PASSWORDS.redis,
    };
    return {
      env,
      wires,
      ports: { mutual, narrow, plain: { kafka: kafka.port, postgres: postgres.port, redis: redis.port } },
      files: { ca, otherCa, foreign: foreignFiles },
      expired: async (work) => {
        wires.kafka.lead(outdated);
        await Promise.all([show(shown.old), front.show(old, oldFiles)]);
        try {
          return await work(env);
        } finally {
          wires.kafka.lead(secure);
          await Promise.all([show(shown.good), front.show(server, serverFiles)]);
        }
      },
      close: async () => {
        for (const close of closers) close();
        await run.close();
      },
    };
  } catch (error) {
    for (const close of closers) close();
    await run.close();
    throw error;
  }
}
