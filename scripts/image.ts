// `npm run image`: builds the image and does with it what its first user does, read-only and without any capability, on real
// servers. ENGINE names the engine and its options (default: docker); words behind -- are given to its `run`.
//
// Where no image registry can be reached, scripts/release/bases.sh makes the two images that the Dockerfile begins with. Where no
// engine answers, the image's file tree is built by the lines of the Dockerfile and started with the Node that is here.
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { trial } from './release/trial.js';
import { healthCheckOf, Tree } from './release/tree.js';
import { unique } from '../test/support/unique.js';

const USER = '65532';
const [engine = '', ...engineOptions] = (process.env.ENGINE ?? 'docker').split(' ');

async function tryImage(): Promise<void> {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  const image = `localhost/dbw:${version}`;
  const ask = (...args: string[]) => execFileSync(engine, [...engineOptions, ...args], { encoding: 'utf8' });

  const revision = execFileSync('git', ['rev-parse', 'HEAD'], { encoding: 'utf8' }).trim();
  const about = [`VERSION=${version}`, `REVISION=${revision}`, `CREATED=${new Date().toISOString()}`];
  execFileSync(
    engine,
    [...engineOptions, 'build', '--tag', image, ...about.flatMap((argument) => ['--build-arg', argument]), '.'],
    // The format of OCI has no HEALTHCHECK; podman would choose it.
    { stdio: 'inherit', env: { ...process.env, BUILDAH_FORMAT: 'docker' } },
  );

  let name = '';
  await trial({
    words(env, folder) {
      name = unique('dbw');
      const hardened = ['--read-only', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges'];
      // The servers of this machine listen on its own addresses.
      const place = ['--network', 'host', '--volume', `${folder}:${folder}:ro`];
      const settings = Object.entries(env).flatMap(([key, value]) => ['--env', `${key}=${value}`]);
      const own = ['run', '--rm', '--name', name, ...hardened, ...place, ...settings, ...process.argv.slice(2)];
      return [engine, ...engineOptions, ...own, image];
    },
    environment: () => process.env,
    whileConsuming: () => {
      const check = JSON.parse(ask('inspect', '--format', '{{json .Config.Healthcheck.Test}}', name)) as string[];
      ask('exec', name, ...check.slice(1));
      console.error('✔ HEALTHCHECK says healthy');
      const user = ask('exec', name, '/nodejs/bin/node', '-p', 'process.getuid()').trim();
      if (user !== USER) throw new Error(`it runs as user ${user}`);
      console.error(`✔ it runs as user ${USER}`);
      return Promise.resolve();
    },
  });
}

async function tryTree(): Promise<void> {
  const dockerfile = readFileSync('Dockerfile', 'utf8');
  console.error(`${engine} does not answer: the image's file tree is built by the lines of the Dockerfile, and started with Node ${process.versions.node}`); // prettier-ignore
  const tree = Tree.build(dockerfile);
  console.error('✔ the tree of the image');
  let settings: Readonly<Record<string, string>> = {};
  const environment = (env: Readonly<Record<string, string>>) => ({ NODE_ENV: 'production', ...env });
  try {
    await trial({
      words: (env) => {
        settings = env;
        return tree.words(USER);
      },
      environment,
      whileConsuming: () => {
        const [node = '', ...words] = healthCheckOf(dockerfile);
        execFileSync(node, words, { env: environment(settings) });
        console.error('✔ HEALTHCHECK says healthy');
        return Promise.resolve();
      },
    });
  } finally {
    tree.remove();
  }
  const left = ['the images that it begins with', 'a root that is read-only'];
  if (process.getuid?.() !== 0) left.push(`the user ${USER}, as only root may become another`);
  if (!tree.hasInit) left.push('tini, as it is not installed (Debian: tini)');
  console.error(`left out, as there is no engine: ${left.join('; ')}`);
}

const hasEngine = spawnSync(engine, [...engineOptions, 'version'], { stdio: 'ignore' }).status === 0;
await (hasEngine ? tryImage() : tryTree());
process.exit(0);
