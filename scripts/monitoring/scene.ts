import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { readConfig } from '../../src/config.js';
import type { Running } from '../../test/support/cli.js';
import { messageOf } from '../../test/support/generator/index.js';
import { Place } from '../../test/support/place.js';
import { Proxy } from '../../test/support/proxy.js';
import { freePort } from '../../test/support/services/ports.js';
import { until } from '../../test/support/until.js';

/** A flood of poison opens the breaker: more than half of the last 1,000 events. */
const FLOOD = 520;
/** The status page's chart of dead letters, in words, as soon as there are any in it. */
const SHOWN = /Dead letters in 15 seconds[^"]* and [1-9]/;

function made(eventType: string, data: Record<string, unknown>) {
  return messageOf({ eventId: randomUUID(), eventType, timestamp: new Date().toISOString(), data });
}

/** A writer with events all the time, whose PostgreSQL can be taken away. */
export class Scene {
  private readonly end = new AbortController();
  private sending: Promise<void> = Promise.resolve();
  private users = 0;

  private constructor(
    readonly place: Place,
    readonly port: number,
    private readonly network: Proxy,
    readonly writer: Running,
  ) {}

  static async open(): Promise<Scene> {
    const place = await Place.make();
    const { host, port: database } = readConfig(process.env).database;
    const network = await Proxy.open({ host, port: database });
    const port = await freePort();
    const env = { DB_HOST: '127.0.0.1', DB_PORT: String(network.port), DB_WRITER_SERVICE_PORT: String(port) };
    const scene = new Scene(place, port, network, place.consume([], { ...env, NODE_ENV: 'production' }));
    await until(async () => (await scene.ask('/readyz'))?.status === 200, scene.writer);
    return scene;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async ask(path: string): Promise<{ readonly status: number; readonly text: string } | undefined> {
    const response = await fetch(this.url + path).catch(() => undefined);
    return response && { status: response.status, text: await response.text() };
  }

  /** Sends so many events a second from now on: users, their posts, some posts of users that come later, some twice. */
  begin(perSecond: number): void {
    this.sending = this.send(perSecond / 4);
  }

  private async send(each: number): Promise<void> {
    while (!this.end.signal.aborted) {
      const messages = Array.from({ length: each }, (_, i) => {
        const n = ++this.users;
        const author = `u${i % 20 === 0 ? n + 3 * each : n}`;
        const user = made('user.created', { userId: `u${n}`, username: `n${n}`, email: 'e', role: 'subscriber' });
        const post = made('content.post.created', { postId: `p${n}`, authorId: author, content: 'x', mediaUrls: [], visibility: 'public' }); // prettier-ignore
        return [user, post, ...(i % 15 === 0 ? [user] : [])];
      });
      await this.place.send(messages.flat());
      await delay(500);
    }
  }

  /** A deploy that forgets a field; resolves when the breaker is open, and the status page has looked at its counters since. */
  async poison(): Promise<void> {
    const bad = Array.from({ length: FLOOD }, (_, i) => made('payment.completed', { transactionId: `bad${i}` }));
    await this.place.send([...bad, ...bad.slice(0, 3).map((message) => ({ ...message, value: Buffer.from('{') }))]);
    await until(async () => (await this.ask('/readyz'))?.text.includes('breaker') === true, this.writer);
    await until(async () => SHOWN.test((await this.ask('/'))?.text ?? ''), this.writer);
  }

  /** Takes PostgreSQL away; resolves when the writer says so. */
  async outage(): Promise<void> {
    this.network.refuse();
    this.network.cut();
    await until(async () => (await this.ask('/health'))?.status === 503, this.writer);
  }

  /** Gives it back; resolves when nothing is left to write but what is paused. */
  async recovery(): Promise<void> {
    await this.network.pass();
    await until(async () => (await this.ask('/health'))?.status === 200, this.writer);
  }

  /** Stops the process as it stands: its port takes connections and says nothing. */
  async whileSilent(work: () => Promise<void>): Promise<void> {
    this.writer.child.kill('SIGSTOP');
    try {
      await work();
    } finally {
      this.writer.child.kill('SIGCONT');
    }
  }

  async close(): Promise<void> {
    this.end.abort();
    await this.sending.catch(() => undefined);
    this.writer.child.kill('SIGTERM');
    await this.writer.ended;
    this.network.close();
    await this.place.dataSource.destroy();
  }
}
