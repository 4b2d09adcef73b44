import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { freePort } from '../services/ports.js';
import type { Identity } from './certificates.js';

/** Somebody who answers in a server's place and speaks TLS with a certificate of his own: he can read what he is told. */
export interface Impostor {
  readonly port: number;
  /** How many have called. */
  readonly calls: () => number;
  /** All that he was told, deciphered. */
  readonly told: () => Buffer;
  close(): void;
}

/** Listens. PostgreSQL's clients ask for TLS first, in the clear; he says yes. */
export async function impostor(identity: Identity, isPostgres: boolean): Promise<Impostor> {
  const told: Buffer[] = [];
  const sockets = new Set<Socket>();
  let calls = 0;
  const listen = (socket: Socket) => {
    const secure = new TLSSocket(socket, { isServer: true, ...identity });
    secure.on('data', (bytes: Buffer) => told.push(bytes));
    secure.on('error', () => undefined);
  };
  const server = createServer((socket) => {
    calls++;
    sockets.add(socket);
    socket.on('error', () => undefined);
    if (!isPostgres) {
      listen(socket);
      return;
    }
    socket.once('data', (request: Buffer) => {
      // An SSLRequest is eight bytes. Whatever is more was told before there was TLS.
      told.push(request.subarray(8));
      socket.write('S');
      listen(socket);
    });
  });
  const port = await freePort();
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    port,
    calls: () => calls,
    told: () => Buffer.concat(told),
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
