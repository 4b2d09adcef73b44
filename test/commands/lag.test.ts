import { once } from 'node:events';
import { expect } from 'chai';
import type { LagResult } from '../../src/commands/lag.js';
import { readConfig } from '../../src/config.js';
import { GroupLag, type LagReport } from '../../src/reading/group-lag.js';
import { lagTable } from '../../src/reading/lag-table.js';
import { exampleOf } from '../../src/event/describe.js';
import { registry } from '../../src/handlers/index.js';
import { ratesOf } from '../../src/reading/lag-rates.js';
import { dbw, startDbw, type Ended } from '../support/cli.js';
import { Place } from '../support/place.js';
import { createTopics, deleteBefore, testKafka } from '../support/topics.js';
import { until } from '../support/until.js';

const HOUR = 3_600_000;
const TYPE = 'user.created';

function reportIn({ stdout, stderr }: Ended): LagResult {
  expect(stdout, stderr).not.to.equal('');
  return JSON.parse(stdout) as LagResult;
}

describe('dbw lag', () => {
  let place: Place;
  const topic = () => place.prefix + TYPE;

  /** Sends events of a new user each to one partition, made at this time. */
  async function produce(partition: number, count: number, time: number): Promise<void> {
    const producer = testKafka().producer({ allowAutoTopicCreation: false });
    await producer.connect();
    const example = exampleOf(registry.get(TYPE)!);
    const data = example.data as Record<string, unknown>;
    const messages = Array.from({ length: count }, (_, i) => {
      const id = `${time}-${partition}-${i}`;
      const value = JSON.stringify({
        ...example,
        eventId: id,
        data: { ...data, userId: id, email: `${id}@example.com` },
      });
      return { key: id, value, partition, timestamp: String(time) };
    });
    await producer.send({ topic: topic(), acks: -1, messages });
    await producer.disconnect();
  }

  /** Asks within this process, which is quicker. */
  async function ask(): Promise<LagReport> {
    const lag = await GroupLag.open(readConfig({ ...process.env, ...place.env }), [TYPE]);
    try {
      return await lag.ask(new AbortController().signal);
    } finally {
      await lag.close();
    }
  }

  const lag = (args: readonly string[] = [], env: Readonly<Record<string, string>> = {}) =>
    dbw(['lag', '--topics', TYPE, ...args], { ...place.env, ...env });

  before(async () => {
    place = await Place.make([]);
    await createTopics([topic()], 2);
    await produce(0, 5, Date.now() - 2 * HOUR);
    await produce(1, 3, Date.now() - HOUR);
  });
  after(() => place.dataSource.destroy());

  it('of a group that has read nothing: everything, by the age of the first', async () => {
    const report = reportIn(await lag(['--json']));
    expect(report.group).to.equal(place.groupId);
    expect(report.total).to.include({ events: 8, lost: 0, uncommitted: 2, partitions: 2 });
    expect(
      report.partitions.map(({ partition, events, committed, end }) => [partition, events, committed, end]),
    ).to.deep.equal([
      [0, 5, null, 5],
      [1, 3, null, 3],
    ]);
    expect(report.partitions[0]!.seconds).to.be.within(7200, 7900);
    expect(report.partitions[1]!.seconds).to.be.within(3600, 4300);
    expect(report.total.seconds).to.equal(report.partitions[0]!.seconds);
    expect(report.notes).to.deep.equal([]);
    const { stdout } = await lag();
    expect(stdout).to.match(
      /^topic +partitions +lag +oldest\n\S+user\.created +2 +8 +2 h \d+ min +2 of 2 partitions never read\nall +2 +8 /,
    );
  });

  it('of one that is caught up: none, and afterwards what came since', async () => {
    await place.catchUp();
    const report = await ask();
    expect(report.total).to.deep.equal({ partitions: 2, events: 0, seconds: 0, unstable: 0, lost: 0, uncommitted: 0 });
    await produce(1, 2, Date.now() - HOUR / 2);
    const later = await ask();
    expect(later.partitions[0]).to.include({
      partition: 1,
      committed: 3,
      position: 3,
      end: 5,
      events: 2,
      finding: null,
    });
    expect(later.partitions[0]!.seconds).to.be.within(1800, 2500);
    expect(lagTable(await ask(), 'partition')).to.match(
      /user\.created:1 +3 +5 +2 +\d+ min.*\n\S+user\.created:0 +5 +5 +0 +-\n/,
    );
  });

  it('tells where PostgreSQL is behind Kafka: from there reading will go on', async () => {
    await place.dataSource.query('UPDATE dbw.positions SET next_offset = 1 WHERE topic = $1 AND partition = 0', [
      topic(),
    ]);
    const report = await ask();
    const found = report.partitions.find(({ partition }) => partition === 0);
    expect(found).to.include({ committed: 5, position: 1, events: 4, finding: 'behind' });
    expect(lagTable(await ask(), 'partition')).to.match(
      /user\.created:0 +5 +1 +5 +4 .*PostgreSQL is behind the committed offset/,
    );
    await place.dataSource.query('UPDATE dbw.positions SET next_offset = 5 WHERE topic = $1 AND partition = 0', [
      topic(),
    ]);
  });

  it('without PostgreSQL: what Kafka knows, and a note; without Kafka: status 7', async () => {
    const [ended, refused] = await Promise.all([
      lag(['--json'], { DB_PORT: '1' }),
      lag([], { KAFKA_BROKERS: '127.0.0.1:1' }),
    ]);
    const report = reportIn(ended);
    expect(report.total.events).to.equal(2);
    expect(report.notes.join()).to.match(/positions in PostgreSQL are not known.*DB_PORT/);
    expect(ended.status).to.equal(0);
    expect(refused.stderr).to.match(/Kafka at 127.0.0.1:1 does not answer/);
    expect(refused.status).to.equal(7);
  });

  it('names the topics that are not there, and refuses types that do not exist', async () => {
    const [ended, refused] = await Promise.all([
      dbw(['lag', '--topics', `${TYPE},user.blocked`], place.env),
      dbw(['lag', '--topics', 'user.craeted'], place.env),
    ]);
    expect(ended.stdout).to.contain(`Not there: ${place.prefix}user.blocked. To create them: dbw topics create`);
    expect(refused.status).to.equal(2);
  });

  it('--watch: a line each time with the pace, until Ctrl-C, which is no failure', async () => {
    const running = startDbw(['lag', '--watch', '--json', '--topics', TYPE], place.env);
    const lines = () => running.output.stdout.split('\n').filter((line) => line !== '');
    await until(() => lines().length >= 1, running);
    await produce(0, 4, Date.now());
    await until(() => lines().some((line) => line.includes('"rates":{') && line.includes('"events":6')), running);
    running.child.kill('SIGINT');
    const ended = await running.ended;
    expect(ended.status, ended.stderr).to.equal(0);
    const reports = lines().map((line) => JSON.parse(line) as LagReport & { rates: { inPerSecond: number } | null });
    expect(reports[0]!.rates).to.equal(null);
    expect(reports.some(({ rates }) => (rates?.inPerSecond ?? 0) > 0)).to.equal(true);
  });

  it('--watch ends when nobody reads it any more', async () => {
    const running = startDbw(['lag', '--watch', '--topics', TYPE], place.env);
    await until(() => running.output.stdout.includes('\n'), running);
    expect(running.output.stdout).to.match(/^\S+Z {2}lag \d+ {2}oldest \d+ /);
    running.child.stdout!.destroy();
    const [status] = (await once(running.child, 'exit')) as [number | null];
    expect(status).to.equal(0);
  });

  it('tells what retention deleted before it was read', async () => {
    await deleteBefore(topic(), 0, 7);
    const report = await ask();
    const found = report.partitions.find(({ partition }) => partition === 0);
    expect(found).to.include({ committed: 5, start: 7, end: 9, events: 2, lost: 2 });
    expect(report.total.lost).to.equal(2);
    expect(lagTable(await ask(), 'topic')).to.contain('2 lost to retention');
    expect(lagTable(await ask(), 'partition')).to.contain(`--accept-gap ${topic()}:0:7`);
  });
});

describe('the pace of a lag', () => {
  const at = (time: string, end: number, events: number): LagReport => ({
    at: time,
    group: 'g',
    total: { partitions: 1, events, seconds: 0, unstable: 0, lost: 0, uncommitted: 0 },
    topics: [],
    partitions: [
      {
        topic: 't',
        partition: 0,
        committed: 0,
        position: 0,
        start: 0,
        end,
        events,
        seconds: 0,
        unstable: 0,
        lost: 0,
        finding: null,
      },
    ],
    missingTopics: [],
    notes: [],
  });
  const [first, later] = ['2024-01-01T00:00:00.000Z', '2024-01-01T00:00:02.000Z'];

  it('is what came and what went in a second, and how long it will take at that', () => {
    expect(ratesOf(at(first, 100, 50), at(later, 120, 30))).to.deep.equal({
      inPerSecond: 10,
      outPerSecond: 20,
      secondsLeft: 3,
    });
  });

  it('never ends where as much comes as goes, and has ended without lag', () => {
    expect(ratesOf(at(first, 100, 50), at(later, 120, 50))?.secondsLeft).to.equal(null);
    expect(ratesOf(at(first, 100, 50), at(later, 120, 0))?.secondsLeft).to.equal(0);
  });

  it('is unknown without time between', () => {
    expect(ratesOf(at(first, 1, 1), at(first, 2, 1))).to.equal(undefined);
  });
});
