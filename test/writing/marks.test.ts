import { expect } from 'chai';
import { Redis } from 'ioredis';
import { readConfig } from '../../src/config.js';
import type { Event } from '../../src/event/decode.js';
import { Marks } from '../../src/writing/marks.js';
import { eventOf } from '../support/envelopes.js';
import { user } from '../support/people.js';
import { unique } from '../support/unique.js';
import { until } from '../support/until.js';

const TTL = 1_000;
const DATABASE = 'this one';

describe('marks in Redis', () => {
  const { redis: settings } = readConfig(process.env);
  if (!settings) throw new Error('the servers of the tests have a Redis');
  const name = unique('marker');
  let admin: Redis;
  let offset = 0;
  before(() => {
    admin = new Redis({ host: settings.host, port: settings.port });
  });
  after(async () => {
    await admin.call('ACL', 'DELUSER', name);
    admin.disconnect();
  });

  /** An event under this id, whatever it is. */
  const named = (id: string): Event => ({ ...eventOf(user(unique('u'), unique('u')), offset++), id });
  const some = () =>
    [unique('e'), 'ü' + unique('e'), '漢' + unique('e'), '🦊' + unique('e'), unique('with space ')].map(named);
  /** How often Redis did this. */
  const calls = async (command: string) =>
    Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(await admin.info('commandstats'))?.[1] ?? 0);

  /** Opens marks for a user who may have these commands. */
  async function withMarks(commands: readonly string[], work: (marks: Marks) => Promise<void>): Promise<void> {
    await admin.call('ACL', 'SETUSER', name, 'reset', 'on', '>password', '~*', ...commands);
    let isConnected = false;
    const config = { ...settings!, username: name, password: 'password' };
    const marks = Marks.open(config, TTL, (connected) => (isConnected = connected));
    await until(() => isConnected);
    try {
      await work(marks);
    } finally {
      await marks.close();
    }
  }

  const ways = [
    { title: 'by one command', commands: ['+@all'], does: 'msetex' },
    { title: 'by a script, where there is no such command', commands: ['+@all', '-msetex'], does: 'eval' },
  ];
  for (const { title, commands, does } of ways) {
    it(`are set ${title}, of any ids, and known again for their time`, async function () {
      const [info] = (await admin.call('COMMAND', 'INFO', 'msetex')) as unknown[];
      if (does === 'msetex' && !Array.isArray(info)) return this.skip(); // this Redis is older than 8.4
      await withMarks(commands, async (marks) => {
        const before = await calls(does);
        const [events, others] = [some(), some()];
        await marks.mark(events, DATABASE);
        expect(await calls(does)).to.equal(before + 1);
        expect([...(await marks.known([...events, ...others], DATABASE))]).to.deep.equal(events);
        expect([...(await marks.known(events, 'another'))]).to.deep.equal([]);
        const changed = events.map((event) => ({ ...event, hash: event.hash ^ 1 }));
        expect([...(await marks.known(changed, DATABASE))]).to.deep.equal([]);
        for (const { id } of events) expect(await admin.ttl(`processed:${id}`)).to.be.within(1, TTL);
        await marks.mark(others, DATABASE);
        expect([...(await marks.known(others, DATABASE))]).to.deep.equal(others);
      });
    });
  }
});
