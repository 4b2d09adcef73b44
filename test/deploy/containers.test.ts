import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { readConfig, SETTINGS } from '../../src/config.js';
import { healthCheckOf, stepsOf } from '../../scripts/release/tree.js';
import { HealthServer } from '../../src/health/health-server.js';
import { newborn } from '../../src/health/vitals.js';
import { composeServices, deadlineMs, deployment, packageVersion } from '../support/deployment.js';

const dockerfile = readFileSync('Dockerfile', 'utf8');

/** The words of an instruction in its JSON form, of the last stage that has it. */
function words(instruction: string): string[] {
  const [, json = '[]'] = [...dockerfile.matchAll(new RegExp(`^\\s*${instruction} (\\[.*\\])$`, 'gm'))].at(-1) ?? [];
  return JSON.parse(json) as string[];
}

describe('Dockerfile', () => {
  it('is of this version, and of a line of Node that the package allows', () => {
    expect(/^ARG VERSION=(.*)$/m.exec(dockerfile)?.[1]).to.equal(packageVersion());
    expect(Number(/^ARG NODE_VERSION=(\d+)$/m.exec(dockerfile)?.[1])).to.be.at.least(20);
  });

  it('runs as the user that Kubernetes is told, through an init, and listens on the port of dbw', () => {
    const { runAsUser, runAsGroup } = deployment().spec.template.spec.securityContext;
    expect(/^USER (.*)$/m.exec(dockerfile)?.[1]).to.equal(`${runAsUser}:${runAsGroup}`);
    expect(words('ENTRYPOINT')).to.deep.equal(['/usr/local/bin/tini', '--', '/usr/local/bin/dbw']);
    expect(words('CMD')).to.deep.equal(['consume']);
    expect(Number(/^EXPOSE (\d+)$/m.exec(dockerfile)?.[1])).to.equal(readConfig({}).port);
  });

  it('asks for its health where the settings say that it is answered', async () => {
    expect(dockerfile).to.match(/^HEALTHCHECK .*\\\n\s+CMD \["\/nodejs\/bin\/node", /m);
    const [, ...args] = healthCheckOf(dockerfile);
    const ask = (env: Readonly<Record<string, string>>) =>
      new Promise<number | null>((resolve) => {
        const child = execFile(process.execPath, args, { env });
        child.once('exit', resolve);
      });
    const told = { contentType: 'text/plain', text: () => '' };
    const views = { metrics: told, page: told };
    const here = await HealthServer.open({ host: '127.0.0.1', port: 0 }, () => newborn('0.1.0', 1), views);
    try {
      const port = { DB_WRITER_SERVICE_PORT: String(here.port) };
      expect(await ask(port)).to.equal(0);
      expect(await ask({ PORT: String(here.port) })).to.equal(0);
      expect(await ask({ ...port, DB_WRITER_SERVICE_HOST: 'localhost' })).to.equal(0);
      expect(await ask({ ...port, DB_WRITER_SERVICE_HOST: '127.0.0.2' })).to.equal(1);
      expect(await ask({ ...port, DB_WRITER_SERVICE_HOST: '::1' })).to.equal(1);
    } finally {
      await here.close();
    }
  });

  it('copies only what .dockerignore lets in, and all that is packed but documents', () => {
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.*) \S+$/gm)].flatMap(([, sources = '']) =>
      sources.split(' '),
    );
    const letIn = readFileSync('.dockerignore', 'utf8')
      .split('\n')
      .flatMap((line) => /^!(.*)$/.exec(line)?.[1] ?? []);
    expect(copied.sort()).to.deep.equal(letIn.sort());
    const { files } = JSON.parse(readFileSync('package.json', 'utf8')) as { files: string[] };
    const tree = /&& cp -R (.*) \/tree\/app\//.exec(dockerfile)?.[1]?.split(' ') ?? [];
    const packed = files.filter((name) => !/^(docs|deploy)$|\.md$/.test(name)).map((name) => name.split('/')[0]);
    expect(tree).to.include.members(packed);
  });

  it('is followed where no engine answers: all that its first stage does but what it takes from Debian', () => {
    const steps = stepsOf(dockerfile);
    const commands = steps.flatMap((step) => (step.kind === 'run' ? [step.command] : []));
    expect(commands.map((command) => command.split(' && ')[0])).to.deep.equal([
      'npm ci --ignore-scripts',
      'npm run build',
      'mkdir -p /tree/app /tree/usr/local/bin',
    ]);
    expect(commands.at(-1)).to.match(/ && cp \/usr\/bin\/tini-static \/tree\/usr\/local\/bin\/tini$/);
    expect(steps.filter(({ kind }) => kind === 'copy')).to.deep.include({
      kind: 'copy',
      sources: ['src/'],
      to: 'src/',
    });
    expect(() => stepsOf('FROM a\nADD b c\n')).to.throw('ADD');
    expect(healthCheckOf(dockerfile).slice(0, 2)).to.deep.equal([process.execPath, '-e']);
  });
});

describe('docker-compose.yml', () => {
  const { migrate, topics, consume, ...servers } = composeServices();

  it('starts only servers unless dbw is asked for: the tests use it too', () => {
    expect(Object.keys(servers)).to.deep.equal(['kafka', 'postgres', 'redis']);
    for (const server of Object.values(servers)) expect(server.profiles).to.equal(undefined);
    for (const own of [migrate, topics, consume]) expect(own?.profiles).to.deep.equal(['dbw']);
  });

  it('migrates and creates topics before it consumes', () => {
    const conditions = Object.entries(consume?.depends_on ?? {}).map(([name, { condition }]) => [name, condition]);
    expect(conditions).to.deep.include.members([
      ['migrate', 'service_completed_successfully'],
      ['topics', 'service_completed_successfully'],
    ]);
    expect(migrate?.depends_on).to.have.property('postgres');
    expect(topics?.depends_on).to.have.property('kafka');
  });

  it('gives dbw settings that it accepts, of the servers beside it', () => {
    for (const own of [migrate, topics, consume]) {
      const env = own?.environment ?? {};
      expect(SETTINGS.map(({ name }) => name)).to.include.members(Object.keys(env));
      const { database, kafka, redis } = readConfig(env);
      expect(servers).to.include.keys(database.host, redis?.host ?? '');
      const { POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_DB } = servers.postgres?.environment ?? {};
      const { username, password, database: name } = database;
      expect([username, password, name]).to.deep.equal([POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_DB]);
      const { KAFKA_ADVERTISED_LISTENERS = '', KAFKA_LISTENERS = '' } = servers.kafka?.environment ?? {};
      expect(KAFKA_ADVERTISED_LISTENERS).to.include(`://${kafka.brokers.join()}`);
      expect(KAFKA_LISTENERS).to.include(`:${kafka.brokers[0]?.split(':')[1] ?? ''},`);
    }
  });

  it('runs this version read-only, listens on 127.0.0.1 only, and waits longer for its end than it needs', () => {
    for (const own of [migrate, topics, consume]) {
      expect([own?.image, own?.read_only]).to.deep.equal([`dbw:${packageVersion()}`, true]);
    }
    for (const { ports = [] } of [...Object.values(servers), ...(consume ? [consume] : [])]) {
      for (const port of ports) expect(port).to.match(/^127\.0\.0\.1:/);
    }
    expect(consume?.ports?.[0]).to.match(new RegExp(`:${readConfig({}).port}$`));
    expect(Number.parseInt(consume?.stop_grace_period ?? '0') * 1000).to.be.at.least(deadlineMs() + 5000);
  });
});
