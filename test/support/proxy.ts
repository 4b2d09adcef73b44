import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './services/ports.js';

/** Where a proxy leads to. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** A sender may be this many bytes ahead of what has been passed on; beyond it TCP makes it wait. */
const AHEAD_BYTES = 1024 * 1024;

/**
 * A network that can be made to fail: listens on a port of 127.0.0.1 and carries bytes to a server and back, in both
 * directions alike. Every change concerns the connections that exist as well as those to come, but for `refuse`.
 */
export class Proxy {
  private readonly road = new Road();
  private readonly links = new Set<Link>();
  private listener: Server | undefined;

  private constructor(
    readonly target: Address,
    readonly port: number,
  ) {}

  /** Listens, and carries to `target` without delay. Clients connect to `port` of 127.0.0.1. */
  static async open(target: Address, port?: number): Promise<Proxy> {
    const proxy = new Proxy(target, port ?? (await freePort()));
    await proxy.listen();
    return proxy;
  }

  /** How many connections there are, those included of which one side is gone and the other does not know it yet. */
  get connections(): number {
    return this.links.size;
  }

  /** Everything as it should be: what was held back arrives now, as TCP would send it again. */
  async pass(): Promise<void> {
    this.road.delayMs = 0;
    this.road.open();
    await this.listen();
  }

  /** Nobody listens: new connections are refused. Those that exist stay; `cut` ends them. */
  refuse(): void {
    this.listener?.close();
    this.listener = undefined;
  }

  /** Resets every connection now. New ones are served as before. */
  cut(): void {
    for (const link of this.links) link.reset();
  }

  /** Connections are accepted and stay, and no byte comes through, nor the news that a side has gone. */
  blackhole(): void {
    this.road.close();
  }

  /** Every byte takes this long, in milliseconds each way. */
  delay(eachWayMs: number): void {
    this.road.delayMs = eachWayMs;
  }

  /** Ends everything. */
  close(): void {
    this.refuse();
    this.cut();
  }

  private async listen(): Promise<void> {
    if (this.listener) return;
    const listener = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
      const link = new Link(client, this.target, this.road);
      this.links.add(link);
      void link.over().finally(() => this.links.delete(link));
    });
    this.listener = listener;
    listener.listen(this.port, '127.0.0.1');
    await once(listener, 'listening');
  }
}

/** What all connections of a proxy have in common: how long it takes, and whether anything comes through. */
class Road {
  delayMs = 0;
  private opened: Promise<void> | undefined;
  private onOpen: () => void = () => undefined;

  close(): void {
    this.opened ??= new Promise((resolve) => (this.onOpen = resolve));
  }

  open(): void {
    this.opened = undefined;
    this.onOpen();
  }

  /** Resolves at once where bytes come through, else when they do again. */
  async untilOpen(): Promise<void> {
    while (this.opened) await this.opened;
  }
}

/** One connection: the client's side, and the one to the server. */
class Link {
  private readonly server: Socket;

  constructor(
    private readonly client: Socket,
    { host, port }: Address,
    road: Road,
  ) {
    this.server = connect({ host, port, allowHalfOpen: true, noDelay: true });
    for (const socket of [client, this.server]) socket.on('error', () => undefined); // 'close' follows, and says so
    carry(client, this.server, road);
    carry(this.server, client, road);
  }

  /** Resolves when both sides are closed. */
  async over(): Promise<void> {
    await Promise.all([closed(this.client), closed(this.server)]);
  }

  reset(): void {
    this.client.resetAndDestroy();
    this.server.resetAndDestroy();
  }
}

async function closed(socket: Socket): Promise<void> {
  if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve));
}

/** What happened on one side and is to be told to the other, when it is due. */
interface News {
  readonly what: Buffer | 'end' | 'reset';
  readonly due: number;
}

/** Carries bytes, the end and the death of one socket to the other, in this order, each when the road lets it. */
function carry(from: Socket, to: Socket, road: Road): void {
  const news: News[] = [];
  let bytes = 0;
  let busy = false;
  const work = async () => {
    if (busy) return;
    busy = true;
    for (let next = news[0]; next; next = news[0]) {
      await road.untilOpen();
      const wait = next.due - Date.now();
      if (wait > 0) await sleep(wait);
      news.shift();
      const { what } = next;
      if (what === 'reset') to.resetAndDestroy();
      else if (what === 'end') to.end();
      else {
        bytes -= what.length;
        if (!to.destroyed && !to.write(what)) await drained(to);
        if (bytes <= AHEAD_BYTES) from.resume();
      }
    }
    busy = false;
  };
  const tell = (what: News['what']) => {
    news.push({ what, due: Date.now() + road.delayMs });
    void work();
  };
  from.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > AHEAD_BYTES) from.pause();
    tell(chunk);
  });
  from.on('end', () => {
    tell('end');
  });
  from.on('close', (hadError) => {
    if (hadError) tell('reset');
  });
}

async function drained(socket: Socket): Promise<void> {
  const over = new AbortController();
  const { signal } = over;
  await Promise.race([once(socket, 'drain', { signal }), once(socket, 'close', { signal })]).catch(() => undefined);
  over.abort();
}
