import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'chai';

/** Licences that let anybody use, change and sell what is under them, and ask for no more than to be named. */
const PERMISSIVE = ['MIT', 'ISC', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', '0BSD', 'BlueOak-1.0.0', 'CC0-1.0'];

interface Locked {
  readonly version: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly devOptional?: boolean;
}

/** What is installed with the package, by its path in node_modules. */
function installedWithIt(): [string, Locked][] {
  const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as { packages: Record<string, Locked> };
  return Object.entries(packages).filter(([path, { dev, devOptional }]) => path !== '' && !dev && !devOptional);
}

/** Whether one of the licences that an SPDX expression offers is permissive, or all of those that it asks for. */
function isPermissive(expression: string): boolean {
  const alternatives = expression.replace(/[()]/g, '').split(' OR ');
  return alternatives.some((all) => all.split(' AND ').every((one) => PERMISSIVE.includes(one.trim())));
}

function npm(...args: string[]): string {
  return execFileSync('npm', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
}

describe('the package', () => {
  it('depends on nothing whose licence is not permissive', () => {
    const installed = installedWithIt();
    expect(installed).to.have.lengthOf.above(100);
    const others = installed.filter(([, { license = 'none' }]) => !isPermissive(license));
    expect(others.map(([path, { license = 'none' }]) => `${path}: ${license}`)).to.deep.equal([]);
    const refused = ['GPL-3.0-only', 'MIT AND GPL-2.0-only', 'UNLICENSED'].filter(isPermissive);
    expect(refused).to.deep.equal([]);
    expect(isPermissive('(GPL-2.0-only OR MIT)')).to.equal(true);
  });

  it('has an SBOM that names all it is delivered with, with their licences', () => {
    const bill = JSON.parse(npm('sbom', '--sbom-format', 'cyclonedx', '--package-lock-only')) as {
      components: { name: string; version: string; licenses?: unknown[]; properties: { name: string }[] }[];
    };
    const delivered = bill.components.filter(
      ({ properties }) => !properties.some(({ name }) => name === 'cdx:npm:package:development'),
    );
    const named = new Set(delivered.map(({ name, version }) => `${name}@${version}`));
    const missing = installedWithIt().filter(([path, { version }]) => {
      return !named.has(`${path.slice(path.lastIndexOf('node_modules/') + 13)}@${version}`);
    });
    expect(missing.map(([path]) => path)).to.deep.equal([]);
    expect(delivered.filter(({ licenses = [] }) => licenses.length === 0)).to.deep.equal([]);
  });

  it('holds what runs, its schema, its documents and its licence, and neither sources nor tests', () => {
    const answer: unknown = JSON.parse(npm('pack', '--dry-run', '--json', '--ignore-scripts'));
    // npm 12 says it by name, older ones in a list.
    const [pack] = Object.values(answer as object) as [{ files: { path: string }[] }];
    const packed = pack.files.map(({ path }) => path);
    const top = new Set(packed.map((path) => path.split('/')[0]));
    const files = ['CHANGELOG.md', 'LICENSE', 'README.md', 'SECURITY.md', 'oclif.manifest.json', 'package.json'];
    expect([...top].sort()).to.deep.equal([...files, 'bin', 'deploy', 'dist', 'docs', 'migrations'].sort());
    expect(packed).to.include('dist/commands/consume.js');
    expect(packed).to.include.members(readdirSync('migrations').map((name) => `migrations/${name}`));
    expect(packed.filter((path) => path.startsWith('bin/'))).to.deep.equal(['bin/run.js']);
    expect(packed.filter((path) => /\.tsx?$|\.test\./.test(path))).to.deep.equal([]);
  });

  it('has documents whose links lead to what is packed with them', () => {
    const { files } = JSON.parse(readFileSync('package.json', 'utf8')) as { files: string[] };
    const packed = [...files, 'README.md', 'LICENSE', 'package.json'];
    const documents = [
      'README.md',
      'CHANGELOG.md',
      'SECURITY.md',
      ...readdirSync('docs').map((name) => `docs/${name}`),
    ];
    const strange = documents
      .filter((name) => name.endsWith('.md') && existsSync(name))
      .flatMap((document) => {
        const links = [...readFileSync(document, 'utf8').matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)];
        return links.map(([, to = '']) => join(dirname(document), to));
      })
      // What proves a guarantee is where the sources are, as docs/guarantees.md says.
      .filter((to) => !to.startsWith('test/'))
      .filter((to) => !packed.some((path) => to === path || to.startsWith(`${path}/`)));
    expect(strange).to.deep.equal([]);
  });

  it('needs no more of its engine than it says', () => {
    const { engines } = JSON.parse(readFileSync('package.json', 'utf8')) as { engines: { node: string } };
    expect(readFileSync('scripts/build.js', 'utf8')).to.include(`target: 'node${engines.node.replace('>=', '')}'`);
  });
});
