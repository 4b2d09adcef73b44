import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { agentOptions } from '../../src/tracing/agent.js';
import { OtlpReceiver } from '../support/otlp.js';
import { Place } from '../support/place.js';
import { Authority } from '../support/tls/certificates.js';
import { send } from '../support/topics.js';

function user(id: string) {
  const data = { userId: id, username: id, email: `${id}@example.org`, role: 'subscriber' };
  const event = { eventId: `event-${id}`, eventType: 'user.created', timestamp: '2024-01-01T00:00:00.000Z', data };
  return { topic: 'user.created', key: id, value: Buffer.from(JSON.stringify(event)) };
}

describe('traces over TLS', () => {
  const folder = mkdtempSync(join(tmpdir(), 'dbw-traces-'));
  const ca = join(folder, 'ca.pem');
  let place: Place;
  let receiver: OtlpReceiver;

  before(async () => {
    const authority = await Authority.make('dbw test authority');
    const alternatives = [{ type: 'ip', value: '127.0.0.1' }] as const;
    const identity = await authority.issue({ name: 'collector', alternatives });
    writeFileSync(ca, authority.cert);
    [place, receiver] = await Promise.all([Place.make(['user.created']), OtlpReceiver.open({ identity })]);
  });
  after(async () => {
    receiver.close();
    rmSync(folder, { recursive: true });
    await place.dataSource.destroy();
  });

  it('go to no endpoint of an unknown authority, also where NODE_TLS_REJECT_UNAUTHORIZED is 0; its query is not logged', async () => {
    await send([user('ann')], place.prefix);
    const endpoint = `${receiver.env.OTEL_EXPORTER_OTLP_ENDPOINT ?? ''}/collect?token=t0ken`;
    const { stderr } = await place.catchUp({
      ...receiver.env,
      OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
      NODE_TLS_REJECT_UNAUTHORIZED: '0',
    });
    expect(stderr).to.contain('traces cannot be sent: unable to verify the first certificate');
    expect(stderr).to.contain(`"endpoint":"https://127.0.0.1:${receiver.port}/collect"`);
    expect(stderr).not.to.contain('t0ken');
    expect(receiver.requests).to.deep.equal([]);
  });

  it('go to one whose authority the settings name', async () => {
    await send([user('bob')], place.prefix);
    const { stderr } = await place.catchUp({ ...receiver.env, OTEL_EXPORTER_OTLP_CERTIFICATE: ca });
    expect(stderr).not.to.contain('traces cannot be sent');
    expect(receiver.named('write batch')).not.to.deep.equal([]);
  });

  it('need TLS 1.2, whatever Node was told; files of traces alone count more, and one that is missing is told', () => {
    const key = join(folder, 'key.pem');
    writeFileSync(key, 'key');
    const told: string[] = [];
    const env = {
      OTEL_EXPORTER_OTLP_CERTIFICATE: join(folder, 'none.pem'),
      OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE: key,
      OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: join(folder, 'none.pem'),
      OTEL_EXPORTER_OTLP_CLIENT_KEY: key,
    };
    expect(agentOptions(env, (message) => told.push(message))).to.deep.equal({
      ...{ keepAlive: true, rejectUnauthorized: true, minVersion: 'TLSv1.2' },
      ...{ ca: 'key', key: 'key' },
    });
    expect(told).to.deep.equal(['OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE names a file that cannot be read (ENOENT)']);
  });
});
