import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { checkServerIdentity, type ConnectionOptions } from 'node:tls';
import { codeOf } from './errors.js';

/**
 * How to speak TLS to one server: PEM texts and names. What is absent is Node's: the public authorities, the host's own
 * name, no certificate of ours. That the server's certificate is verified is no setting.
 */
export interface Tls {
  /** Certificates of the authorities that are trusted, instead of the public ones. */
  readonly ca?: string;
  /** Our own certificate, with those between it and its authority. */
  readonly cert?: string;
  readonly key?: string;
  readonly passphrase?: string;
  /** The name that the server's certificate must have, where that is not its host. */
  readonly serverName?: string;
}

/** The options of Node's `tls.connect` that are ours. */
export type TlsOptions = Pick<
  ConnectionOptions,
  keyof Omit<Tls, 'serverName'> | 'rejectUnauthorized' | 'minVersion' | 'servername' | 'checkServerIdentity'
>;

/** What the settings of TLS are read with. */
interface Reader {
  readonly problems: string[];
  text(name: string): string;
  secret(name: string): string | undefined;
}

const CERTIFICATE = /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[^-]+-----END (?:TRUSTED |X509 )?CERTIFICATE-----/g;
const KEY = /-----BEGIN [A-Z ]*PRIVATE KEY-----/;
const NAME = /^(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*$/;

/** The text of the file that a setting names; undefined where none is named, or where it cannot be read. */
function textOf(read: Reader, name: string): string | undefined {
  const file = read.text(name);
  if (file === '') return undefined;
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    read.problems.push(`${name} names ${file}, which cannot be read (${codeOf(error) ?? 'unreadable'})`);
    return undefined;
  }
}

/** The certificates in a file, which must be whole. */
function certificatesOf(read: Reader, name: string, text: string): X509Certificate[] {
  const blocks = text.match(CERTIFICATE) ?? [];
  const file = read.text(name);
  if (blocks.length === 0) {
    read.problems.push(`${name} names ${file}, which holds no certificate (-----BEGIN CERTIFICATE-----)`);
    return [];
  }
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch {
    read.problems.push(`${name} names ${file}, which holds a certificate that is damaged`);
    return [];
  }
}

/** Why a certificate cannot be used today; undefined where it can. */
function untimely({ validFrom, validTo }: X509Certificate, now: number): string | undefined {
  const [from, to] = [new Date(validFrom), new Date(validTo)];
  if (now > to.getTime()) return `expired on ${to.toISOString()}`;
  return now < from.getTime() ? `is not valid before ${from.toISOString()}` : undefined;
}

function authorities(read: Reader, name: string): string | undefined {
  const text = textOf(read, name);
  if (text === undefined) return undefined;
  const certificates = certificatesOf(read, name, text);
  const whys = certificates.map((certificate) => untimely(certificate, Date.now()));
  // A collection may hold some that are out of date; of one, or of a few, all would be useless.
  if (certificates.length > 0 && whys.every((why) => why !== undefined)) {
    read.problems.push(`${name} names ${read.text(name)}, whose certificate ${whys[0] ?? ''}`);
  }
  return text;
}

function privateKey(read: Reader, name: string, text: string, passphrase: string | undefined): KeyObject | undefined {
  const what = `${name} names ${read.text(name)}, which`;
  if (!KEY.test(text)) {
    read.problems.push(`${what} holds no private key (-----BEGIN PRIVATE KEY-----)`);
    return undefined;
  }
  try {
    return createPrivateKey({ key: text, ...(passphrase === undefined ? {} : { passphrase }) });
  } catch (error) {
    const phrase = name.replace(/_FILE$/, '_PASSPHRASE');
    const isEncrypted = text.includes('ENCRYPTED');
    if (isEncrypted && (passphrase === undefined || codeOf(error) === 'ERR_MISSING_PASSPHRASE')) {
      read.problems.push(`${what} is encrypted; set ${phrase} or ${phrase}_FILE`);
    } else if (isEncrypted) read.problems.push(`${what} ${phrase} does not open`);
    else read.problems.push(`${what} holds a private key that is damaged`);
    return undefined;
  }
}

/** Our own certificate and its key, which go together. */
function ownCertificate(read: Reader, prefix: string): Pick<Tls, 'cert' | 'key' | 'passphrase'> {
  const [certName, keyName, phraseName] = [`${prefix}_CERT_FILE`, `${prefix}_KEY_FILE`, `${prefix}_KEY_PASSPHRASE`];
  const passphrase = read.secret(phraseName);
  const hasCert = read.text(certName) !== '';
  const hasKey = read.text(keyName) !== '';
  if (hasCert && !hasKey) read.problems.push(`${certName} is set but ${keyName} is not; they go together`);
  if (hasKey && !hasCert) read.problems.push(`${keyName} is set but ${certName} is not; they go together`);
  if (passphrase !== undefined && !hasKey) read.problems.push(`${phraseName} is set but ${keyName} is not`);

  const cert = textOf(read, certName);
  const key = textOf(read, keyName);
  const [own] = cert === undefined ? [] : certificatesOf(read, certName, cert);
  const why = own && untimely(own, Date.now());
  if (why !== undefined) read.problems.push(`${certName} names ${read.text(certName)}, whose certificate ${why}`);
  const secret = key === undefined ? undefined : privateKey(read, keyName, key, passphrase);
  if (own && secret && !own.checkPrivateKey(secret)) {
    read.problems.push(
      `${keyName} names ${read.text(keyName)}, which is not the key of the certificate in ${certName}`,
    );
  }
  return {
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(passphrase === undefined ? {} : { passphrase }),
  };
}

/** The names of the settings that say how to speak TLS; `prefix` is the one that turns it on. */
function namesOf(prefix: string): string[] {
  const ends = ['CA_FILE', 'CERT_FILE', 'KEY_FILE', 'KEY_PASSPHRASE', 'KEY_PASSPHRASE_FILE', 'SERVER_NAME'];
  return ends.map((end) => `${prefix}_${end}`);
}

/**
 * Reads the settings of TLS to one server, and the files that they name. What is wrong with them is added to the problems.
 *
 * @param prefix the setting that turns TLS on: DB_SSL, KAFKA_SSL, REDIS_TLS
 * @param isOn what it says
 * @returns false where TLS is off
 */
export function readTls(read: Reader, prefix: string, isOn: boolean): Tls | false {
  if (!isOn) {
    for (const name of namesOf(prefix)) {
      if (read.text(name) !== '') read.problems.push(`${name} is set but ${prefix} is not true: nothing would use it`);
    }
    return false;
  }
  const serverName = read.text(`${prefix}_SERVER_NAME`);
  if (serverName !== '' && !NAME.test(serverName)) {
    read.problems.push(`${prefix}_SERVER_NAME is "${serverName}", expected the name of a host`);
  }
  const ca = authorities(read, `${prefix}_CA_FILE`);
  return {
    ...(ca === undefined ? {} : { ca }),
    ...ownCertificate(read, prefix),
    ...(serverName === '' ? {} : { serverName }),
  };
}

/**
 * What Node's TLS needs to know. Verification is asked for explicitly: NODE_TLS_REJECT_UNAUTHORIZED=0 in the environment
 * would turn it off otherwise.
 */
export function tlsOptions({ serverName, ...files }: Tls): TlsOptions {
  return {
    ...files,
    rejectUnauthorized: true,
    minVersion: 'TLSv1.2',
    ...(serverName === undefined
      ? {}
      : {
          servername: serverName,
          // pg puts the host in the place of the name above.
          checkServerIdentity: (_host: string, certificate) => checkServerIdentity(serverName, certificate),
        }),
  };
}
