import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect } from 'chai';
import { codeOf, UserError } from '../../src/errors.js';
import { HealthServer, type Limits } from '../../src/health/health-server.js';
import type { Vitals } from '../../src/health/vitals.js';
import { until } from '../support/until.js';
import { WELL } from '../support/vitals.js';

const METRICS = { contentType: 'text/plain; version=0.0.4', text: () => Promise.resolve('dbw_up 1\n') };
const PAGE = { contentType: 'text/html', headers: { 'x-is': 'page' }, text: () => '<!doctype html>' };
const HASTY: Limits = { requestMs: 500, answerMs: 500, connections: 2 };

describe('the port', () => {
  let vitals: () => Vitals;
  let server: HealthServer;
  let text: () => Promise<string>;

  beforeEach(async () => {
    vitals = () => WELL;
    text = METRICS.text;
    server = await HealthServer.open({ port: 0 }, () => vitals(), {
      metrics: { ...METRICS, text: () => text() },
      page: PAGE,
    });
  });
  afterEach(() => server.close());

  const ask = (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${server.port}${path}`, init);
  const restricted = async (limits: Limits) => {
    await server.close();
    server = await HealthServer.open(
      { port: 0 },
      () => vitals(),
      { metrics: { ...METRICS, text: () => text() }, page: PAGE },
      limits,
    );
  };

  it('answers three questions in JSON, and the metrics as text', async () => {
    for (const path of ['/health', '/livez', '/readyz?verbose']) {
      const response = await ask(path);
      expect(response.status, path).to.equal(200);
      expect(response.headers.get('content-type')).to.equal('application/json');
    }
    expect(await (await ask('/health')).json()).to.include({ status: 'healthy', version: '1.2.3' });
    expect(await (await ask('/livez')).json()).to.deep.equal({ alive: true });
    expect(await (await ask('/readyz')).json()).to.deep.equal({ ready: true, reasons: [] });
    const metrics = await ask('/metrics');
    expect(metrics.headers.get('content-type')).to.equal('text/plain; version=0.0.4');
    expect(await metrics.text()).to.equal('dbw_up 1\n');
  });

  it('says 503 with the reasons where something is wrong, each for itself', async () => {
    const statuses = async () =>
      Promise.all(['/health', '/livez', '/readyz'].map(async (path) => (await ask(path)).status));
    vitals = () => ({ ...WELL, redis: { configured: true, connected: false } });
    expect(await statuses()).to.deep.equal([200, 200, 200]);
    vitals = () => ({ ...WELL, breakers: [{ topic: 'user.created', since: 0, reason: 'invalid' }] });
    expect(await statuses()).to.deep.equal([200, 200, 503]);
    vitals = () => ({ ...WELL, database: { connected: false, reason: 'timeout', activeConnections: 0, poolSize: 20 } });
    expect(await statuses()).to.deep.equal([503, 200, 503]);
    expect(await (await ask('/readyz')).json()).to.deep.equal({
      ready: false,
      reasons: ['PostgreSQL is away: timeout'],
    });
    vitals = () => ({ ...WELL, partitions: [{ topic: 'a', partition: 0, lag: 1, seconds: 99, movedAt: 0 }] });
    expect(await statuses()).to.deep.equal([200, 503, 200]);
    vitals = () => ({ ...WELL, consumer: 'dead' });
    expect(await statuses()).to.deep.equal([503, 503, 503]);
  });

  it('answers people with the page and what belongs to it', async () => {
    const response = await ask('/');
    expect(response.status).to.equal(200);
    expect(response.headers.get('content-type')).to.equal('text/html');
    expect(response.headers.get('x-is')).to.equal('page');
    expect(response.headers.get('cache-control')).to.equal('no-store');
    expect(await response.text()).to.equal('<!doctype html>');
  });

  it('makes one answer for all who ask at the same time, however many', async () => {
    let made = 0;
    text = () => Promise.resolve(`dbw_up ${++made}\n`);
    const begun = performance.now();
    const said = await Promise.all(Array.from({ length: 90 }, async () => (await ask('/metrics')).text()));
    // At most ten a second, the first at once, and one that begins when the last has come.
    expect(made).to.be.at.most(2 + (performance.now() - begun) / 100);
    expect(new Set(said).size).to.equal(made);
  });

  it('takes HEAD as GET without the text', async () => {
    const response = await ask('/metrics', { method: 'HEAD' });
    expect(response.status).to.equal(200);
    expect(response.headers.get('content-length')).to.equal('9');
    expect(await response.text()).to.equal('');
  });

  it('knows no other path and no other method', async () => {
    for (const path of ['/index.html', '/healthz', '/health/', '/metrics/x', '//', '/../health%00']) {
      const response = await ask(path);
      expect(response.status, path).to.equal(404);
      expect(await response.text()).to.equal('');
    }
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
      const response = await ask('/health', { method });
      expect(response.status, method).to.equal(405);
      expect(response.headers.get('allow')).to.equal('GET, HEAD');
      expect(await response.text()).to.equal('');
    }
    expect((await ask('/nothing', { method: 'POST' })).status).to.equal(404);
  });

  it('says 500 and lives on where the answer cannot be made', async () => {
    text = () => Promise.reject(new Error('no metrics today'));
    const response = await ask('/metrics');
    expect(response.status).to.equal(500);
    expect(await response.json()).to.deep.equal({ error: 'no metrics today' });
    vitals = () => {
      throw new Error('no vitals either');
    };
    expect((await ask('/livez')).status).to.equal(500);
    vitals = () => WELL;
    expect((await ask('/livez')).status).to.equal(200);
  });

  it('names the setting where the port is taken', async () => {
    const error: unknown = await HealthServer.open({ port: server.port }, vitals, {
      metrics: METRICS,
      page: PAGE,
    }).catch((failure: unknown) => failure);
    expect(error).to.be.instanceOf(UserError);
    expect(String(error)).to.match(/Port \d+ is taken\. Set DB_WRITER_SERVICE_PORT/);
    expect(error).to.include({ status: 5 });
  });

  it('listens on the address that it is given, and on no other', async () => {
    const own = await HealthServer.open({ host: '127.0.0.1', port: 0 }, vitals, { metrics: METRICS, page: PAGE });
    try {
      expect((await fetch(`http://127.0.0.1:${own.port}/livez`)).status).to.equal(200);
      const other: unknown = await fetch(`http://127.0.0.2:${own.port}/livez`).catch((error: unknown) => error);
      expect(codeOf(other)).to.equal('ECONNREFUSED');
    } finally {
      await own.close();
    }
  });

  for (const host of ['192.0.2.1', 'no-such-host.invalid']) {
    it(`names the setting where ${host} is no address of the machine`, async () => {
      const views = { metrics: METRICS, page: PAGE };
      const error: unknown = await HealthServer.open({ host, port: 0 }, vitals, views).catch(
        (failure: unknown) => failure,
      );
      expect(String(error)).to.contain(`DB_WRITER_SERVICE_HOST is "${host}", which is no address of this machine`);
      expect(error).to.be.instanceOf(UserError).and.to.include({ status: 5 });
    });
  }

  describe('with a client that', () => {
    const sockets: Socket[] = [];
    const open = async (hello: string) => {
      const socket = connect(server.port, '127.0.0.1');
      sockets.push(socket);
      socket.on('error', () => undefined);
      await once(socket, 'connect');
      socket.write(hello);
      return socket;
    };
    const closed = (socket: Socket) => once(socket.resume(), 'close');
    afterEach(() => {
      for (const socket of sockets.splice(0)) socket.destroy();
    });

    it('sends a body: answers, reads nothing of it and ends the connection', async () => {
      const socket = await open('GET /livez HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000\r\n\r\nx');
      let said = '';
      socket.on('data', (data) => (said += data.toString()));
      await closed(socket);
      expect(said).to.match(/^HTTP\/1\.1 200 .*connection: close.*\{"alive":true\}$/is);
    });

    for (const [what, hello] of [
      ['says nothing', ''],
      ['never ends its request', 'GET /livez HTTP/1.1\r\nhost: a\r\n'],
      ['keeps its connection for later', 'GET /livez HTTP/1.1\r\nhost: a\r\n\r\n'],
    ] as const) {
      it(`${what}: ends the connection`, async () => {
        await restricted(HASTY);
        await closed(await open(hello));
      });
    }

    it('does not take its answer: ends the connection, so that others are served', async () => {
      await restricted({ ...HASTY, connections: 1 });
      text = () => Promise.resolve('x'.repeat(50_000_000));
      const socket = await open('GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n');
      await once(socket, 'readable');
      await until(async () => (await ask('/livez').catch(() => undefined))?.status === 200);
    });

    it('comes with many connections: takes no more than its limit, and is there afterwards', async () => {
      await restricted({ requestMs: 60_000, answerMs: 60_000, connections: 2 });
      const kept = [await open(''), await open('')];
      const more = await Promise.all([open(''), open(''), open('')]);
      await Promise.all(more.map(closed));
      expect(kept.map((socket) => socket.readyState)).to.deep.equal(['open', 'open']);
      for (const socket of kept) socket.destroy();
      await until(async () => (await ask('/livez').catch(() => undefined))?.status === 200);
    });
  });
});
