import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { readConfig, SETTINGS } from '../../src/config.js';
import { EXIT } from '../../src/errors.js';
import { deadlineMs, envFile } from '../support/deployment.js';

/** The values of a directive, in their order. */
function directives(unit: string, name: string): string[] {
  const text = readFileSync(`deploy/systemd/${unit}`, 'utf8');
  return [...text.matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))].map(([, value = '']) => value);
}

describe('deploy/systemd', () => {
  for (const [unit, file, command] of [
    ['dbw.service', 'dbw.env', 'consume'],
    ['dbw-migrate.service', 'migrate.env', 'migrate'],
  ] as const) {
    it(`${unit} gives dbw settings that it accepts, and each secret as a credential`, () => {
      const folder = mkdtempSync(join(tmpdir(), 'dbw-credentials-'));
      try {
        expect(directives(unit, 'ExecStart')).to.deep.equal([`/usr/local/bin/dbw ${command}`]);
        expect(directives(unit, 'EnvironmentFile')).to.deep.equal([`/etc/dbw/${file}`]);
        const loaded = directives(unit, 'LoadCredential').map((value) => value.split(':'));
        for (const [name = '', from] of loaded) {
          expect(from).to.match(/^\/etc\/dbw\/secrets\//);
          writeFileSync(join(folder, name), 'a secret\n');
        }
        const own = directives(unit, 'Environment').map((value) => value.replace('%d', folder).split('='));
        const files = own.filter(([name = '']) => name.endsWith('_FILE'));
        expect(files.map(([, path]) => path).sort()).to.deep.equal(
          loaded.map(([name = '']) => join(folder, name)).sort(),
        );
        const env = { ...envFile(`deploy/systemd/${file}`), ...(Object.fromEntries(files) as Record<string, string>) };
        const known = SETTINGS.flatMap(({ name, secret }) => (secret ? [`${name}_FILE`] : [name]));
        expect(known).to.include.members(Object.keys(env));
        expect(readConfig(env).database.password).to.equal('a secret');
      } finally {
        rmSync(folder, { recursive: true });
      }
    });

    it(`${unit} may change nothing on its machine, and machine code can still be made`, () => {
      const yes = [
        'DynamicUser',
        'NoNewPrivileges',
        'PrivateDevices',
        'PrivateTmp',
        'ProtectHome',
        'RemoveIPC',
        'ProtectKernelModules',
      ];
      for (const name of yes) expect(directives(unit, name), name).to.deep.equal(['yes']);
      expect(directives(unit, 'ProtectSystem')).to.deep.equal(['strict']);
      expect(directives(unit, 'CapabilityBoundingSet')).to.deep.equal(['']);
      expect(directives(unit, 'AmbientCapabilities')).to.deep.equal(['']);
      expect(directives(unit, 'MemoryDenyWriteExecute')).to.deep.equal([]);
    });

    it(`${unit} leaves no copy of its memory on the disk`, () => {
      expect(directives(unit, 'LimitCORE')).to.deep.equal(['0']);
    });
  }

  it('shuts both units in alike', () => {
    const shutIn = (unit: string) => {
      const text = readFileSync(`deploy/systemd/${unit}`, 'utf8');
      const names = /^(Dynamic|UMask|Limit|Protect|Private|Proc|NoNew|Restrict|Lock|Remove|Capab|Ambient|SystemCall)/;
      return text.split('\n').filter((line) => names.test(line) && !line.startsWith('RestartPrevent'));
    };
    expect(shutIn('dbw-migrate.service')).to.deep.equal(shutIn('dbw.service'));
  });

  it('dbw.service starts it again for ever, but not with settings that are wrong', () => {
    expect(directives('dbw.service', 'Restart')).to.deep.equal(['always']);
    expect(directives('dbw.service', 'StartLimitIntervalSec')).to.deep.equal(['0']);
    expect(directives('dbw.service', 'RestartPreventExitStatus')).to.deep.equal([String(EXIT.usage)]);
    expect(Number(directives('dbw.service', 'TimeoutStopSec')[0]) * 1000).to.be.at.least(deadlineMs() + 5000);
  });
});
