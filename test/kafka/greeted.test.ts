import { expect } from 'chai';
import { call, inside, openCluster } from '../../src/kafka/inside.js';
import { testKafka } from '../support/topics.js';

describe('a broker', () => {
  it('counts as connected when it has said which requests it understands, not before', async () => {
    const brokers = inside(openCluster(testKafka()), 'brokerPool');
    await call(brokers, 'createSeedBroker');
    const broker = inside(brokers, 'seedBroker');
    try {
      await call(inside(broker, 'connectionPool'), 'getConnection');
      expect(call(broker, 'isConnected')).to.equal(false);
      await call(broker, 'connect');
      expect(call(broker, 'isConnected')).to.equal(true);
      await call(broker, 'metadata', []);
      await call(broker, 'disconnect');
      expect(call(broker, 'isConnected')).to.equal(false);
    } finally {
      await call(broker, 'disconnect');
    }
  });
});
