import { readFileSync } from 'node:fs';
import type { AgentOptions } from 'node:https';
import { codeOf } from '../errors.js';

/** The files of TLS, as OpenTelemetry names them; what is said of traces alone counts more. */
const FILES = { ca: 'CERTIFICATE', cert: 'CLIENT_CERTIFICATE', key: 'CLIENT_KEY' } as const;

/**
 * How the exporter connects: over `https` the certificate of the endpoint is always verified, also where
 * NODE_TLS_REJECT_UNAUTHORIZED=0. With options of ours the exporter does not look at its own settings of TLS, so they are read here.
 *
 * @param warn is told of a file that cannot be read; one goes on without it, as the SDK does
 */
export function agentOptions(env: NodeJS.ProcessEnv, warn: (message: string) => void): AgentOptions {
  const fileOf = (of: string): string | undefined => {
    const names = [`OTEL_EXPORTER_OTLP_TRACES_${of}`, `OTEL_EXPORTER_OTLP_${of}`];
    const name = names.find((one) => (env[one] ?? '').trim() !== '');
    if (name === undefined) return undefined;
    try {
      return readFileSync((env[name] ?? '').trim(), 'utf8');
    } catch (error) {
      warn(`${name} names a file that cannot be read (${codeOf(error) ?? 'unreadable'})`);
      return undefined;
    }
  };
  const [ca, cert, key] = [fileOf(FILES.ca), fileOf(FILES.cert), fileOf(FILES.key)];
  return {
    keepAlive: true,
    rejectUnauthorized: true,
    minVersion: 'TLSv1.2',
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
}
