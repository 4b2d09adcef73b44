// `npm run image`: builds the image and does with it what its first user does, read-only and without any capability, on real
// servers. ENGINE names the engine and its options (default: docker); words behind -- are given to its `run`.
//
// Where no image registry can be reached, scripts/release/bases.sh makes the two images that the Dockerfile begins with.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { trial } from './release/trial.js';
import { unique } from '../test/support/unique.js';

const [engine = '', ...engineOptions] = (process.env.ENGINE ?? 'docker').split(' ');
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
    if (user !== '65532') throw new Error(`it runs as user ${user}`);
    console.error('✔ it runs as user 65532');
    return Promise.resolve();
  },
});
process.exit(0);
