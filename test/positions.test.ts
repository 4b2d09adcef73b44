import { closeSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import kafkajs from 'kafkajs';
import { LogEnds } from '../src/kafka/log-ends.js';
import { committedOffsets } from '../src/kafka/topics.js';
import { changeSetting } from '../src/kafka/topic-settings.js';
import { registerCodecs } from '../src/kafka/codecs.js';
import { dbw, type Running } from './support/cli.js';
import { ownKafka } from './support/own-kafka.js';
import * as people from './support/people.js';
import { Place } from './support/place.js';
import { ask } from './support/port.js';
import { readRows } from './support/rows.js';
import { createTopics, deleteBefore, send, testKafka, withAdmin, type Outgoing } from './support/topics.js';
import { unique } from './support/unique.js';
import { until } from './support/until.js';

/** Users `from` to `to - 1`; with one key they are in one partition, in this order. */
function users(from: number, to: number, key?: string): Outgoing[] {
  return Array.from({ length: to - from }, (_, i) => {
    const id = String(from + i);
    const value = Buffer.from(JSON.stringify(people.user(id, `name-${id}`)));
    return { topic: 'user.created', key: key ?? id, value };
  });
}

function skill(id: string): Outgoing {
  const data = { skillId: id, category: 'talent', name: 'Piano' };
  const event = { eventId: `skill-${id}`, eventType: 'skill.created', timestamp: '2024-01-01T00:00:00Z', data };
  return { topic: 'skill.created', key: id, value: Buffer.from(JSON.stringify(event)) };
}

/** An update of somebody who never comes: it is parked. */
function orphan(id: string): Outgoing {
  const data = { userId: `nobody-${id}`, updates: {} };
  const event = { eventId: `orphan-${id}`, eventType: 'user.updated', timestamp: '2024-01-01T00:00:00Z', data };
  return { topic: 'user.updated', key: id, value: Buffer.from(JSON.stringify(event)) };
}

function logged(running: Running, text: string): Promise<void> {
  return until(() => running.output.stderr.includes(text), running);
}

async function stop(running: Running): Promise<void> {
  running.child.kill('SIGTERM');
  const ended = await running.ended;
  expect(ended.status, ended.stderr).to.equal(0);
}

/** The one partition of a topic that holds anything. */
async function filled(topic: string): Promise<{ partition: number; high: number }> {
  const ends = await LogEnds.with(testKafka(), (logEnds) => logEnds.ask([topic]));
  const [end, ...others] = ends.filter(({ high }) => high > 0);
  if (!end || others.length > 0) throw new Error(`${topic} is filled otherwise`);
  return end;
}

/** The end of a topic of which one partition is filled. */
async function endOf(topic: string): Promise<number> {
  const ends = await LogEnds.with(testKafka(), (logEnds) => logEnds.ask([topic]));
  return Math.max(...ends.map(({ high }) => high));
}

/** Changes a text where it stands first in the files that a Kafka keeps of a topic. */
function change(folder: string, topic: string, from: string, to: string): void {
  const logs = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.includes(`/${topic}-`) && name.endsWith('.log')); // prettier-ignore
  for (const log of logs) {
    const at = readFileSync(join(folder, log)).indexOf(from);
    if (at < 0) continue;
    const file = openSync(join(folder, log), 'r+');
    writeSync(file, to, at);
    closeSync(file);
    return;
  }
  throw new Error(`no ${from} among ${logs.length} files of ${topic}`);
}

async function deleteTopic(topic: string): Promise<void> {
  await withAdmin(async (admin) => {
    await admin.deleteTopics({ topics: [topic] });
    await until(async () => !(await admin.listTopics()).includes(topic));
  });
}

describe('positions', function () {
  this.timeout(180_000);
  const places: Place[] = [];
  const place = async (types: readonly string[]): Promise<Place> => {
    const made = await Place.make(types);
    places.push(made);
    return made;
  };
  const running: Running[] = [];
  const consume = (here: Place, args: readonly string[] = [], env: Readonly<Record<string, string>> = {}): Running => {
    const one = here.consume(args, env);
    running.push(one);
    return one;
  };
  afterEach(() => {
    for (const { child } of running.splice(0)) child.kill('SIGKILL');
  });
  after(() => Promise.all(places.map(({ dataSource }) => dataSource.destroy())));

  const count = async (here: Place, table = 'users') => (await readRows(here.dataSource)).get(table)?.size ?? 0;
  const has = (here: Place, rows: number, process: Running, table = 'users') =>
    until(async () => (await count(here, table)) === rows, process);
  const ready = (process: Running) => until(async () => (await ask(process, '/readyz')).status === 200, process);

  describe('events that retention deleted before they were read', () => {
    it('while it was stopped: are told with their number, and wait for --accept-gap; the others go on', async () => {
      const here = await place(['user.created', 'skill.created']);
      const topic = `${here.prefix}user.created`;
      await send(users(0, 10, 'k'), here.prefix);
      await here.catchUp();
      await send(users(10, 20, 'k'), here.prefix);
      const { partition } = await filled(topic);
      await deleteBefore(topic, partition, 15);

      const first = consume(here);
      await logged(first, `5 events of ${topic}, partition ${partition}, were deleted by retention`);
      const accept = `--accept-gap ${topic}:${partition}:15`;
      expect(first.output.stderr).to.include(accept);
      await send([skill('s')], here.prefix);
      await has(here, 1, first, 'skills');
      const readiness = await ask(first, '/readyz');
      expect(readiness.status).to.equal(503);
      expect(readiness.text).to.include(accept);
      expect((await ask(first, '/livez')).status).to.equal(200);
      expect((await ask(first, '/metrics')).text).to.match(/dbw_gap_lost_events 5\n/);
      // It goes on: the number that is told is the one that is needed.
      await deleteBefore(topic, partition, 16);
      await logged(first, `6 events of ${topic}, partition ${partition}, were deleted by retention`);
      await stop(first);
      expect(await count(here)).to.equal(10);

      const expectLost = async (args: readonly string[]) => {
        const ended = await consume(here, ['--until-caught-up', '--json', ...args]).ended;
        expect(ended.status, ended.stderr).to.equal(6);
        const { gaps } = JSON.parse(ended.stdout) as { gaps: unknown };
        expect(gaps).to.deep.equal([{ topic, partition, from: 10, to: 16, lost: 6 }]);
      };
      await expectLost([]);
      await expectLost(accept.split(' ')); // less than what is lost now
      const accepted = await consume(here, ['--until-caught-up', '--accept-gap', `${topic}:${partition}:16`]).ended;
      expect(accepted.status, accepted.stderr).to.equal(0);
      expect(await count(here)).to.equal(14);
      expect((await here.catchUp()).stderr).not.to.include('retention');
    });

    it('while it was held back: what was read and is nowhere else any more is written, the rest is told', async () => {
      const here = await place(['user.created', 'skill.created']);
      const topic = `${here.prefix}user.created`;
      await registerCodecs();
      const large = users(0, 70, 'k').map((one) => ({
        ...one,
        value: Buffer.concat([one.value ?? Buffer.of(), Buffer.alloc(900_000, ' ')]),
      }));
      const producer = testKafka().producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
      await producer.connect();
      for (const half of [large.slice(0, 35), large.slice(35)]) {
        await producer.send({
          topic,
          compression: kafkajs.CompressionTypes.GZIP,
          messages: half.map(({ key, value }) => ({ key, value })),
        });
      }
      await producer.disconnect();
      const lock = here.dataSource.createQueryRunner();
      await lock.startTransaction();
      await lock.query('SET LOCAL idle_in_transaction_session_timeout = 0');
      await lock.query('LOCK users');
      const held = consume(here);
      await until(async () => (await here.dataSource.query<unknown[]>('SELECT FROM dbw.in_hand')).length > 0, held);
      // The queue is full now.
      await send(users(70, 90, 'k'), here.prefix);
      const { partition } = await filled(topic);
      await deleteBefore(topic, partition, 80);
      await logged(held, 'the offset to read next is gone');
      await lock.rollbackTransaction();
      await lock.release();
      await logged(held, `10 events of ${topic}, partition ${partition}, were deleted by retention`);
      expect(held.output.stderr).to.include(`--accept-gap ${topic}:${partition}:80`);
      expect(await count(here)).to.equal(70);
      await send([skill('s')], here.prefix);
      await has(here, 1, held, 'skills');
      await stop(held);
      const accepted = await consume(here, ['--until-caught-up', '--accept-gap', `${topic}:${partition}:80`]).ended;
      expect(accepted.status, accepted.stderr).to.equal(0);
      expect(await count(here)).to.equal(80);
    });

    it('while it ran, and only control records are left', async () => {
      const here = await place(['user.created', 'skill.created']);
      const topic = `${here.prefix}user.created`;
      await send(users(0, 3, 'k'), here.prefix);
      const { partition } = await filled(topic);
      const frozen = consume(here);
      await until(() => here.isCommitted(), frozen);
      frozen.child.kill('SIGSTOP');
      await send(users(3, 4, 'k'), here.prefix); // a fetch may have been on its way: it takes this one
      await send(users(4, 8, 'k'), here.prefix);
      await transact(topic, users(8, 9, 'k'), 'abort');
      await until(async () => (await endOf(topic)) === 10);
      await deleteBefore(topic, partition, 8);
      frozen.child.kill('SIGCONT');
      await logged(frozen, `events of ${topic}, partition ${partition}, were deleted by retention`);
      const lost = Number(/"lost":(\d+)/.exec(frozen.output.stderr)?.[1]);
      expect(lost).to.be.within(4, 5);
      expect(lost + (await count(here))).to.equal(8);
      await stop(frozen);
    });
  });

  describe('a topic that was deleted and made again', () => {
    it('while it was stopped: all of the new one is read', async () => {
      const here = await place(['user.created']);
      const topic = `${here.prefix}user.created`;
      await send(users(0, 20, 'k'), here.prefix);
      await here.catchUp();
      await deleteTopic(topic);
      await createTopics([topic]);
      await send(users(20, 60, 'k'), here.prefix);
      const ended = await here.catchUp();
      expect(ended.stderr).to.include('the topic was deleted and made again');
      expect(await count(here)).to.equal(60);
      expect((await here.catchUp()).stderr).not.to.include('made again');
    });

    for (const [what, more] of [
      ['shorter', 5],
      ['longer', 40],
    ] as const) {
      it(`while it ran, and the new one is ${what}: all of it is read`, async () => {
        const here = await place(['user.created']);
        const topic = `${here.prefix}user.created`;
        await send(users(0, 20, 'k'), here.prefix);
        const alive = consume(here);
        await until(() => here.isCommitted(), alive);
        alive.child.kill('SIGSTOP');
        await deleteTopic(topic);
        await createTopics([topic]);
        await send(users(20, 20 + more, 'k'), here.prefix);
        alive.child.kill('SIGCONT');
        await has(here, 20 + more, alive);
        await until(() => here.isCommitted(), alive);
        await ready(alive);
        await until(async () => (await ask(alive, '/health')).text.includes('"lag":0'), alive);
        expect(alive.output.stderr).to.include('the topic was deleted and made again');
        await stop(alive);
        expect(JSON.parse((await here.catchUp()).stdout)).to.deep.include({ gaps: [] });
      });
    }

    it('while it was held back, and the new one has grown past the old position: nothing of it is skipped', async () => {
      const here = await place(['user.created', 'user.updated']);
      const topic = `${here.prefix}user.created`;
      await send(users(0, 20, 'k'), here.prefix);
      const held = consume(here, [], { PARK_MAX: '5' });
      await until(() => here.isCommitted(), held);
      await send(Array.from({ length: 10 }, (_, i) => orphan(String(i))), here.prefix); // prettier-ignore
      await logged(held, 'too many events are parked');
      await deleteTopic(topic);
      await createTopics([topic]);
      await send(users(20, 70, 'k'), here.prefix);
      await logged(held, 'the topic was deleted and made again');
      await here.dataSource.query('DELETE FROM dbw.parked_events');
      await has(here, 70, held);
      await stop(held);
    });

    it('after a while: the others go on meanwhile, also ones that come; then it is read again', async () => {
      const here = await place(['user.created', 'user.updated']);
      const topic = `${here.prefix}user.created`;
      await send(users(0, 20, 'k'), here.prefix);
      const alive = consume(here);
      await until(() => here.isCommitted(), alive);
      await deleteTopic(topic);
      await logged(alive, 'topics were deleted');
      await createTopics([`${here.prefix}skill.created`]);
      await send([orphan('1'), skill('s')], here.prefix);
      await has(here, 1, alive, 'skills');
      await until(async () => (await here.dataSource.query<unknown[]>('SELECT FROM dbw.parked_events')).length === 1);
      await ready(alive);
      await createTopics([topic]);
      await send(users(20, 70, 'k'), here.prefix);
      await has(here, 70, alive);
      await ready(alive);
      await stop(alive);
    });
  });

  it('another cluster under the same names is read from its start, and so it says', async () => {
    const here = await place(['user.created']);
    await send(users(0, 20, 'k'), here.prefix);
    await here.catchUp();
    const other = await ownKafka();
    const brokers = process.env.KAFKA_BROKERS;
    try {
      process.env.KAFKA_BROKERS = other.brokers;
      await createTopics([`${here.prefix}user.created`]);
      await send(users(20, 60, 'k'), here.prefix);
      const ended = await here.catchUp();
      expect(ended.stderr).to.include('the cluster is another one');
      expect(await count(here)).to.equal(60);
    } finally {
      process.env.KAFKA_BROKERS = brokers;
      await other.close();
    }
  });

  it('stop before a batch that a disk has changed, though what it says could be an event, and go on when it is as it was', async () => {
    const here = await place([]);
    const other = await ownKafka();
    const brokers = process.env.KAFKA_BROKERS;
    try {
      process.env.KAFKA_BROKERS = other.brokers;
      const topic = `${here.prefix}user.created`;
      await createTopics([topic]);
      await send(users(0, 5, 'k'), here.prefix);
      await here.catchUp();
      await send(users(5, 10, 'k'), here.prefix);
      await send(users(10, 15, 'k'), here.prefix);
      change(other.folder, topic, 'name-7', 'name-8');
      const { status, stderr } = await here.consume(['--until-caught-up']).ended;
      expect(status).to.equal(3);
      const { partition } = await filled(topic);
      expect(stderr).to.include(`A batch (${topic}:${partition}, offsets 5 to 9) cannot be read: its bytes are not what they should be (their checksum is another one)`); // prettier-ignore
      expect(await count(here)).to.equal(5);
      change(other.folder, topic, 'name-8', 'name-7');
      await here.catchUp();
      const [seventh] = await here.dataSource.query<unknown[]>(`SELECT username FROM users WHERE user_id = '7'`);
      expect([await count(here), seventh]).to.deep.equal([15, { username: 'name-7' }]);
    } finally {
      process.env.KAFKA_BROKERS = brokers;
      await other.close();
    }
  });

  it('a database that knows no positions is filled from the start, whatever Kafka says', async () => {
    const here = await place(['user.created']);
    await send(users(0, 20, 'k'), here.prefix);
    await here.catchUp();
    await here.dataSource.query(`${people.EMPTY}; TRUNCATE dbw.positions`);
    const ended = await here.catchUp();
    expect(ended.stderr).to.include('PostgreSQL knows no position for the committed offset');
    expect(await count(here)).to.equal(20);
  });

  it('pass committed, aborted and control records; what was aborted becomes no row', async () => {
    const here = await place(['user.created', 'skill.created']);
    const topic = `${here.prefix}user.created`;
    const alive = consume(here);
    // The markers of a transaction follow when its producer is gone.
    const isPassed = async (end: number) => {
      await until(async () => (await endOf(topic)) === end);
      await until(() => here.isCommitted(), alive);
    };
    await transact(topic, users(0, 5, 'k'), 'commit');
    await isPassed(6); // a control record is the last
    await transact(topic, users(5, 10, 'k'), 'abort');
    await isPassed(12); // nothing else came
    await send(users(10, 12, 'k'), here.prefix);
    await transact(topic, users(12, 15, 'k'), 'abort');
    await isPassed(18);
    await until(async () => (await ask(alive, '/health')).text.includes('"lag":0'), alive);
    expect(await count(here)).to.equal(7);
    await stop(alive);
    await here.dataSource.query(`${people.EMPTY}; TRUNCATE dbw.positions`);
    await here.catchUp({ KAFKA_GROUP_ID: unique('group') });
    expect(await count(here)).to.equal(7);
  });

  it('end before a transaction that is open: that is no lag, is told, and is not waited for; its end lets them go on', async () => {
    const here = await place(['user.created']);
    const topic = `${here.prefix}user.created`;
    await send(users(0, 5, 'k'), here.prefix);
    const open = await openTransaction(topic, users(5, 8, 'k'));
    await send(users(8, 10, 'k'), here.prefix);
    const alive = consume(here);
    await has(here, 5, alive);
    const metric = async (name: string) =>
      new RegExp(`^${name}\\{topic="${topic}"\\} (\\d+)$`, 'm').exec((await ask(alive, '/metrics')).text)?.[1];
    await until(async () => (await metric('dbw_unstable_events')) === '5', alive);
    await until(() => here.isCommitted(), alive);
    expect(await metric('dbw_lag_events')).to.equal('0');
    const health: unknown = JSON.parse((await ask(alive, '/health')).text);
    expect(health).to.nested.include({ 'kafka.lag': 0, unstableEvents: 5, status: 'healthy' });
    expect((await ask(alive, '/livez')).text).to.equal('{"alive":true}');

    const lag = await dbw(['lag', '--topics', 'user.created'], here.env);
    expect(lag.stdout).to.match(/user\.created +2 +0 +- +5 more behind an open transaction/);
    const bounded = await here.catchUp({ KAFKA_GROUP_ID: unique('group') });
    expect(bounded.stderr).to.include('transactions of producers are still open');
    expect(await count(here)).to.equal(5);

    await open.commit();
    await has(here, 10, alive);
    await until(async () => (await metric('dbw_unstable_events')) === '0', alive);
    await until(() => here.isCommitted(), alive);
    await stop(alive);
    expect((await here.catchUp()).stderr).not.to.include('transactions of producers');
  });

  it('reach the ends of topics in every codec', async () => {
    const here = await place([]);
    const codecs = [
      ['user.created', 'gzip'],
      ['user.updated', 'snappy'],
      ['skill.created', 'lz4'],
      ['skill.updated', 'zstd'],
    ] as const;
    for (const [type, codec] of codecs) await createTopics([here.prefix + type], 1, { 'compression.type': codec });
    const change = (id: string, eventType: string, data: unknown): Outgoing => {
      const event = { eventId: `change-${id}`, eventType, timestamp: '2024-01-02T00:00:00Z', data };
      return { topic: eventType, key: id, value: Buffer.from(JSON.stringify(event)) };
    };
    await send(
      [
        ...users(0, 50),
        skill('s'),
        change('u', 'user.updated', { userId: '1', updates: { city: 'Taipei' } }),
        change('s', 'skill.updated', { skillId: 's', updates: { name: 'Violin' } }),
      ],
      here.prefix,
    );
    await here.catchUp();
    const names: unknown = await here.dataSource.query(
      "SELECT city AS name FROM users WHERE user_id = '1' UNION ALL SELECT name FROM skills",
    );
    expect(names).to.deep.equal([{ name: 'Taipei' }, { name: 'Violin' }]);
    expect(await count(here)).to.equal(50);
  });

  it('stop before a batch that cannot be read: its partition waits, all others go on; without its records, a gap is told', async () => {
    const here = await place([]);
    const topic = `${here.prefix}user.created`;
    await createTopics([topic], 2, { 'max.message.bytes': '1100000' });
    await createTopics([`${here.prefix}skill.created`], 1);
    await send(users(0, 10, 'k'), here.prefix);
    const alive = consume(here);
    await has(here, 10, alive);
    await until(() => here.isCommitted(), alive);
    const { partition } = await filled(topic);
    await sendUnreadable(topic, partition);
    const producer = testKafka().producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
    await producer.connect();
    const elsewhere = users(20, 30).map(({ key, value }) => ({ key, value, partition: 1 - partition }));
    await producer.send({ topic, messages: elsewhere });
    await producer.disconnect();
    await send([...users(10, 15, 'k'), skill('s')], here.prefix); // behind it, and in another topic

    const why = `A batch compressed with gzip (${topic}:${partition}, offsets 10 to 79) cannot be read: it holds more than 64 MiB`;
    await logged(alive, `a partition waits, the others go on: ${why}`);
    await has(here, 20, alive);
    await has(here, 1, alive, 'skills');
    await until(async () => (await here.passed()) === 10 + 10 + 1, alive);
    expect((await ask(alive, '/livez')).text).to.equal('{"alive":true}');
    const ready = await ask(alive, '/readyz');
    expect(ready.status).to.equal(503);
    expect(ready.text).to.include(why);
    expect((await ask(alive, '/metrics')).text).to.match(/^dbw_waiting_partitions\{why="unreadable"\} 1$/m);
    expect((await ask(alive, '/health')).text).to.include('"status":"degraded"');
    await stop(alive);
    expect(alive.output.stderr.split(why)).to.have.lengthOf(2); // once

    const bounded = await here.consume(['--until-caught-up']).ended;
    expect(bounded.status).to.equal(3);
    expect(bounded.stderr).to.include(why);
    expect(await here.passed()).to.equal(10 + 10 + 1);

    const next = consume(here);
    await logged(next, why);
    await deleteBefore(topic, partition, 80);
    await logged(
      next,
      `70 events of ${topic}, partition ${partition}, were deleted by retention before they were read`,
    );
    await stop(next);
    const accepting = consume(here, ['--accept-gap', `${topic}:${partition}:80`]);
    await has(here, 25, accepting);
    await until(() => here.isCommitted(), accepting);
    await stop(accepting);
  });

  it('of a bounded run reach a batch that cannot be read, whatever was read with it', async () => {
    const here = await place([]);
    const topic = `${here.prefix}user.created`;
    await createTopics([topic], 1, { 'max.message.bytes': '1100000' });
    await send(users(0, 500, 'k'), here.prefix);
    await sendUnreadable(topic, 0);
    const bounded = await consume(here, ['--until-caught-up'], { BATCH_SIZE: '1', DBW_WRITERS: '1' }).ended;
    expect(bounded.status, bounded.stderr).to.equal(3);
    expect(bounded.stderr).to.include(`${topic}:0, offsets 500 to 569`);
    expect(await count(here)).to.equal(500);
    expect(await here.passed()).to.equal(500);
  });

  it('of members with different topics cover all; what nobody reads is told; added partitions are read', async () => {
    const here = await place(['user.created', 'skill.created', 'user.updated']);
    const one = consume(here, ['--topics', 'user.created']);
    const other = consume(here, ['--topics', 'skill.created']);
    await send([...users(0, 20), skill('s')], here.prefix);
    await has(here, 20, one);
    await has(here, 1, other, 'skills');
    const unread = async (process: Running) => /^dbw_unread_partitions (\d+)$/m.exec((await ask(process, '/metrics')).text)?.[1]; // prettier-ignore
    for (const process of [one, other]) {
      await until(async () => (await unread(process)) === '2', process);
      const readiness = await ask(process, '/readyz');
      expect(readiness.status).to.equal(503);
      expect(readiness.text).to.include(`no member of the group reads ${here.prefix}user.updated:0 and 1 more`);
    }
    const all = consume(here);
    await Promise.all([one, other, all].map(ready));
    await withAdmin((admin) => admin.createPartitions({ topicPartitions: [{ topic: `${here.prefix}user.created`, count: 6 }] })); // prettier-ignore
    await send(users(20, 60), here.prefix);
    await has(here, 60, one);
    await until(() => here.isCommitted(), one);
    await Promise.all([one, other, all].map(stop));
  });

  it('of a compacted topic that appears are told to be missing, and the others go on', async () => {
    const here = await place(['user.created']);
    const alive = consume(here);
    await logged(alive, 'partitions assigned');
    await createTopics([`${here.prefix}skill.created`], 1, { 'cleanup.policy': 'compact' });
    await send([skill('s')], here.prefix);
    await logged(alive, 'a new topic is not read: 1 source topic is compacted');
    await send(users(0, 10), here.prefix);
    await has(here, 10, alive);
    await until(async () => (await ask(alive, '/readyz')).text.includes(`reads ${here.prefix}skill.created:0`), alive);
    expect(await count(here, 'skills')).to.equal(0);
    await withAdmin((admin) => changeSetting(admin, `${here.prefix}skill.created`, 'cleanup.policy', 'delete'));
    await has(here, 1, alive, 'skills');
    await ready(alive);
    await stop(alive);
  });

  it('do not go back over rebalances; what Kafka says goes back by no more than what was in hand', async () => {
    const here = await place(['user.created']);
    const [batch, writers] = [20, 2];
    const env = { BATCH_SIZE: String(batch), DBW_WRITERS: String(writers) };
    const highest = { kafka: new Map<string, number>(), postgres: new Map<string, number>() };
    const backwards = { kafka: 0, postgres: 0 };
    const see = (where: 'kafka' | 'postgres', name: string, at: number) => {
      const before = highest[where].get(name) ?? 0;
      backwards[where] = Math.max(backwards[where], before - at);
      highest[where].set(name, Math.max(before, at));
    };
    const look = async () => {
      const commits = await withAdmin((admin) => committedOffsets(admin, here.groupId, [`${here.prefix}user.created`]));
      const stored: { partition: number; next: number }[] = await here.dataSource.query(
        'SELECT partition, next_offset::integer AS next FROM dbw.positions',
      );
      for (const { partition, offset } of commits) {
        see('kafka', String(partition), offset);
        // Asked later, and never behind.
        expect(stored.find((at) => at.partition === partition)?.next ?? 0).to.be.at.least(offset);
      }
      for (const { partition, next } of stored) see('postgres', String(partition), next);
    };
    await send(users(0, 3_000), here.prefix);
    const first = consume(here, [], env);
    await until(async () => (await look(), await count(here)) > 200, first);
    const second = consume(here, [], env);
    await logged(second, 'partitions assigned');
    await send(users(3_000, 6_000), here.prefix);
    await until(async () => (await look(), await count(here)) > 3_200, second);
    const left = stop(first);
    await until(async () => (await look(), await here.isCommitted()), second);
    await left;
    await stop(second);
    expect(await count(here)).to.equal(6_000);
    expect(backwards.postgres).to.equal(0);
    expect(backwards.kafka).to.be.at.most(batch * writers);
  });
});

/** A batch of 70 records that holds more than may be unpacked. */
async function sendUnreadable(topic: string, partition: number): Promise<void> {
  await registerCodecs();
  const producer = testKafka().producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
  await producer.connect();
  const messages = Array.from({ length: 70 }, () => ({ key: 'k', partition, value: Buffer.alloc(1_000_000, ' ') }));
  await producer.send({ topic, compression: kafkajs.CompressionTypes.GZIP, messages });
  await producer.disconnect();
}

/** A transaction with these messages, which is open. */
async function openTransaction(
  topic: string,
  messages: readonly Outgoing[],
): Promise<Readonly<Record<'commit' | 'abort', () => Promise<void>>>> {
  const producer = testKafka().producer({
    transactionalId: unique('transaction'),
    idempotent: true,
    maxInFlightRequests: 1,
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
  });
  await producer.connect();
  const transaction = await producer.transaction();
  await transaction.send({ topic, messages: messages.map(({ key, value }) => ({ key, value })) });
  const end = (how: 'commit' | 'abort') => () => transaction[how]().finally(() => producer.disconnect());
  return { commit: end('commit'), abort: end('abort') };
}

/** A transaction with these messages, that is committed or aborted. */
async function transact(topic: string, messages: readonly Outgoing[], end: 'commit' | 'abort'): Promise<void> {
  const open = await openTransaction(topic, messages);
  await open[end]();
}
