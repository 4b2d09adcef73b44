import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { readConfig, SETTINGS } from '../../src/config.js';
import { HealthServer } from '../../src/health/health-server.js';
import { newborn } from '../../src/health/vitals.js';
import {
  deadlineMs,
  deployment,
  envFile,
  KUBERNETES,
  kustomization,
  manifest,
  manifests,
  packageVersion,
  type Manifest,
} from '../support/deployment.js';
import { Authority } from '../support/tls/certificates.js';

const SECRETS = '/run/secrets/dbw/';
const settings = () => envFile(`${KUBERNETES}/settings/dbw.env`);
const secrets = () =>
  new Map(manifests('secrets.example.yaml').map((one) => [one.metadata.name, one.stringData ?? {}]));
const job = () => manifest('migrate/job.yaml', 'Job');
const pod = (of: Manifest) => of.spec.template.spec;
const container = (of: Manifest) => pod(of).containers[0];

function mapped(env: Readonly<Record<string, string>>, folder: string): Record<string, string> {
  return Object.fromEntries(Object.entries(env).map(([name, value]) => [name, value.replace(SECRETS, `${folder}/`)]));
}

/** What a pod's process gets, with the files of its secrets in `folder`. */
function environmentOf(
  of: Manifest,
  folder: string,
  more: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const { env, envFrom, volumeMounts } = container(of);
  const set = { ...settings(), ...more };
  const named = env.flatMap(({ name, value, valueFrom }): [string, string][] => {
    const { secretKeyRef, configMapKeyRef } = valueFrom ?? {};
    const from = secretKeyRef ? secrets().get(secretKeyRef.name)?.[secretKeyRef.key] : set[configMapKeyRef?.key ?? ''];
    const given = value ?? from;
    if (given === undefined && configMapKeyRef?.optional) return [];
    expect(given, `${of.kind}: where ${name} comes from`).to.be.a('string');
    return [[name, (given ?? '').replace(SECRETS, `${folder}/`)]];
  });
  const volume = volumeMounts.find(({ mountPath }) => `${mountPath}/` === SECRETS)?.name;
  const secret = pod(of).volumes.find(({ name }) => name === volume)?.secret?.secretName ?? '';
  for (const [key, value] of Object.entries(secrets().get(secret) ?? {})) writeFileSync(join(folder, key), value);
  return { ...(envFrom ? mapped(set, folder) : {}), ...Object.fromEntries(named) };
}

describe('deploy/kubernetes', () => {
  const folder = mkdtempSync(join(tmpdir(), 'dbw-deploy-'));
  after(() => {
    rmSync(folder, { recursive: true });
  });

  for (const [name, of] of [
    ['the Deployment', deployment],
    ['the migration Job', job],
  ] as const) {
    describe(name, () => {
      it('gives dbw settings that exist and that it accepts, and secrets as files', () => {
        const own = mkdtempSync(join(folder, 'pod-'));
        const env = environmentOf(of(), own);
        const known = new Set(SETTINGS.flatMap((one) => (one.secret ? [`${one.name}_FILE`] : [one.name])));
        expect(Object.keys(env).filter((one) => !known.has(one))).to.deep.equal([]);
        const config = readConfig(env);
        expect(config.database.password).to.equal(readFileSync(join(own, 'db-password'), 'utf8'));
        expect(config.database.ssl).to.not.equal(false);
      });

      it('trusts a private authority where dbw.env names its file, which is in the secret', async () => {
        const own = mkdtempSync(join(folder, 'pod-'));
        const { cert } = await Authority.make('a private authority');
        writeFileSync(join(own, 'ca.pem'), cert);
        const more = { DB_SSL_CA_FILE: `${SECRETS}ca.pem`, DB_SSL_SERVER_NAME: 'servers.internal' };
        const { ssl } = readConfig(environmentOf(of(), own, more)).database;
        expect(ssl).to.deep.include({ ca: cert, serverName: 'servers.internal' });
      });

      it('asks for nothing that the restricted profile refuses, and writes nowhere but to /tmp', () => {
        const { securityContext, automountServiceAccountToken, enableServiceLinks } = pod(of());
        expect(securityContext).to.deep.equal({
          ...{ runAsNonRoot: true, runAsUser: 65_532, runAsGroup: 65_532, fsGroup: 65_532 },
          seccompProfile: { type: 'RuntimeDefault' },
        });
        expect(container(of()).securityContext).to.deep.equal({
          ...{ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true },
          capabilities: { drop: ['ALL'] },
        });
        expect({ automountServiceAccountToken, enableServiceLinks }).to.deep.equal({
          ...{ automountServiceAccountToken: false, enableServiceLinks: false },
        });
      });
    });
  }

  it('consumes as another role than it migrates as, and knows no secret of that one', () => {
    const user = (of: Manifest) => container(of).env.find(({ name }) => name === 'DB_USERNAME')?.value;
    expect(user(deployment())).to.not.equal(user(job()));
    const secretOf = (of: Manifest) => pod(of).volumes.flatMap(({ secret }) => (secret ? [secret.secretName] : []));
    expect([secretOf(deployment()), secretOf(job())]).to.deep.equal([['dbw-secrets'], ['dbw-migrate-secrets']]);
  });

  it('probes paths that are answered, on the port that is listened to', async () => {
    const empty = { contentType: 'text/plain', text: () => Promise.resolve('') };
    const server = await HealthServer.open({ port: 0 }, () => newborn('0', 1), { metrics: empty, page: empty });
    try {
      const status = async (path = '') => (await fetch(`http://127.0.0.1:${server.port}${path}`)).status;
      const { ports = [], startupProbe, livenessProbe, readinessProbe } = container(deployment());
      // A process that has only begun is alive and not ready.
      expect(await status(startupProbe?.httpGet.path)).to.equal(200);
      expect(await status(livenessProbe?.httpGet.path)).to.equal(200);
      expect(await status(readinessProbe?.httpGet.path)).to.equal(503);
      const { endpoints } = manifest('monitoring/service-monitor.yaml', 'ServiceMonitor').spec;
      expect(await status(endpoints[0]?.path)).to.equal(200);

      const service = manifest('service.yaml', 'Service').spec.ports;
      const used = [startupProbe, livenessProbe, readinessProbe].map((probe) => probe?.httpGet.port);
      expect(new Set([...used, endpoints[0]?.port, service[0]?.targetPort])).to.deep.equal(new Set([ports[0]?.name]));
      const { port } = readConfig({});
      expect([ports[0]?.containerPort, service[0]?.port]).to.deep.equal([port, port]);
      const allowed = manifest('network-policy.yaml', 'NetworkPolicy').spec.ingress.flatMap((rule) => rule.ports);
      expect(allowed.map((one) => one.port)).to.deep.equal([port]);
    } finally {
      await server.close();
    }
  });

  it('lets dbw out to its servers, where the settings say that they are', () => {
    const { KAFKA_BROKERS = '', DB_PORT, REDIS_PORT } = settings();
    const ports = [...KAFKA_BROKERS.split(',').map((broker) => broker.split(':')[1]), DB_PORT, REDIS_PORT];
    const open = manifest('network-policy.yaml', 'NetworkPolicy').spec.egress.flatMap((rule) => rule.ports);
    expect(new Set(open.map(({ port }) => port))).to.deep.equal(new Set([53, ...ports.map(Number)]));
  });

  it('waits longer for the end of a pod than dbw needs', () => {
    const { terminationGracePeriodSeconds = 0 } = pod(deployment());
    expect(terminationGracePeriodSeconds * 1000).to.be.at.least(deadlineMs() + 5000);
  });

  it('selects the pods that there are', () => {
    const { labels } = deployment().spec.template.metadata;
    const selectors = [
      deployment().spec.selector.matchLabels,
      manifest('disruption-budget.yaml', 'PodDisruptionBudget').spec.selector.matchLabels,
      manifest('network-policy.yaml', 'NetworkPolicy').spec.podSelector.matchLabels,
      manifest('service.yaml', 'Service').spec.selector,
    ];
    for (const selector of selectors) expect(labels).to.include(selector);
    const serviceLabels = manifest('service.yaml', 'Service').metadata.labels;
    const { matchLabels } = manifest('monitoring/service-monitor.yaml', 'ServiceMonitor').spec.selector;
    expect(serviceLabels).to.include(matchLabels);
    // The Job's pods go through the same network, and are neither counted nor scraped as writers.
    const migrating = job().spec.template.metadata.labels;
    expect(migrating).to.include(selectors[2]);
    for (const selector of [selectors[0], selectors[1], selectors[3]]) expect(migrating).to.not.include(selector);
  });

  it('keeps an instance while nodes are drained', () => {
    const { maxUnavailable } = manifest('disruption-budget.yaml', 'PodDisruptionBudget').spec;
    expect(deployment().spec.replicas).to.be.above(maxUnavailable);
  });

  it('scales the Deployment by the lag of the group that it is, no further than partitions and connections go', () => {
    const { scaleTargetRef, minReplicaCount, maxReplicaCount, triggers } = manifest(
      'keda/scaled-object.yaml',
      'ScaledObject',
    ).spec;
    expect(scaleTargetRef.name).to.equal(deployment().metadata.name);
    expect(minReplicaCount).to.be.at.least(1).and.at.most(maxReplicaCount);
    const { bootstrapServers, consumerGroup } = triggers[0]?.metadata ?? {};
    const { kafka, database } = readConfig({ DB_POOL_SIZE: settings().DB_POOL_SIZE });
    expect([bootstrapServers, consumerGroup]).to.deep.equal([settings().KAFKA_BROKERS, kafka.groupId]);
    const guide = readFileSync('docs/deployment.md', 'utf8');
    const partitions = Number(/dbw topics create --partitions (\d+)/.exec(guide)?.[1]);
    expect(partitions).to.be.at.least(maxReplicaCount);
    // PostgreSQL's own max_connections is 100.
    expect(maxReplicaCount * database.poolSize).to.be.below(100);
    const keys = manifest('keda/scaled-object.yaml', 'TriggerAuthentication').spec.secretTargetRef;
    for (const { name, key } of keys) expect(secrets().get(name)).to.have.property(key);
  });

  it('runs the image of this version, by its own kustomizations', () => {
    for (const of of [deployment(), job()]) expect(container(of).image).to.equal('dbw');
    for (const where of ['.', 'migrate']) {
      expect(kustomization(where).images).to.deep.equal([{ name: 'dbw', newTag: packageVersion() }]);
    }
  });

  it('leaves no manifest unused', () => {
    const files = readdirSync(KUBERNETES, { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('.yaml'),
    );
    const used = files
      .filter((name) => name.endsWith('kustomization.yaml'))
      .flatMap((name) =>
        (kustomization(dirname(name)).resources ?? []).map((resource) => join(dirname(name), resource)),
      );
    const others = files.filter((name) => !name.endsWith('kustomization.yaml') && name !== 'secrets.example.yaml');
    expect(used.sort()).to.deep.equal(others.sort());
  });
});
