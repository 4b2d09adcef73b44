import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { freePort } from '../services/ports.js';

/** Carries bytes to a server and back, and keeps all of them: what somebody sees who listens on the wire. */
export class Recorder {
  private connections: Buffer[] = [];
  private readonly heard: Buffer[] = [];
  private readonly sockets = new Set<Socket>();
  private listener: Server | undefined;

  private constructor(
    private target: number,
    readonly port: number,
  ) {}

  /** Listens on a port of 127.0.0.1, and carries to another; `lead` says to which, where it is not known yet. */
  static async open(target = 0, port?: number): Promise<Recorder> {
    const recorder = new Recorder(target, port ?? (await freePort()));
    recorder.listener = createServer((client) => {
      recorder.carry(client);
    }).listen(recorder.port, '127.0.0.1');
    await once(recorder.listener, 'listening');
    return recorder;
  }

  lead(target: number): void {
    this.target = target;
  }

  /** What each connection's client sent, in the order of connections. */
  get sent(): readonly Buffer[] {
    return this.connections;
  }

  /** Everything that went either way. */
  get all(): Buffer {
    return Buffer.concat([...this.sent, ...this.heard]);
  }

  forget(): void {
    this.connections = [];
    this.heard.length = 0;
  }

  close(): void {
    this.listener?.close();
    for (const socket of this.sockets) socket.destroy();
  }

  private carry(client: Socket): void {
    const { connections } = this;
    const at = connections.push(Buffer.alloc(0)) - 1;
    const server = connect(this.target, '127.0.0.1');
    client.on('data', (bytes: Buffer) => {
      // The beginning of this connection may be forgotten by now: what it says to its end is no beginning.
      if (connections !== this.connections) this.heard.push(bytes);
      else connections[at] = Buffer.concat([connections[at] ?? Buffer.alloc(0), bytes]);
    });
    server.on('data', (bytes: Buffer) => this.heard.push(bytes));
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      this.sockets.add(from);
      from.on('error', () => to.destroy());
      from.on('close', () => this.sockets.delete(from));
      from.pipe(to);
    }
  }
}
