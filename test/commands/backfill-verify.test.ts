import { expect } from 'chai';
import type { VerifySummary } from '../../src/commands/backfill/verify.js';
import { dbw } from '../support/cli.js';
import { generate } from '../support/generator/index.js';
import { Place } from '../support/place.js';

describe('dbw backfill verify', function () {
  this.timeout(180_000);
  let place: Place;
  after(() => place.dataSource.destroy());

  it('lists what is missing, tells what is refused and what waits apart, and writes nothing', async () => {
    place = await Place.make();
    const messages = generate({ seed: 11, events: 200, poison: 0.01 });
    await place.send(messages);
    const all = [...new Set(messages.map(({ topic }) => topic))].flatMap((topic) => ['--topic', topic]);
    const env = { ...place.env, LOG_LEVEL: 'warn' };
    const verify = async (status: number): Promise<VerifySummary> => {
      const ended = await dbw(['backfill', 'verify', ...all, '--json'], env);
      expect(ended.status, ended.stderr).to.equal(status);
      return JSON.parse(ended.stdout) as VerifySummary;
    };
    expect((await dbw(['backfill', ...all, '--yes'], env)).status).to.equal(3);
    const state = await place.state();
    const whole = await verify(0);
    const count = (fate: string) => messages.filter(({ expect: one }) => one === fate).length;
    expect(whole.counts).to.deep.include({ read: messages.length, missing: 0, refused: count('refuse'), lost: 0 });
    expect(whole.counts.parked).to.be.at.least(count('wait'));
    expect(await place.state()).to.deep.equal(state);

    await place.dataSource.query("UPDATE users SET email = 'wrong'");
    await place.dataSource.query('UPDATE posts SET like_count = like_count + 1');
    const { counts, missing, counters } = await verify(3);
    expect(counts.missing).to.be.greaterThan(0);
    const places = new Set(missing.map(({ eventType, what, table, column }) => [eventType, what, table, column].join(' '))); // prettier-ignore
    expect([...places]).to.deep.equal(['user.created other value users email']);
    expect(counters.map(({ table, column }) => `${table}.${column}`)).to.deep.equal(['posts.like_count']);
    const shown = await dbw(['backfill', 'verify', ...all], env);
    expect(shown.status).to.equal(3);
    expect(shown.stdout)
      .to.match(/missing {2}/)
      .and.not.to.contain('wrong@');
  });
});
