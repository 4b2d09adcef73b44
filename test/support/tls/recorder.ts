import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { freePort } from '../services/ports.js';

/** Carries bytes to a server and back, and keeps all of them: what somebody sees who listens on the wire. */
export class Recorder {
  /** What each connection's client sent, in the order of connections. */
  readonly sent: Buffer[] = [];
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

  /** Everything that went either way. */
  get all(): Buffer {
    return Buffer.concat([...this.sent, ...this.heard]);
  }

  forget(): void {
    this.sent.length = 0;
    this.heard.length = 0;
  }

  close(): void {
    this.listener?.close();
    for (const socket of this.sockets) socket.destroy();
  }

  private carry(client: Socket): void {
    const at = this.sent.push(Buffer.alloc(0)) - 1;
    const server = connect(this.target, '127.0.0.1');
    client.on('data', (bytes: Buffer) => (this.sent[at] = Buffer.concat([this.sent[at] ?? Buffer.alloc(0), bytes])));
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
