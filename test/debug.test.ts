import { expect } from 'chai';
import { dbw } from './support/cli.js';

const SECRETS = { DB_PASSWORD: 'p0stgres-s3cret', KAFKA_SASL_PASSWORD: 'k4fka-s3cret', REDIS_PASSWORD: 'r3dis-s3cret' };

describe('DEBUG', function () {
  for (const DEBUG of ['*', 'ioredis*', 'dbw ioredis:redis']) {
    it(`=${DEBUG} prints no secret, of whatever library`, async () => {
      const sasl = { KAFKA_SASL_MECHANISM: 'plain', KAFKA_SASL_USERNAME: 'dbw' };
      const { stdout, stderr } = await dbw(['health'], { DEBUG, ...sasl, ...SECRETS });
      // Redis was spoken to, so its password was sent.
      expect(stdout).to.match(/Redis/);
      for (const secret of Object.values(SECRETS)) expect(stdout + stderr).not.to.contain(secret);
      if (DEBUG === '*') expect(stderr).to.contain('oclif');
    });
  }
});
