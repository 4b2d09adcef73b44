import { expect } from 'chai';
import type { FailureClass } from '../../src/failures/failure.js';
import { healthOf, statusOf } from '../../src/health/health.js';
import { Calm, livenessOf, newborn, readinessOf, type PartitionVitals, type Vitals } from '../../src/health/vitals.js';
import { WELL } from '../support/vitals.js';

const NOW = WELL.calmSince + 3_600_000;

function stuck(more: Partial<PartitionVitals> = {}): PartitionVitals {
  return { topic: 'user.created', partition: 3, lag: 7, seconds: 61, movedAt: NOW - 61_000, ...more };
}
function trouble(kind: FailureClass): Partial<Vitals> {
  return { trouble: { class: kind, reason: 'disk full (53100)', since: NOW - 1 } };
}

/** Each obstacle alone, and what is said of it. */
const OBSTACLES: readonly { readonly what: string; readonly vitals: Partial<Vitals>; readonly says: RegExp }[] = [
  {
    what: 'Kafka is away',
    vitals: { kafka: { connected: false, reason: 'ECONNREFUSED' } },
    says: /^Kafka is away: ECONNREFUSED/,
  },
  {
    what: 'PostgreSQL is away',
    vitals: { database: { connected: false, reason: 'timeout', activeConnections: 0, poolSize: 20 } },
    says: /^PostgreSQL is away: timeout/,
  },
  { what: 'the consumer is starting', vitals: { consumer: 'starting' }, says: /starting/ },
  { what: 'the group is joining', vitals: { consumer: 'joining' }, says: /sharing its partitions/ },
  { what: 'the consumer is stopping', vitals: { consumer: 'stopping' }, says: /stopping/ },
  { what: 'the trouble is systemic', vitals: trouble('systemic'), says: /systemic.*disk full \(53100\)/ },
  { what: 'the trouble is unknown', vitals: trouble('unknown'), says: /unknown.*53100/ },
  {
    what: 'PARK_MAX is reached',
    vitals: { parked: { waiting: 8, dead: 2, oldestMs: 5, full: true } },
    says: /PARK_MAX.*10 events/,
  },
  {
    what: 'its breaker is open',
    vitals: { breakers: [{ topic: 'user.created', since: NOW, reason: 'invalid required /data' }] },
    says: /breaker of user\.created.*invalid required/,
  },
  {
    what: 'a gap waits',
    vitals: { gaps: [{ topic: 'user.created', partition: 3, from: 5, to: 9, lost: 4 }] },
    says: /4 unread events of user\.created:3.*--accept-gap user\.created:3:9/,
  },
];

describe('what the vitals mean', () => {
  describe('whether it lives', () => {
    it('does, where every partition moves', () => {
      expect(livenessOf({ ...WELL, partitions: [stuck({ movedAt: NOW - 60_000 })] }, NOW)).to.deep.equal({
        alive: true,
      });
      expect(livenessOf({ ...WELL, partitions: [stuck({ lag: 0 })] }, NOW)).to.deep.equal({ alive: true });
    });

    it('does not, where one of many partitions has lag and has not moved for 60 s', () => {
      const others = [stuck({ partition: 0, movedAt: NOW }), stuck({ partition: 1, lag: 0 })];
      const { alive, reason } = livenessOf({ ...WELL, partitions: [...others, stuck()] }, NOW);
      expect(alive).to.equal(false);
      expect(reason).to.match(/^user\.created:3 has not moved for 61 s with 7 events/);
    });

    it('does not, where the consumer died, whatever else is ill', () => {
      for (const { vitals } of [{ vitals: {} }, ...OBSTACLES]) {
        expect(livenessOf({ ...WELL, ...vitals, consumer: 'dead' }, NOW).alive).to.equal(false);
      }
    });

    for (const { what, vitals } of OBSTACLES) {
      it(`does, though nothing moves, where ${what}`, () => {
        expect(livenessOf({ ...WELL, ...vitals, partitions: [stuck()] }, NOW).alive).to.equal(true);
      });
    }

    it('does, though nothing moves, where the trouble is transient', () => {
      const { alive, reason } = livenessOf({ ...WELL, ...trouble('transient'), partitions: [stuck()] }, NOW);
      expect(alive).to.equal(true);
      expect(reason).to.match(/53100.*restart would not help/);
    });

    it('does, where the partition is held on purpose', () => {
      expect(livenessOf({ ...WELL, partitions: [stuck({ held: 'a trial' })] }, NOW).alive).to.equal(true);
    });

    it('is not excused by the breaker or the gap of others', () => {
      const breakers = [{ topic: 'user.updated', since: NOW, reason: 'x' }];
      expect(livenessOf({ ...WELL, breakers, partitions: [stuck()] }, NOW).alive).to.equal(false);
      const gaps = [{ topic: 'user.created', partition: 1, from: 5, to: 9, lost: 4 }];
      expect(livenessOf({ ...WELL, gaps, partitions: [stuck()] }, NOW).alive).to.equal(false);
    });

    it('has 60 s to get going again after an outage', () => {
      const partitions = [stuck({ movedAt: NOW - 3_000_000 })];
      expect(livenessOf({ ...WELL, calmSince: NOW - 60_000, partitions }, NOW).alive).to.equal(true);
      expect(livenessOf({ ...WELL, calmSince: NOW - 60_001, partitions }, NOW).alive).to.equal(false);
    });

    it('is not changed by Redis, or by partitions that nobody reads', () => {
      const redis = { configured: true, connected: false };
      const unread = [{ topic: 'user.created', partition: 0 }];
      expect(livenessOf({ ...WELL, redis, unread }, NOW)).to.deep.equal({ alive: true });
      expect(livenessOf({ ...WELL, redis, unread, partitions: [stuck()] }, NOW).alive).to.equal(false);
    });
  });

  describe('when the last obstacle ended', () => {
    it('is told when one ends, not while it lasts or when its reason changes', () => {
      const calm = new Calm(1);
      const away = (reason: string): Vitals => ({ ...WELL, kafka: { connected: false, reason } });
      expect(calm.look(WELL, 2)).to.equal(1);
      expect(calm.look(away('a'), 3)).to.equal(1);
      expect(calm.look(away('b'), 4)).to.equal(1);
      expect(calm.look(WELL, 5)).to.equal(5);
      expect(calm.look(WELL, 6)).to.equal(5);
    });

    it('is told for one of two', () => {
      const calm = new Calm(1);
      const gap = (partition: number) => ({ topic: 'user.created', partition, from: 5, to: 9, lost: 4 });
      expect(calm.look({ ...WELL, gaps: [gap(1), gap(2)] }, 2)).to.equal(1);
      expect(calm.look({ ...WELL, gaps: [gap(2)] }, 3)).to.equal(3);
    });
  });

  describe('whether it is ready', () => {
    it('is, where all is well, also without Redis, and in a moment of transient trouble', () => {
      const redis = { configured: true, connected: false };
      for (const vitals of [{}, { redis }, trouble('transient')]) {
        expect(readinessOf({ ...WELL, ...vitals }, NOW)).to.deep.equal({ ready: true, reasons: [] });
      }
    });

    for (const { what, vitals, says } of OBSTACLES) {
      it(`is not, where ${what}`, () => {
        const { ready, reasons } = readinessOf({ ...WELL, ...vitals }, NOW);
        expect(ready).to.equal(false);
        expect(reasons).to.have.length(1);
        expect(reasons[0]).to.match(says);
      });
    }

    it('is not, where nobody reads a partition, or where the consumer died', () => {
      const unread = [
        { topic: 'user.created', partition: 0 },
        { topic: 'user.created', partition: 1 },
      ];
      expect(readinessOf({ ...WELL, unread }, NOW).reasons[0]).to.match(/user\.created:0 and 1 more/);
      expect(readinessOf({ ...WELL, consumer: 'dead' }, NOW)).to.deep.equal({
        ready: false,
        reasons: ['the Kafka consumer died'],
      });
    });

    it('says everything at once', () => {
      const all = OBSTACLES.reduce<Partial<Vitals>>((sum, { vitals }) => ({ ...sum, ...vitals }), {});
      expect(readinessOf({ ...WELL, ...all, consumer: 'joining' }, NOW).reasons).to.have.length(7);
    });

    it('is not at the very beginning', () => {
      expect(readinessOf(newborn('1.0.0', 20, NOW)).ready).to.equal(false);
      expect(livenessOf(newborn('1.0.0', 20, NOW), NOW).alive).to.equal(true);
    });
  });

  describe('how it is', () => {
    const status = (more: Partial<Vitals>) => healthOf({ ...WELL, ...more }).status;

    it('is healthy where all is well, and where no Redis is configured', () => {
      expect(status({})).to.equal('healthy');
      expect(status({ redis: { configured: false, connected: false } })).to.equal('healthy');
    });

    it('is degraded where Redis is away, and where some of it stands still', () => {
      expect(status({ redis: { configured: true, connected: false } })).to.equal('degraded');
      expect(status(trouble('transient'))).to.equal('degraded');
      expect(status({ unread: [{ topic: 'a', partition: 0 }] })).to.equal('degraded');
      for (const what of ['PARK_MAX is reached', 'its breaker is open', 'a gap waits']) {
        expect(status(OBSTACLES.find((obstacle) => obstacle.what === what)!.vitals), what).to.equal('degraded');
      }
    });

    it('is unhealthy where nothing is written: Kafka, PostgreSQL, the consumer, systemic trouble', () => {
      for (const what of ['Kafka is away', 'PostgreSQL is away', 'the trouble is systemic', 'the trouble is unknown']) {
        expect(status(OBSTACLES.find((obstacle) => obstacle.what === what)!.vitals), what).to.equal('unhealthy');
      }
      expect(status({ consumer: 'dead' })).to.equal('unhealthy');
    });

    it('is told in the order that readers know, then more', () => {
      const partitions = [
        stuck({ lag: 2, seconds: 1.4 }),
        stuck({ partition: 4, lag: 3, seconds: 9.6 }),
        stuck({ topic: 'user.updated', lag: 0, seconds: 0 }),
      ];
      const health = healthOf({ ...WELL, partitions, lastProcessed: new Date('2024-01-01T00:00:00Z') });
      const known =
        '{"status":"healthy","kafka":{"connected":true,"lag":5},"database":{"connected":true,"activeConnections":5,"poolSize":20},' +
        '"redis":{"connected":true},"lastProcessedEvent":"2024-01-01T00:00:00.000Z"';
      expect(JSON.stringify(health).startsWith(`${known},`)).to.equal(true);
      expect(health.lagByTopic).to.deep.equal({ 'user.created': { events: 5, seconds: 10 } });
    });

    it('names what is wrong, with its times', () => {
      const health = healthOf({
        ...WELL,
        ...trouble('systemic'),
        kafka: { connected: false, since: 0, reason: 'ECONNREFUSED' },
        redis: { configured: false, connected: false },
      });
      expect(health.kafka).to.deep.equal({ connected: false, lag: 0, error: 'ECONNREFUSED' });
      expect(health.kafkaAnsweredAt).to.equal('1970-01-01T00:00:00.000Z');
      expect(health.redis).to.deep.equal({ connected: false, configured: false });
      expect(health.lastProcessedEvent).to.equal(null);
      expect(health.trouble).to.deep.include({ class: 'systemic', reason: 'disk full (53100)' });
      expect(health.reasons).to.have.length(2);
    });

    it('of a probe depends on the servers only', () => {
      expect(statusOf({ kafka: true, database: true, redis: undefined })).to.equal('healthy');
      expect(statusOf({ kafka: true, database: true, redis: false })).to.equal('degraded');
      expect(statusOf({ kafka: false, database: true, redis: true })).to.equal('unhealthy');
      expect(statusOf({ kafka: true, database: false, redis: true })).to.equal('unhealthy');
    });
  });
});
