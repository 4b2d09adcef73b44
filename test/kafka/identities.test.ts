import { connect, createServer, type AddressInfo } from 'node:net';
import { expect } from 'chai';
import { Kafka, logLevel, type Admin } from 'kafkajs';
import { LogIdentities, logIdentities } from '../../src/kafka/identities.js';
import { decodeAnswer } from '../../src/kafka/topic-ids.js';
import { awaitLeaders } from '../../src/kafka/topics.js';
import { startServers, type Servers } from '../support/services/index.js';
import { createTopics, testKafka } from '../support/topics.js';
import { unique } from '../support/unique.js';
import { until } from '../support/until.js';

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

describe('identities', () => {
  let admin: Admin;

  before(async () => {
    admin = testKafka().admin();
    await admin.connect();
  });

  after(async () => {
    await admin.disconnect();
  });

  it('tells the cluster’s id and an id for each topic that exists, the same every time', async () => {
    const topics = [unique('known'), unique('known'), `${unique('known')}${'x'.repeat(150)}`];
    await createTopics(topics, 3);
    const identities = new LogIdentities(testKafka());
    const first = await identities.ask([...topics, unique('missing')]);
    expect(first.clusterId).to.equal((await admin.describeCluster()).clusterId);
    expect([...first.topicIds.keys()].sort()).to.deep.equal([...topics].sort());
    for (const id of first.topicIds.values()) expect(id).to.match(uuid);
    expect(new Set(first.topicIds.values())).to.have.property('size', 3);
    expect(await identities.ask(topics)).to.deep.equal(first);
    await identities.close();
    expect(await identities.ask(topics), 'after it was closed').to.deep.equal(first);
    await identities.close();
    expect(await logIdentities(testKafka(), [])).to.deep.equal({ clusterId: first.clusterId, topicIds: new Map() });
  });

  it('tells another id when a topic was deleted and made again', async () => {
    const topic = unique('again');
    await createTopics([topic], 1);
    const identities = new LogIdentities(testKafka());
    const before = (await identities.ask([topic])).topicIds.get(topic);
    expect(before).to.match(uuid);
    await admin.deleteTopics({ topics: [topic] });
    await until(async () => !(await identities.ask([topic])).topicIds.has(topic));
    await createTopics([topic], 1);
    expect((await identities.ask([topic])).topicIds.get(topic))
      .to.match(uuid)
      .and.not.to.equal(before);
    await identities.close();
  });

  it('can ask many things at once', async () => {
    const topics = Array.from({ length: 200 }, (_, i) => `${unique('none')}-${i}`);
    const identities = new LogIdentities(testKafka());
    const answers = await Promise.all([identities.ask(topics), identities.ask([]), identities.ask(topics)]);
    expect(answers.map(({ topicIds }) => topicIds.size)).to.deep.equal([0, 0, 0]);
    await identities.close();
  });

  it('makes another connection where one is silent', async () => {
    const [host = '', port = ''] = process.env.KAFKA_BROKERS!.split(':');
    let silence: () => void = () => undefined;
    const proxy = createServer((client) => {
      const broker = connect(Number(port), host);
      client.pipe(broker).pipe(client);
      silence = () => client.unpipe(broker);
      for (const socket of [client, broker]) socket.on('error', () => undefined);
      client.on('close', () => broker.destroy());
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const { port: own } = proxy.address() as AddressInfo;
    const kafka = new Kafka({ brokers: [`127.0.0.1:${own}`], logLevel: logLevel.NOTHING, retry: { retries: 1 } });
    const identities = new LogIdentities(kafka, 1_000);
    const before = await identities.ask([]);
    silence();
    const failure = await identities.ask([]).catch((error: unknown) => error);
    expect(String(failure)).to.include('Kafka did not say which topics it has');
    expect(await identities.ask([])).to.deep.equal(before);
    await identities.close();
    proxy.close();
  });

  it('says that an answer ends too early', () => {
    for (const bytes of [Buffer.alloc(0), Buffer.alloc(9), Buffer.from([0, 0, 0, 0, 0, 9, 1, 2])]) {
      expect(() => decodeAnswer(bytes)).to.throw('it ends too early');
    }
  });

  it('says what is wrong where kafkajs is built otherwise', async () => {
    const kafka = testKafka();
    const [symbol] = Object.getOwnPropertySymbols(kafka).filter((one) => one.description?.includes('createCluster'));
    Reflect.deleteProperty(kafka, symbol!);
    const failure = await new LogIdentities(kafka).ask([]).catch((error: unknown) => error);
    expect(String(failure)).to.include('kafkajs is not built as expected: createCluster is missing');
  });

  describe('with a broker that goes and comes', () => {
    let servers: Servers;

    before(async () => {
      servers = await startServers({ own: true });
    });

    after(async () => {
      await servers.stop();
    });

    it('fails clearly while it is away, in time while it hangs, and answers again afterwards', async () => {
      const { kafka: server } = servers;
      const kafka = new Kafka({
        brokers: [`${server.host}:${server.port}`],
        logLevel: logLevel.NOTHING,
        retry: { retries: 1, initialRetryTime: 50 },
      });
      const identities = new LogIdentities(kafka, 2_000);
      const topic = unique('kept');
      const own = kafka.admin();
      await own.connect();
      await own.createTopics({ waitForLeaders: false, topics: [{ topic, numPartitions: 1 }] });
      await awaitLeaders(own, [topic]);
      await own.disconnect();
      const before = await identities.ask([topic]);
      expect(before.topicIds.get(topic)).to.match(uuid);

      await server.stop('SIGKILL');
      const away = await identities.ask([topic]).catch((error: unknown) => error);
      expect(String(away)).to.include('Kafka did not say which topics it has');
      await server.start();
      expect(await identities.ask([topic])).to.deep.equal(before);

      process.kill(server.pid!, 'SIGSTOP');
      const hung = await identities.ask([topic]).catch((error: unknown) => error);
      process.kill(server.pid!, 'SIGCONT');
      expect(String(hung)).to.match(/no answer within 2 s|Request Metadata.*timed out/);
      await until(async () => {
        const answer = await identities.ask([topic]).catch(() => undefined);
        return answer?.topicIds.get(topic) === before.topicIds.get(topic);
      });
      await identities.close();
    });
  });
});
