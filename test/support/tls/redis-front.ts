import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { createServer } from 'node:tls';
import { Redis } from 'ioredis';
import { freePort } from '../services/ports.js';
import type { Server } from '../services/server.js';
import type { Identity } from './certificates.js';

/** Where Redis speaks TLS, and asks its clients for a certificate. */
export interface RedisFront {
  readonly port: number;
  /** Shows another certificate from now on. */
  show(identity: Identity, files: { cert: string; key: string }): Promise<void>;
  close(): void;
}

/** Whether a server was built with TLS: one that was not has the settings all the same, and dies of them. */
async function knowsTls({ pid }: Server): Promise<boolean> {
  const program = await readFile(`/proc/${String(pid)}/exe`).catch(() => Buffer.alloc(0));
  return program.includes('SSL_CTX_new');
}

/**
 * Makes a Redis speak TLS. One that was built without it, as Valkey's Python package is, gets a program before it that
 * does, as stunnel would: its clients see no difference.
 */
export async function redisFront(
  redis: Server,
  ca: { text: string; file: string },
  identity: Identity,
  files: { cert: string; key: string },
): Promise<RedisFront> {
  const port = await freePort();
  if (await knowsTls(redis)) {
    const admin = new Redis({ port: redis.port, host: '127.0.0.1' });
    const settings = ['tls-cert-file', files.cert, 'tls-key-file', files.key, 'tls-ca-cert-file', ca.file];
    await admin.call('CONFIG', 'SET', ...settings, 'tls-auth-clients', 'yes', 'tls-port', String(port));
    return {
      port,
      show: async (_, { cert, key }) => {
        await admin.call('CONFIG', 'SET', 'tls-cert-file', cert, 'tls-key-file', key);
      },
      close: () => {
        admin.disconnect();
      },
    };
  }
  const server = createServer({ ...identity, ca: ca.text, requestCert: true }, (client) => {
    const behind = connect(redis.port, '127.0.0.1');
    client.on('error', () => behind.destroy());
    behind.on('error', () => client.destroy());
    client.pipe(behind).pipe(client);
  });
  server.on('tlsClientError', () => undefined);
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    port,
    show: (other) => {
      server.setSecureContext({ ...other, ca: ca.text });
      return Promise.resolve();
    },
    close: () => server.close(),
  };
}
