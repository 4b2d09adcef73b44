import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';

const BIN = fileURLToPath(new URL('../bin/run.js', import.meta.url));

/** What Node says of a user that no file names; to become one takes rights that tests do not have. */
const NAMELESS = `import os from 'node:os';
import { syncBuiltinESMExports } from 'node:module';
const fail = () => { throw new Error('uv_os_get_passwd returned ENOENT'); };
os.userInfo = fail;
os.homedir = () => process.env.HOME ?? fail();
syncBuiltinESMExports();`;

describe('a user without a name, as containers have them', () => {
  for (const [what, env] of [
    ['with nothing in the environment', {}],
    ['with the home that engines tell', { HOME: '/' }],
  ] as const) {
    it(what, () => {
      const preload = `data:text/javascript,${encodeURIComponent(NAMELESS)}`;
      const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', preload, BIN, '--version'], {
        env,
        encoding: 'utf8',
      });
      expect(stderr).to.equal('');
      expect(stdout).to.match(/^dbw\/\d/);
      expect(status).to.equal(0);
    });
  }
});
