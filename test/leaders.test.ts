import { expect } from 'chai';
import kafkajs from 'kafkajs';
import type { DataSource } from 'typeorm';
import { committedOffsets } from '../src/kafka/topics.js';
import { dbw, startDbw, type Running } from './support/cli.js';
import { freshDatabase } from './support/database.js';
import { ownCluster, type OwnCluster } from './support/own-kafka.js';
import * as people from './support/people.js';
import { ask } from './support/port.js';
import type { Server } from './support/services/server.js';
import { testKafka, withAdmin } from './support/topics.js';
import { unique } from './support/unique.js';
import { until } from './support/until.js';

const TOPIC = 'user.created';

/** Two brokers, each the only one that has one of two partitions. The first has all else. */
describe('partitions whose broker is down', function () {
  this.timeout(300_000);
  const outside = process.env.KAFKA_BROKERS;
  const started: Running[] = [];
  let cluster: OwnCluster;
  let other: Server;
  let dataSource: DataSource;

  before(async () => {
    cluster = await ownCluster();
    process.env.KAFKA_BROKERS = cluster.brokers;
    await withAdmin((admin) => committedOffsets(admin, 'nobody', [])); // makes the topic of offsets, while there is one broker
    other = await cluster.join();
    process.env.KAFKA_BROKERS = cluster.brokers;
    await withAdmin(async (admin) => {
      await until(async () => (await admin.describeCluster()).brokers.length === 2);
      const on = (...brokers: number[]) => brokers.map((id, partition) => ({ partition, replicas: [id] }));
      const topics = [
        { topic: TOPIC, replicaAssignment: on(1, 2) },
        { topic: 'db-writer.dlq', replicaAssignment: on(1), configEntries: [{ name: 'retention.ms', value: '-1' }] },
      ];
      await admin.createTopics({ topics });
    });
    dataSource = await freshDatabase();
  });
  after(async () => {
    for (const { child } of started) child.kill('SIGKILL');
    if (outside !== undefined) process.env.KAFKA_BROKERS = outside;
    await cluster.close();
    await dataSource.destroy();
  });

  const env = (group: string) => ({ DB_DATABASE: String(dataSource.options.database), KAFKA_GROUP_ID: group });
  const consume = (group: string): Running => {
    const running = startDbw(['consume'], env(group));
    started.push(running);
    return running;
  };
  const logged = (running: Running, text: string) => until(() => running.output.stderr.includes(text), running);
  async function send(partition: number, from: number, to: number): Promise<void> {
    const { DefaultPartitioner: createPartitioner } = kafkajs.Partitioners;
    const producer = testKafka().producer({ allowAutoTopicCreation: false, createPartitioner });
    await producer.connect();
    const messages = Array.from({ length: to - from }, (_, i) => {
      const value = JSON.stringify(people.user(String(from + i), `name-${from + i}`));
      return { key: 'k', partition, value };
    });
    await producer.send({ topic: TOPIC, acks: -1, messages });
    await producer.disconnect();
  }
  async function count(): Promise<number> {
    const [row] = await dataSource.query<{ count: number }[]>('SELECT count(*)::integer AS count FROM users');
    return row?.count ?? 0;
  }
  /** How far a group is in both partitions. */
  async function positions(group: string): Promise<(number | undefined)[]> {
    const sql = 'SELECT partition, next_offset::integer AS next FROM dbw.positions WHERE group_id = $1';
    const rows = await dataSource.query<{ partition: number; next: number }[]>(sql, [group]);
    return [0, 1].map((partition) => rows.find((row) => row.partition === partition)?.next);
  }
  const are = (group: string, running: Running, ...wanted: (number | undefined)[]) =>
    until(async () => (await positions(group)).join() === wanted.join(), running);

  it('wait and are told, the others go on; when it is back all is read, and nothing is lost', async () => {
    const [group, late] = [unique('group'), unique('group')];
    await send(0, 0, 10);
    await send(1, 10, 20);
    const running = consume(group);
    await are(group, running, 10, 10);
    await send(1, 20, 25);
    await are(group, running, 10, 15);

    await other.stop('SIGKILL');
    await logged(running, 'no broker leads some partitions: they wait, the others go on');
    await send(0, 30, 40);
    await are(group, running, 20, 15);
    expect((await ask(running, '/livez')).text).to.equal('{"alive":true}');
    const ready = await ask(running, '/readyz');
    expect(ready.status).to.equal(503);
    expect(ready.text).to.include(`no broker leads ${TOPIC}:1: it waits, the others go on`);
    expect((await ask(running, '/metrics')).text).to.match(/^dbw_waiting_partitions\{why="leader"\} 1$/m);
    const health: unknown = JSON.parse((await ask(running, '/health')).text);
    expect(health).to.nested.include({ status: 'degraded', 'kafka.connected': true });

    // One that begins meanwhile, in a group that has read nothing.
    const second = consume(late);
    await are(late, second, 20, undefined);
    await logged(second, 'no broker leads some partitions');
    const lag = await dbw(['lag', '--topics', TOPIC], env(group));
    expect(lag.stdout, lag.stderr).to.include(`no broker leads ${TOPIC}:1`);
    const asked = await dbw(['health'], env(group));
    expect(asked.stdout, asked.stderr).to.include(`no broker leads ${TOPIC}:1`);
    const bounded = await dbw(['consume', '--until-caught-up'], env(group));
    expect(bounded.status, bounded.stderr).to.equal(7);
    expect(bounded.stderr).to.include(`${TOPIC}:1: no broker leads it now`);

    await other.start();
    await logged(running, 'partitions have a leader again');
    await send(1, 40, 50);
    await send(0, 50, 51);
    await are(group, running, 21, 25);
    await are(late, second, 21, 25);
    expect(await count()).to.equal(46);
    for (const one of [running, second]) {
      await until(async () => (await ask(one, '/readyz')).status === 200, one);
      one.child.kill('SIGTERM');
      const ended = await one.ended;
      expect(ended.status, ended.stderr).to.equal(0);
    }
  });
});
