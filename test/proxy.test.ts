import { expect } from 'chai';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Kafka, logLevel } from 'kafkajs';
import { MissingProgramsError, startServers, type Servers } from './support/services/index.js';
import { freePort } from './support/services/ports.js';
import { Proxy } from './support/proxy.js';
import { until } from './support/until.js';

/** A connection to Redis with nothing of a client's own patience; what it was answered gathers here. */
class Caller {
  answers = '';
  ended: string | undefined;

  private constructor(private readonly socket: Socket) {
    socket.on('data', (chunk: Buffer) => (this.answers += chunk.toString()));
    socket.on('error', ({ message }) => (this.ended ??= message));
    socket.on('close', () => (this.ended ??= 'closed'));
  }

  static async call(port: number): Promise<Caller> {
    const socket = connect(port, '127.0.0.1');
    const caller = new Caller(socket);
    await once(socket, 'connect');
    return caller;
  }

  say(command: string): void {
    this.socket.write(`${command}\r\n`);
  }

  async ask(command: string): Promise<string> {
    const before = this.answers.length;
    this.say(command);
    await until(() => this.answers.length > before || this.ended !== undefined);
    return this.answers.slice(before);
  }

  hangUp(): void {
    this.socket.destroy();
  }
}

describe('the proxy of the tests', () => {
  let proxy: Proxy;
  const redis = () => ({ host: process.env.REDIS_HOST ?? '', port: Number(process.env.REDIS_PORT) });

  beforeEach(async () => {
    proxy = await Proxy.open(redis());
  });
  afterEach(() => {
    proxy.close();
  });

  it('carries both ways, large and small, and the end of a connection', async () => {
    const caller = await Caller.call(proxy.port);
    expect(await caller.ask('PING')).to.equal('+PONG\r\n');
    const size = 8 * 1024 * 1024;
    const text = 'x'.repeat(size);
    caller.say(`*2\r\n$4\r\nECHO\r\n$${size}\r\n${text}`);
    await until(() => caller.answers.length > size);
    expect(caller.answers.slice(7)).to.equal(`$${size}\r\n${text}\r\n`);
    caller.say('QUIT');
    await until(() => caller.ended !== undefined && proxy.connections === 0);
    expect(caller.ended).to.equal('closed');
  });

  it('refuses new connections, leaves those that exist, and listens again', async () => {
    const caller = await Caller.call(proxy.port);
    expect(await caller.ask('PING')).to.equal('+PONG\r\n');
    proxy.refuse();
    const error: unknown = await Caller.call(proxy.port).catch((reason: unknown) => reason);
    expect(error).to.be.an('error').with.property('code', 'ECONNREFUSED');
    expect(await caller.ask('PING')).to.equal('+PONG\r\n');
    await proxy.pass();
    expect(await (await Caller.call(proxy.port)).ask('PING')).to.equal('+PONG\r\n');
  });

  it('cuts every connection, and serves the next', async () => {
    const callers = [await Caller.call(proxy.port), await Caller.call(proxy.port)];
    for (const caller of callers) await caller.ask('PING');
    proxy.cut();
    await until(() => callers.every(({ ended }) => ended?.includes('ECONNRESET')) && proxy.connections === 0);
    expect(await (await Caller.call(proxy.port)).ask('PING')).to.equal('+PONG\r\n');
  });

  it('swallows every byte of old and new connections, and brings them when it passes again', async () => {
    const [old, direct] = [await Caller.call(proxy.port), await Caller.call(redis().port)];
    const counter = `proxy-${proxy.port}`;
    await old.ask('PING');
    proxy.blackhole();
    old.say(`INCR ${counter}`);
    const fresh = await Caller.call(proxy.port);
    fresh.say(`INCR ${counter}`);
    // One who hangs up after its command: that it did is news that does not come through either.
    const gone = await Caller.call(proxy.port);
    gone.say(`INCR ${counter}`);
    gone.hangUp();
    await until(() => proxy.connections === 3);
    // Redis answers as many questions as a lost byte would have taken.
    for (let i = 0; i < 200; i++) expect(await direct.ask(`EXISTS ${counter}`)).to.equal(':0\r\n');
    expect(old.answers + fresh.answers).to.equal('+PONG\r\n');
    expect([old.ended, fresh.ended]).to.deep.equal([undefined, undefined]);
    await proxy.pass();
    await until(async () => (await direct.ask(`GET ${counter}`)).includes('\r\n3\r\n'));
    await until(() => old.answers.includes(':') && fresh.answers.includes(':'));
    await until(() => proxy.connections === 2);
    await direct.ask(`DEL ${counter}`);
  });

  it('takes its time each way, and keeps the order', async () => {
    const caller = await Caller.call(proxy.port);
    await caller.ask('PING');
    proxy.delay(60);
    const began = performance.now();
    caller.say('ECHO a');
    caller.say('ECHO b');
    await until(() => caller.answers.includes('b'));
    // Timers may be a millisecond early.
    expect(performance.now() - began).to.be.at.least(118);
    expect(caller.answers).to.equal('+PONG\r\n$1\r\na\r\n$1\r\nb\r\n');
    await proxy.pass();
    expect(await caller.ask('PING')).to.equal('+PONG\r\n');
  });
});

describe('a broker behind a proxy', function () {
  this.timeout(180_000);
  let servers: Servers | undefined;
  let proxy: Proxy | undefined;

  before(async function () {
    try {
      const port = await freePort();
      servers = await startServers({ own: true, kafkaProxy: port });
      const { host, proxiedPort = 0 } = servers.kafka;
      proxy = await Proxy.open({ host, port: proxiedPort }, port);
    } catch (error) {
      // Where the environment brings the servers the machine need not be able to.
      if (error instanceof MissingProgramsError && process.env.KAFKA_BROKERS) this.skip();
      throw error;
    }
  });
  after(async () => {
    proxy?.close();
    await servers?.stop();
  });

  it('is reached through it alone by who came that way, and directly by others', async () => {
    const { host, port } = servers!.kafka;
    const ask = async (broker: string): Promise<unknown> => {
      const kafka = new Kafka({ brokers: [broker], logLevel: logLevel.NOTHING });
      const admin = kafka.admin();
      await admin.connect();
      const { brokers } = await admin.describeCluster();
      await admin.disconnect();
      return brokers;
    };
    expect(await ask(`127.0.0.1:${proxy!.port}`)).to.deep.equal([{ nodeId: 1, host: '127.0.0.1', port: proxy!.port }]);
    expect(await ask(`${host}:${port}`)).to.deep.equal([{ nodeId: 1, host, port }]);
  });
});
