import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** A way to a server that can be cut, or that hangs: it takes whatever comes and passes nothing on. */
export class Cable {
  private readonly sockets = new Set<Socket>();
  private hangs = false;

  private constructor(private readonly listener: Server) {}

  /** Lays a cable on 127.0.0.1 to this server. */
  static async to(host: string, port: number): Promise<Cable> {
    const listener = createServer();
    const cable = new Cable(listener);
    listener.on('connection', (near) => {
      const far = connect({ host, port });
      cable.join(near, far);
      cable.join(far, near);
    });
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    return cable;
  }

  get port(): number {
    const address = this.listener.address();
    if (address === null || typeof address === 'string') throw new Error('the cable leads nowhere');
    return address.port;
  }

  private join(from: Socket, to: Socket): void {
    this.sockets.add(from);
    from.on('error', () => undefined); // 'close' follows
    from.on('data', (chunk) => {
      if (!this.hangs) to.write(chunk);
    });
    from.on('close', () => {
      this.sockets.delete(from);
      to.destroy();
    });
  }

  /** Passes nothing on any more; connections stay open, and new ones are taken. */
  hang(): void {
    this.hangs = true;
  }

  /** Resets every connection. */
  cut(): void {
    for (const socket of this.sockets) socket.resetAndDestroy();
  }

  /** Cuts it, and takes no new connections. */
  close(): void {
    this.listener.close();
    this.cut();
  }
}
