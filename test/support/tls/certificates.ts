import 'reflect-metadata'; // the library below needs it, and does not bring it
import { randomBytes, webcrypto } from 'node:crypto';
import {
  BasicConstraintsExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
  type JsonGeneralName,
  type X509Certificate,
} from '@peculiar/x509';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const DAY_MS = 86_400_000;

/** A certificate and its key, as PEM. */
export interface Identity {
  readonly cert: string;
  readonly key: string;
}

/** What a certificate shall say. */
export interface Wish {
  readonly name: string;
  readonly alternatives?: readonly JsonGeneralName[];
  /** Days from now; before and after that it is not valid. */
  readonly from?: number;
  readonly to?: number;
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

async function pemOf(key: webcrypto.CryptoKey): Promise<string> {
  const bytes = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key)).toString('base64');
  return `-----BEGIN PRIVATE KEY-----\n${(bytes.match(/.{1,64}/g) ?? []).join('\n')}\n-----END PRIVATE KEY-----\n`;
}

function lifeOf({ from = -1, to = 1 }: Pick<Wish, 'from' | 'to'>): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(Date.now() + from * DAY_MS), notAfter: new Date(Date.now() + to * DAY_MS) };
}

/** A certificate authority of a test. */
export class Authority {
  private constructor(
    private readonly certificate: X509Certificate,
    private readonly keys: webcrypto.CryptoKeyPair,
  ) {}

  static async make(name: string, life: Pick<Wish, 'from' | 'to'> = {}): Promise<Authority> {
    const keys = await newKeys();
    const certificate = await X509CertificateGenerator.createSelfSigned({
      serialNumber: randomBytes(8).toString('hex'),
      name: `CN=${name}`,
      ...lifeOf({ from: -1000, ...life }),
      signingAlgorithm: ALGORITHM,
      keys,
      extensions: [new BasicConstraintsExtension(true, undefined, true)],
    });
    return new Authority(certificate, keys);
  }

  /** Its certificate, as PEM. */
  get cert(): string {
    return `${this.certificate.toString('pem')}\n`;
  }

  /** Issues a certificate. */
  async issue({ name, alternatives = [], ...life }: Wish): Promise<Identity> {
    const keys = await newKeys();
    const certificate = await X509CertificateGenerator.create({
      serialNumber: randomBytes(8).toString('hex'),
      subject: `CN=${name}`,
      issuer: this.certificate.subject,
      ...lifeOf(life),
      signingAlgorithm: ALGORITHM,
      publicKey: keys.publicKey,
      signingKey: this.keys.privateKey,
      extensions: alternatives.length === 0 ? [] : [new SubjectAlternativeNameExtension([...alternatives])],
    });
    return { cert: `${certificate.toString('pem')}\n`, key: await pemOf(keys.privateKey) };
  }
}
