import { createPrivateKey } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { readConfig, type Config, type Environment } from '../src/config.js';
import { ConfigError } from '../src/errors.js';
import { tlsOptions, type Tls } from '../src/tls.js';
import { Authority, type Identity } from './support/tls/certificates.js';

const DAMAGED = '-----BEGIN CERTIFICATE-----\nMIIBQTCB6KADAgECAgEB\n-----END CERTIFICATE-----\n';
const PASSPHRASE = 'open-sesame';

function problems(environment: Environment): readonly string[] {
  try {
    readConfig({ REDIS_HOST: 'localhost', ...environment });
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

/** Where each server's TLS stands in the configuration. */
const SERVERS: readonly (readonly [prefix: string, of: (config: Config) => Tls | false | undefined])[] = [
  ['DB_SSL', ({ database }) => database.ssl],
  ['KAFKA_SSL', ({ kafka }) => kafka.ssl],
  ['REDIS_TLS', ({ redis }) => redis?.tls],
];

describe('the settings of TLS', () => {
  let folder: string;
  let ours: Authority;
  let [own, other, old, later]: Identity[] = [];
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'dbw-tls-'));
    ours = await Authority.make('ours');
    own = await ours.issue({ name: 'writer' });
    other = await ours.issue({ name: 'another' });
    old = await ours.issue({ name: 'writer', from: -9, to: -2 });
    later = await ours.issue({ name: 'writer', from: 2, to: 9 });
  });
  after(() => {
    rmSync(folder, { recursive: true });
  });

  let files = 0;
  function file(content = ''): string {
    const path = join(folder, `file-${files++}`);
    writeFileSync(path, content);
    return path;
  }

  function encrypted(): string {
    const key = createPrivateKey(own?.key ?? '');
    return key.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: PASSPHRASE }).toString();
  }

  for (const [prefix, of] of SERVERS) {
    describe(prefix, () => {
      const on = { [prefix]: 'true' };
      const set = (settings: Readonly<Record<string, string>>) => ({
        ...on,
        ...Object.fromEntries(Object.entries(settings).map(([end, value]) => [`${prefix}_${end}`, value])),
      });
      const only = (settings: Readonly<Record<string, string>>): string => {
        const found = problems(set(settings));
        expect(found, found.join('\n')).to.have.length(1);
        return found[0] ?? '';
      };

      it('reads the files', () => {
        const settings = { CA_FILE: file(ours.cert), CERT_FILE: file(own?.cert), KEY_FILE: file(own?.key) };
        const config = readConfig({ REDIS_HOST: 'localhost', ...set(settings) });
        expect(of(config)).to.deep.equal({ ca: ours.cert, cert: own?.cert, key: own?.key });
        expect(of(readConfig({ REDIS_HOST: 'localhost', ...on }))).to.deep.equal({});
        expect(of(readConfig({ REDIS_HOST: 'localhost' }))).to.equal(false);
      });

      it('opens a key with its passphrase, also one from a file', () => {
        const settings = { CERT_FILE: file(own?.cert), KEY_FILE: file(encrypted()) };
        for (const how of [{ KEY_PASSPHRASE: PASSPHRASE }, { KEY_PASSPHRASE_FILE: file(`${PASSPHRASE}\n`) }]) {
          const tls = of(readConfig({ REDIS_HOST: 'localhost', ...set({ ...settings, ...how }) }));
          expect(tls).to.have.property('passphrase', PASSPHRASE);
        }
        expect(only(settings)).to.match(/which is encrypted; set \w+_KEY_PASSPHRASE or \w+_KEY_PASSPHRASE_FILE$/);
        const wrong = only({ ...settings, KEY_PASSPHRASE: 'open-barley' });
        expect(wrong)
          .to.match(/which \w+_KEY_PASSPHRASE does not open$/)
          .and.not.to.contain('barley');
      });

      it('refuses files that are not there, or hold something else', () => {
        for (const end of ['CA_FILE', 'CERT_FILE']) {
          const more = end === 'CERT_FILE' ? { KEY_FILE: file(own?.key) } : {};
          const gone = join(folder, 'gone');
          expect(only({ [end]: gone, ...more })).to.equal(
            `${prefix}_${end} names ${gone}, which cannot be read (ENOENT)`,
          );
          expect(only({ [end]: folder, ...more })).to.contain('(EISDIR)');
          for (const content of ['', 'no PEM', own?.key ?? '']) {
            expect(only({ [end]: file(content), ...more })).to.contain('holds no certificate');
          }
          expect(only({ [end]: file(DAMAGED), ...more })).to.contain('a certificate that is damaged');
        }
        const cert = { CERT_FILE: file(own?.cert) };
        expect(only({ ...cert, KEY_FILE: join(folder, 'gone') })).to.contain('(ENOENT)');
        for (const content of ['', 'no PEM', own?.cert ?? '']) {
          expect(only({ ...cert, KEY_FILE: file(content) })).to.contain('holds no private key');
        }
        const damaged = '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n';
        expect(only({ ...cert, KEY_FILE: file(damaged) })).to.contain('a private key that is damaged');
      });

      it('refuses a certificate without its own key', () => {
        expect(only({ CERT_FILE: file(own?.cert) })).to.equal(
          `${prefix}_CERT_FILE is set but ${prefix}_KEY_FILE is not; they go together`,
        );
        expect(only({ KEY_FILE: file(own?.key) })).to.contain(`${prefix}_CERT_FILE is not`);
        expect(only({ KEY_PASSPHRASE: 'x' })).to.contain(`${prefix}_KEY_FILE is not`);
        expect(only({ CERT_FILE: file(own?.cert), KEY_FILE: file(other?.key) })).to.contain(
          `which is not the key of the certificate in ${prefix}_CERT_FILE`,
        );
      });

      it('refuses what is out of date, and of authorities only where all are', async () => {
        const stale = await Authority.make('stale', { to: -2 });
        expect(only({ CA_FILE: file(stale.cert) })).to.match(/whose certificate expired on 20/);
        expect(problems(set({ CA_FILE: file(stale.cert + ours.cert) }))).to.deep.equal([]);
        expect(only({ CERT_FILE: file(old?.cert), KEY_FILE: file(old?.key) })).to.contain('expired on');
        expect(only({ CERT_FILE: file(later?.cert), KEY_FILE: file(later?.key) })).to.contain('is not valid before');
      });

      it('refuses a name that no host has', () => {
        for (const name of ['a b', 'https://x', '-x', 'x:1', 'x'.repeat(254)]) {
          expect(only({ SERVER_NAME: name })).to.match(/_SERVER_NAME is ".*", expected the name of a host$/);
        }
        for (const name of ['x', 'db.internal', 'db_1.internal', '10.0.0.1']) {
          expect(problems(set({ SERVER_NAME: name }))).to.deep.equal([]);
        }
      });

      it('refuses what nothing would use', () => {
        for (const end of [
          'CA_FILE',
          'CERT_FILE',
          'KEY_FILE',
          'KEY_PASSPHRASE',
          'KEY_PASSPHRASE_FILE',
          'SERVER_NAME',
        ]) {
          expect(problems({ [`${prefix}_${end}`]: 'x' })).to.deep.equal([
            `${prefix}_${end} is set but ${prefix} is not true: nothing would use it`,
          ]);
        }
      });
    });
  }

  it('that are wrong are told together, and nothing of what files hold', () => {
    const wrong = ['DB_SSL', 'KAFKA_SSL', 'REDIS_TLS'].map((prefix) => [
      [prefix, 'true'],
      [`${prefix}_CA_FILE`, file('secret-text')],
      [`${prefix}_CERT_FILE`, file(own?.cert)],
      [`${prefix}_KEY_FILE`, file(other?.key)],
    ]);
    const found = problems(Object.fromEntries(wrong.flat()) as Environment);
    expect(found).to.have.length(6);
    expect(found.join('\n')).not.to.contain('secret-text').and.not.to.contain('BEGIN PRIVATE KEY-----\n');
  });

  it('always verify', () => {
    for (const tls of [{}, { ca: 'x' }, { serverName: 'x' }]) {
      expect(tlsOptions(tls)).to.include({ rejectUnauthorized: true, minVersion: 'TLSv1.2' });
    }
    const { checkServerIdentity } = tlsOptions({ serverName: 'db.internal' });
    const certificate = { subject: { CN: 'x' }, subjectaltname: 'DNS:db.internal' };
    type Certificate = Parameters<NonNullable<typeof checkServerIdentity>>[1];
    expect(checkServerIdentity?.('elsewhere', certificate as Certificate)).to.equal(undefined);
    const foreign = { ...certificate, subjectaltname: 'DNS:elsewhere' };
    expect(checkServerIdentity?.('elsewhere', foreign as Certificate)).to.be.instanceOf(Error);
  });
});
