import { expect } from 'chai';
import type { Consumer } from 'kafkajs';
import { readConfig } from '../../src/config.js';
import { Reach } from '../../src/health/reach.js';
import { Source } from '../../src/kafka/source.js';
import { Positions } from '../../src/postgres/positions.js';
import { Intake } from '../../src/reading/intake.js';
import { Lag } from '../../src/reading/lag.js';
import { Offsets } from '../../src/reading/offsets.js';
import { Reading } from '../../src/reading/reading.js';
import { openServers } from '../../src/servers.js';
import { silent } from '../support/log.js';
import { Place } from '../support/place.js';
import { until } from '../support/until.js';
import { Silence } from '../../src/reading/silence.js';

describe('silence of the consumer', () => {
  it('is final after so many occasions in a row without a word, and told once', () => {
    const silence = new Silence(3);
    expect([7, 7, 7].map((heard) => silence.isFinal(heard))).to.deep.equal([false, false, false]);
    expect(silence.isFinal(7)).to.equal(true);
    expect(silence.isFinal(7)).to.equal(false);
  });

  it('is broken by any word, and is none where there is no consumer', () => {
    const silence = new Silence(2);
    expect([1, 1, 2, 2, 3, undefined, 3, 3].map((heard) => silence.isFinal(heard))).to.not.include(true);
    expect([undefined, undefined, undefined].map((heard) => silence.isFinal(heard))).to.not.include(true);
  });
});

describe('a consumer that stops without a word', () => {
  it('is noticed while Kafka answers, and counts as dead', async () => {
    const here = await Place.make(['user.created']);
    const config = readConfig({ ...process.env, ...here.env, REDIS_HOST: '' });
    const servers = await openServers(config, '0.1.0', silent);
    const crashes: string[] = [];
    const [offsets, lag, abort] = [new Offsets(), new Lag(), new AbortController()];
    const begun = { value: false };
    const reading = new Reading({
      ...{ servers, offsets, lag, log: silent, groupId: here.groupId, kafka: new Reach(), signal: abort.signal },
      intake: new Intake({ size: 10, bytes: 1_000, full: 1_000 }),
      positions: new Positions(servers.dataSource, here.groupId),
      acceptGaps: [],
      delayMs: 10,
      isOpen: () => false,
      onHeld: () => undefined,
      onBegun: () => {
        begun.value = true;
        return Promise.resolve();
      },
      onRecovered: () => Promise.resolve(),
      onRebalancing: () => undefined,
      onCrash: (error) => crashes.push(error.message),
    });
    try {
      await reading.open([`${here.prefix}user.created`]);
      await until(() => begun.value);
      const source: unknown = Reflect.get(reading, 'source');
      if (!(source instanceof Source)) throw new TypeError('nothing is read');
      for (let i = 0; i < 3; i++) {
        const { heard } = source;
        await until(() => source.heard > heard);
        await reading.watch();
      }
      const consumer = Reflect.get(source, 'consumer') as Consumer;
      await consumer.stop();
      for (let i = 0; i < 17; i++) await reading.watch();
      expect(crashes).to.deep.equal([]);
      for (let i = 0; i < 5; i++) await reading.watch();
      expect(crashes).to.have.length(1);
      expect(crashes[0]).to.contain('neither fetched nor sent a heartbeat');
    } finally {
      abort.abort();
      await reading.close();
      await servers.close();
      await here.dataSource.destroy();
    }
  });
});
