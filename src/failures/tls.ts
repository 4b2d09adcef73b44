import { reasonOf } from '../errors.js';
import type { Failure } from './failure.js';
import type { Fault } from './fault.js';

/** OpenSSL 3.2 and newer spell some alerts anew: both ways. */
function alert(name: string): string[] {
  return [`ERR_SSL_SSLV3_ALERT_${name}`, `ERR_SSL_SSL/TLS_ALERT_${name}`, `ERR_SSL_TLSV1_ALERT_${name}`];
}

/**
 * Errors of TLS, by Node's codes: those of verification on our side, the server's alerts, and what no TLS is. A star in a
 * remedy stands for the setting that turns TLS on, with which the names of the others begin.
 */
export const TLS_FAULTS: readonly Fault[] = [
  {
    of: 'code',
    match: ['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID'],
    class: 'systemic',
    reason: "the server's certificate is out of date",
    remedy: 'Renew it at the server, with the one of its authority where that is the older; compare the clocks.',
  },
  {
    of: 'code',
    match: ['ERR_TLS_CERT_ALTNAME_INVALID', 'HOSTNAME_MISMATCH'],
    class: 'systemic',
    reason: "the server's certificate is for another name",
    remedy: 'Connect by a name that stands in the certificate, or set *_SERVER_NAME to one of them.',
  },
  {
    of: 'code',
    match: [
      ...['DEPTH_ZERO_SELF_SIGNED_CERT', 'SELF_SIGNED_CERT_IN_CHAIN', 'UNABLE_TO_GET_ISSUER_CERT'],
      ...['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'CERT_SIGNATURE_FAILURE'],
      ...['UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY', 'CERT_UNTRUSTED', 'CERT_REJECTED', 'CERT_REVOKED', 'INVALID_CA'],
      ...['INVALID_PURPOSE', 'CERT_CHAIN_TOO_LONG', 'PATH_LENGTH_EXCEEDED'],
    ],
    class: 'systemic',
    reason: "the server's certificate is of no authority that we trust",
    remedy: 'Set *_CA_FILE to the certificate of the authority that issued it.',
  },
  {
    of: 'code',
    match: [
      ...['BAD_CERTIFICATE', 'CERTIFICATE_UNKNOWN', 'CERTIFICATE_EXPIRED', 'CERTIFICATE_REVOKED'].flatMap(alert),
      ...['UNSUPPORTED_CERTIFICATE', 'HANDSHAKE_FAILURE', 'UNKNOWN_CA', 'ACCESS_DENIED'].flatMap(alert),
      'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED',
    ],
    class: 'systemic',
    reason: 'the server wants a certificate of ours, or another one',
    remedy: 'Set *_CERT_FILE and *_KEY_FILE to a certificate of an authority that the server trusts.',
  },
  {
    of: 'code',
    match: [
      ...['ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_SSL_PACKET_LENGTH_TOO_LONG', 'ERR_SSL_UNKNOWN_PROTOCOL'],
      ...['ERR_SSL_HTTP_REQUEST', 'ERR_SSL_UNEXPECTED_MESSAGE', 'ERR_SSL_BAD_RECORD_TYPE', 'EPROTO'],
    ],
    class: 'systemic',
    reason: 'what answers there is no TLS',
    remedy: 'Connect to the port on which the server speaks TLS, or turn TLS on at the server.',
  },
  {
    of: 'message', // pg
    match: ['The server does not support SSL connections', 'There was an error establishing an SSL connection'],
    class: 'systemic',
    reason: 'PostgreSQL speaks no TLS',
    remedy: 'Turn TLS on at the server (ssl=on); DB_SSL=false would send everything in the clear.',
  },
  {
    of: 'code',
    match: [
      ...['ERR_SSL_UNSUPPORTED_PROTOCOL', 'ERR_SSL_NO_SHARED_CIPHER', 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION'],
      ...['ERR_SSL_TLSV1_ALERT_INSUFFICIENT_SECURITY', 'ERR_SSL_NO_PROTOCOLS_AVAILABLE', 'ERR_SSL_DH_KEY_TOO_SMALL'],
    ],
    class: 'systemic',
    reason: 'the server speaks no TLS that is safe',
    remedy: 'Let the server take TLS 1.2 or 1.3, with keys and ciphers of today.',
  },
];

/**
 * What to tell of a server with which we cannot agree: that it refuses us, or that its TLS will not do; and what to do, with
 * the names of this server's settings.
 */
export function refusalText(
  server: string,
  error: unknown,
  { reason, remedy }: Failure,
  setting: 'DB_SSL' | 'KAFKA_SSL' | 'REDIS_TLS',
): string {
  const isTls = TLS_FAULTS.some((fault) => fault.reason === reason);
  const what = isTls ? `${server} cannot be used, ${reason}` : `${server} refuses us`;
  return `${what}: ${reasonOf(error).replace(/\.$/, '')}. ${remedy?.replaceAll('*_', `${setting}_`) ?? ''}`.trimEnd();
}
