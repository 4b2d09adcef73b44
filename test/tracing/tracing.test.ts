import { expect } from 'chai';
import { dbw } from '../support/cli.js';
import { loadedBy } from '../support/loaded.js';
import { OtlpReceiver } from '../support/otlp.js';
import { Place } from '../support/place.js';
import { freePort } from '../support/services/ports.js';
import { send } from '../support/topics.js';
import { until } from '../support/until.js';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const PLANTED = 'ann-planted@example.org';

/** user.created of a person, with these headers. */
function user(
  id: string,
  headers: Readonly<Record<string, string>> = {},
  data: Readonly<Record<string, unknown>> = {},
) {
  const event = {
    eventId: `event-${id}`,
    eventType: 'user.created',
    timestamp: '2024-01-01T00:00:00.000Z',
    data: { userId: id, username: id, email: PLANTED, role: 'subscriber', ...data },
  };
  return { topic: 'user.created', key: id, value: Buffer.from(JSON.stringify(event)), headers };
}

function traceparent(trace: string): Readonly<Record<string, string>> {
  return { traceparent: `00-${trace}-b7ad6b7169203331-01` };
}

describe('tracing', function () {
  this.timeout(300_000);
  let place: Place;
  let receiver: OtlpReceiver;
  beforeEach(async () => {
    [place, receiver] = await Promise.all([Place.make(['user.created', 'user.updated']), OtlpReceiver.open()]);
  });
  afterEach(async () => {
    receiver.close();
    await place.dataSource.destroy();
  });

  it('tells a batch as a span that links to the traces of its messages, its transaction and its letters below it', async () => {
    await send(
      [
        user('u-1', traceparent(TRACE)),
        user('u-2', { traceparent: 'malformed' }),
        user('u-3'),
        user('u-3'),
        user('u-4', traceparent(TRACE.replace(/^0/, 'f')), { role: 'nobody' }),
      ],
      place.prefix,
    );
    const ended = await place.catchUp({ ...receiver.env, OTEL_SERVICE_NAME: 'writer' });

    const batches = receiver.named('write batch');
    const sum = (name: string) =>
      batches.reduce((all, { attributes }) => all + Number(attributes[`dbw.outcome.${name}`]), 0);
    expect(['applied', 'duplicate', 'collision', 'parked', 'dead_letter'].map(sum)).to.deep.equal([3, 1, 0, 0, 1]);
    expect(
      batches.reduce((all, { attributes }) => all + Number(attributes['messaging.batch.message_count']), 0),
    ).to.equal(5);
    expect(batches.flatMap(({ links }) => links.map(({ traceId }) => traceId)).sort()).to.deep.equal(
      [TRACE, TRACE.replace(/^0/, 'f')].sort(),
    );
    const [batch] = batches;
    expect(batch?.kind).to.equal(5); // consumer
    expect(batch?.resource).to.include({ 'service.name': 'writer' });
    expect(batch?.attributes).to.include({
      'messaging.system': 'kafka',
      'messaging.operation.type': 'process',
      'messaging.consumer.group.name': place.groupId,
      'messaging.destination.name': `${place.prefix}user.created`,
    });

    const transactions = receiver.named('transaction');
    expect(transactions.length).to.be.at.least(batches.length);
    const ids = batches.map(({ spanId }) => spanId);
    for (const one of transactions) {
      expect(ids).to.include(one.parentSpanId);
      expect(one.attributes).to.include({ 'db.system.name': 'postgresql', 'db.namespace': place.env.DB_DATABASE });
    }
    const [sent, ...more] = receiver.named(`send ${place.deadLetterTopic}`);
    expect(more).to.deep.equal([]);
    expect(ids).to.include(sent?.parentSpanId);
    expect(sent?.links.map(({ traceId }) => traceId)).to.deep.equal([TRACE.replace(/^0/, 'f')]);
    expect(sent?.events.map(({ name, attributes }) => [name, attributes['dbw.dlq.reason']])).to.deep.equal([
      ['dead letter', 'invalid'],
    ]);
    expect(receiver.requests.map(({ body }) => body.toString()).join()).not.to.contain(PLANTED);
    expect(ended.stderr).not.to.contain('traces cannot be sent');
  });

  it('tells what a transaction failed of, without a value of its events', async () => {
    await place.dataSource.query(
      `CREATE FUNCTION refuse(text) RETURNS boolean LANGUAGE plpgsql
       AS 'BEGIN RAISE EXCEPTION ''no %'', $1 USING ERRCODE = ''22000''; END'`,
    );
    await place.dataSource.query('ALTER TABLE users ADD CONSTRAINT no_ann CHECK (refuse(email))');
    await send([user('u-1', traceparent(TRACE))], place.prefix);
    await place.catchUp(receiver.env);

    const [failed] = receiver.named('transaction').filter(({ status }) => status?.code === 2);
    expect(failed?.attributes).to.include({ 'db.response.status_code': '22000', 'dbw.failure.class': 'data' });
    expect(receiver.named('write batch').map(({ attributes }) => attributes['dbw.outcome.dead_letter'])).to.include(1);
    expect(receiver.requests.map(({ body }) => body.toString()).join()).not.to.contain(PLANTED);
  });

  it('tells a replay as one span; its batches link to the traces of the original messages', async () => {
    await place.dataSource.query(`ALTER TABLE users ADD CONSTRAINT no_ann CHECK (email <> '${PLANTED}')`);
    await send([user('u-1', traceparent(TRACE))], place.prefix);
    await place.catchUp();
    await place.dataSource.query('ALTER TABLE users DROP CONSTRAINT no_ann');
    const replayed = await dbw(['replay-dlq', '--yes'], { ...place.env, ...receiver.env });
    expect(replayed.status, replayed.stderr).to.equal(0);
    const [run] = receiver.named('dbw replay-dlq');
    expect(run?.attributes).to.include({ 'dbw.outcome.applied': 1, 'dbw.outcome.deadAgain': 0 });
    const [batch] = receiver.named('write batch');
    expect(batch?.parentSpanId).to.equal(run?.spanId);
    expect(batch?.links.map(({ traceId }) => traceId)).to.deep.equal([TRACE]);

    const backfill = ['backfill', '--topic', 'user.created', '--from-offset', '0', '--yes'];
    const filled = await dbw([...backfill, '--reapply', '--reason', 'test'], { ...place.env, ...receiver.env });
    expect(filled.status, filled.stderr).to.equal(0);
    const [fill] = receiver.named('dbw backfill');
    expect(fill?.attributes).to.include({ 'dbw.outcome.read': 1, 'dbw.outcome.applied': 1 });
    expect(receiver.named('write batch').at(-1)?.parentSpanId).to.equal(fill?.spanId);
  });

  it('speaks protobuf too, with the headers that the endpoint asks for, and samples as it is told', async () => {
    await send([user('u-1', traceparent(TRACE))], place.prefix);
    const protobuf = { ...receiver.env, OTEL_EXPORTER_OTLP_PROTOCOL: '', OTEL_EXPORTER_OTLP_HEADERS: 'x-key=a%20b' };
    await place.catchUp(protobuf);
    const [request] = receiver.requests;
    expect(request).to.include({ path: '/v1/traces', type: 'application/x-protobuf', key: 'a b' });
    const bodies = Buffer.concat(receiver.requests.map(({ body }) => body));
    expect(bodies.includes('write batch')).to.equal(true);
    expect(bodies.includes(Buffer.from(TRACE, 'hex'))).to.equal(true);

    receiver.requests.length = 0;
    await send([user('u-2', traceparent(TRACE))], place.prefix);
    await place.catchUp({ ...protobuf, OTEL_TRACES_SAMPLER: 'always_off' });
    expect(receiver.requests).to.deep.equal([]);
  });

  it('costs nothing where it is off: nothing of the SDK is loaded', async () => {
    await send([user('u-1', traceparent(TRACE))], place.prefix);
    const env = { ...place.env, ...receiver.env };
    const args = ['consume', '--until-caught-up'];
    const off = await loadedBy(args, { ...env, OTEL_SDK_DISABLED: 'true' });
    const on = await loadedBy(args, env);
    // The API comes with prom-client, which asks it for exemplars.
    const ofOpenTelemetry = (names: ReadonlySet<string>) =>
      [...names].filter((name) => /^@opentelemetry\/(?!api$)/.test(name));
    expect([...ofOpenTelemetry(off.bundled), ...ofOpenTelemetry(off.apart)]).to.deep.equal([]);
    expect(off.sources.filter((source) => source.startsWith('tracing/'))).to.deep.equal([
      'tracing/settings.ts',
      'tracing/tracing.ts',
    ]);
    expect(ofOpenTelemetry(on.bundled)).to.include.members([
      '@opentelemetry/sdk-trace-base',
      '@opentelemetry/resources',
    ]);
    expect([...on.apart].filter((name) => name.startsWith('@opentelemetry/'))).to.deep.equal([]);
  });

  it('does not keep anybody waiting where nobody answers: events are written, one warning, and an end in time', async () => {
    const port = await freePort();
    const dead = {
      ...receiver.env,
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
      OTEL_EXPORTER_OTLP_TIMEOUT: '200',
    };
    const running = place.consume([], dead);
    const warnings = () => running.output.stderr.match(/traces cannot be sent/g) ?? [];
    await send([user('u-1', traceparent(TRACE))], place.prefix);
    await until(async () => (await place.processed()) === 1 && warnings().length > 0, running);
    for (let i = 2; i < 6; i++) {
      await send([user(`u-${i}`, traceparent(TRACE))], place.prefix);
      await until(async () => (await place.processed()) === i, running);
    }
    running.child.kill('SIGTERM');
    const { status, stderr } = await running.ended;
    expect(status).to.equal(0);
    expect(warnings()).to.have.length(1);
    expect(stderr).to.contain('"msg":"ended"');
  });

  it('ends in time where the endpoint takes what it is sent and says nothing', async () => {
    const silent = await OtlpReceiver.open({ isSilent: true });
    try {
      const running = place.consume([], { ...silent.env, OTEL_BSP_SCHEDULE_DELAY: '60000' });
      await send([user('u-1', traceparent(TRACE))], place.prefix);
      await until(async () => (await place.processed()) === 1, running);
      running.child.kill('SIGTERM');
      const { status, stderr } = await running.ended;
      expect(status).to.equal(0);
      expect(stderr).to.contain('the last traces could not be sent in time');
    } finally {
      silent.close();
    }
  });
});
