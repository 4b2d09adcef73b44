import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { evictAll } from './support/evict.js';
import { Place } from './support/place.js';
import { ask } from './support/port.js';
import { readRows } from './support/rows.js';
import { header, readTopic, send } from './support/topics.js';
import { until } from './support/until.js';

function user(i: number, username = 'ann') {
  const data = { userId: `u-${i}`, username, email: 'ann@example.org', role: 'subscriber' };
  const event = { eventId: `e-${i}`, eventType: 'user.created', timestamp: '2024-01-01T00:00:00Z', data };
  return { topic: 'user.created', key: `u-${i}`, value: Buffer.from(JSON.stringify(event)) };
}

describe('poison', function () {
  this.timeout(180_000);
  const places: Place[] = [];
  const place = async (types: readonly string[]): Promise<Place> => {
    const made = await Place.make(types);
    places.push(made);
    return made;
  };
  after(() => Promise.all(places.map(({ dataSource }) => dataSource.destroy())));

  const users = async (here: Place) => (await readRows(here.dataSource)).get('users')?.size ?? 0;

  it('that floods a topic opens its breaker, over a restart too; when it is over, reading goes on by itself', async () => {
    const here = await place(['user.created', 'skill.created']);
    const { dataSource } = here;
    await dataSource.query(`ALTER TABLE users ADD CONSTRAINT deployed_badly CHECK (username <> 'ann')`);
    await send(Array.from({ length: 3_000 }, (_, i) => user(i)), here.prefix); // prettier-ignore
    const first = here.consume([], { BATCH_SIZE: '100' });
    await until(() => first.output.stderr.includes('it is not read any more'), first);
    expect(first.output.stderr).to.include('database 23514 users.deployed_badly');
    expect((await ask(first, '/livez')).status).to.equal(200);
    const ready = await ask(first, '/readyz');
    expect(ready.status).to.equal(503);
    expect(ready.text).to.include(`the breaker of ${here.prefix}user.created is open`);
    expect((await ask(first, '/metrics')).text).to.include(`dbw_breaker_open{topic="${here.prefix}user.created"} 1`);

    // Other topics go on.
    const data = { skillId: 's-1', category: 'talent', name: 'Piano' };
    const skill = { eventId: 's', eventType: 'skill.created', timestamp: '2024-01-01T00:00:00Z', data };
    await send([{ topic: 'skill.created', key: 's-1', value: Buffer.from(JSON.stringify(skill)) }], here.prefix);
    await until(async () => (await readRows(dataSource)).get('skills')?.size === 1, first);
    first.child.kill('SIGTERM');
    expect((await first.ended).status).to.equal(0);
    // What was in hand when it opened is refused; the rest is not drained.
    const letters = (await readTopic(here.deadLetterTopic)).length;
    expect(letters).to.be.within(501, 501 + 300);

    // The next process knows, and tries at once: in vain.
    const second = here.consume([], { BATCH_SIZE: '100' });
    await until(() => second.output.stderr.includes('stays unread: 10 of 10'), second);
    expect((await ask(second, '/readyz')).status).to.equal(503);
    second.child.kill('SIGTERM');
    expect((await second.ended).status).to.equal(0);
    expect((await readTopic(here.deadLetterTopic)).length).to.equal(letters);

    await dataSource.query('ALTER TABLE users DROP CONSTRAINT deployed_badly');
    const third = here.consume([], { BATCH_SIZE: '100' });
    await until(async () => (await users(here)) === 3_000 - letters, third);
    expect(third.output.stderr).to.include('is read again: 10 of 10');
    await until(async () => (await ask(third, '/readyz')).status === 200, third);
    await until(() => here.isCommitted(), third);
    third.child.kill('SIGTERM');
    expect((await third.ended).status).to.equal(0);
    expect((await readTopic(here.deadLetterTopic)).length).to.equal(letters);
  });

  it('that kills the process is found and given up; what was in hand with it is written', async () => {
    const here = await place(['user.created']);
    const deadly = 17;
    await send(Array.from({ length: 60 }, (_, i) => user(i, i === deadly ? 'deadly' : 'ann')), here.prefix); // prettier-ignore
    const preload = fileURLToPath(new URL('./support/deadly.ts', import.meta.url));
    const env = { NODE_OPTIONS: `--import=tsx --import=${preload}`, MAX_RETRY_ATTEMPTS: '1' };
    let deaths = 0;
    let running = here.consume([], env);
    await until(async () => {
      if (running.child.signalCode !== null) {
        deaths++;
        await evictAll(here.groupId);
        running = here.consume([], env);
      }
      return (await users(here)) === 59 && (await here.isCommitted());
    });
    running.child.kill('SIGTERM');
    expect((await running.ended).status).to.equal(0);
    expect(deaths).to.equal(2); // among others, and alone
    const [letter, ...others] = await readTopic(here.deadLetterTopic);
    expect(others).to.deep.equal([]);
    expect(letter?.value?.toString()).to.include('"deadly"');
    expect(letter && header(letter, 'dbw.dlq.reason')).to.equal('bug');
    expect(letter && header(letter, 'dbw.dlq.code')).to.equal('process_death');
    expect(letter && header(letter, 'dbw.dlq.attempts')).to.equal('1');
    expect(await here.dataSource.query('SELECT FROM dbw.suspects')).to.deep.equal([]);
  });
});
