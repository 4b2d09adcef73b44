import { expect } from 'chai';
import type { Reason } from '../../src/event/decode.js';
import { Distribution, quantile } from '../../src/health/distribution.js';
import { Metrics } from '../../src/health/metrics.js';
import { Keys } from '../../src/tables/resolve.js';
import type { Written } from '../../src/writing/written.js';
import { Tally } from '../../src/health/tally.js';
import { users } from '../../src/handlers/users.js';
import type { Vitals } from '../../src/health/vitals.js';
import { envelope, eventOf } from '../support/envelopes.js';
import { WELL } from '../support/vitals.js';

const TYPES = ['user.created', 'user.updated'];
const NOW = Date.UTC(2024, 0, 1);

/** An event whose record is so many milliseconds old. */
function event(type: string, age = 0) {
  const data =
    type === 'user.created'
      ? { userId: 'ann', username: 'u', email: 'e', role: 'creator' }
      : { userId: 'ann', updates: { bio: 'x' } };
  const made = eventOf(envelope(type, data));
  return { ...made, message: { ...made.message, topic: `staging.${type}`, timestamp: NOW - age } };
}
function written(more: Partial<Written>): Written {
  return { applied: [], duplicates: [], collisions: [], waiting: [], created: new Keys(), ties: 0, ...more };
}
function refused(topic: string, reason: Reason) {
  return { message: { topic }, refusal: { reason, code: 'c', path: '', message: 'm' } };
}
/** Samples by name and labels as they stand in the text. */
async function scrape(tally: Tally, vitals: Partial<Vitals> = {}): Promise<Map<string, number>> {
  const text = await new Metrics(tally, () => ({ ...WELL, ...vitals }), '1.2.3').text();
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  );
}

describe('the tally', () => {
  it('counts each event once, by the type that its topic carries', () => {
    const tally = new Tally(TYPES, 'staging.');
    const waiting = [{ event: event('user.updated'), need: { table: users, key: 'ann' } }];
    const duplicates = [event('user.created'), event('user.created')];
    tally.written(written({ applied: [event('user.created'), event('user.updated')], duplicates, ties: 2 }), NOW);
    tally.written(written({ waiting, collisions: [event('user.created')] }), NOW + 1);
    tally.refused([refused('staging.user.updated', 'invalid'), refused('user.updated', 'bug')]);
    tally.tombstone('staging.user.created');
    expect(Object.fromEntries(tally.byType)).to.deep.equal({
      'user.created': { applied: 1, duplicate: 2, collision: 1, parked: 0, dead_letter: 0, tombstone: 1 },
      'user.updated': { applied: 1, duplicate: 0, collision: 0, parked: 1, dead_letter: 1, tombstone: 0 },
      other: { applied: 0, duplicate: 0, collision: 0, parked: 0, dead_letter: 1, tombstone: 0 },
    });
    expect(tally.byOutcome).to.deep.equal({
      applied: 2,
      duplicate: 2,
      collision: 1,
      parked: 1,
      dead_letter: 2,
      tombstone: 1,
    });
    expect(Object.fromEntries(tally.deadLettersByReason)).to.deep.equal({ invalid: 1, bug: 1 });
    expect(tally).to.include({ ties: 2 });
    expect(tally.lastProcessed).to.deep.equal(new Date(NOW + 1));
  });

  it('counts batches, messages and retries', () => {
    const tally = new Tally(TYPES);
    tally.batch(10);
    tally.batch(5);
    tally.retried('transient');
    tally.retried('transient');
    tally.retried('systemic');
    expect(tally).to.include({ batches: 2, messages: 15, retries: 3 });
  });

  it('measures the latency of what was applied, as far as timestamps allow', () => {
    const tally = new Tally(TYPES, 'staging.');
    const ahead = event('user.created', -5000);
    const without = event('user.created', NOW + 1);
    tally.written(
      written({ applied: [event('user.created', 40), ahead, without], duplicates: [event('user.created', 9)] }),
      NOW,
    );
    expect(tally.latencies).to.include({ count: 2, sum: 0.04 });
  });
});

describe('a distribution', () => {
  it('counts a value at a bound below it, and what is above all in the count only', () => {
    const values = new Distribution([1, 2.5]);
    for (const value of [0, 1, 1.1, 2.5, 9]) values.add(value);
    expect(values.cumulative()).to.deep.equal([2, 4]);
    expect(values).to.include({ count: 5, sum: 13.6 });
  });
});

describe('a quantile', () => {
  const bounds = [1, 2, 4];

  it('lies within its range in proportion', () => {
    // Ten up to 1, ten up to 2, twenty up to 4.
    const at = (q: number) => quantile(bounds, [10, 20, 40], 40, q);
    expect([at(0.125), at(0.25), at(0.375), at(0.5), at(0.75), at(1)]).to.deep.equal([0.5, 1, 1.5, 2, 3, 4]);
  });

  it('is the greatest bound where it lies above, and nothing where there is nothing', () => {
    expect(quantile(bounds, [0, 0, 1], 10, 0.99)).to.equal(4);
    expect(quantile(bounds, [0, 0, 0], 0, 0.5)).to.equal(undefined);
    expect(quantile(bounds, [0, 5, 5], 5, 0)).to.equal(1);
  });
});

describe('the metrics', () => {
  it('say what the tally counted', async () => {
    const tally = new Tally(TYPES, 'staging.');
    const both = { applied: [event('user.created', 20)], collisions: [event('user.updated')] };
    tally.written(written({ ...both, ties: 3, seconds: 0.02 }), NOW);
    tally.refused([refused('staging.user.updated', 'invalid')]);
    tally.retried('transient');
    tally.batch(3);
    const samples = await scrape(tally);
    expect(Object.fromEntries(samples)).to.include({
      'dbw_events_total{type="user.created",outcome="applied"}': 1,
      'dbw_events_total{type="user.updated",outcome="collision"}': 1,
      'dbw_events_total{type="user.updated",outcome="dead_letter"}': 1,
      'dbw_events_total{type="other",outcome="applied"}': 0,
      'dbw_dead_letters_total{reason="invalid"}': 1,
      'dbw_dead_letters_total{reason="bug"}': 0,
      'dbw_retries_total{class="transient"}': 1,
      'dbw_retries_total{class="systemic"}': 0,
      dbw_ties_total: 3,
      dbw_collisions_total: 1,
      'dbw_batch_events_bucket{le="2"}': 0,
      'dbw_batch_events_bucket{le="5"}': 1,
      'dbw_batch_events_bucket{le="+Inf"}': 1,
      dbw_batch_events_sum: 3,
      'dbw_event_latency_seconds_bucket{le="0.01"}': 0,
      'dbw_event_latency_seconds_bucket{le="0.025"}': 1,
      dbw_event_latency_seconds_sum: 0.02,
      dbw_transaction_duration_seconds_count: 1,
    });
  });

  it('say what the vitals are', async () => {
    const samples = await scrape(new Tally(TYPES), {
      parked: { waiting: 4, dead: 1, oldestMs: 2500, full: true },
      partitions: [
        { topic: 'a', partition: 0, lag: 2, seconds: 8, movedAt: 0 },
        { topic: 'a', partition: 1, lag: 3, seconds: 7, movedAt: 0 },
        { topic: 'b', partition: 0, lag: 0, seconds: 0, movedAt: 0 },
      ],
      assigned: 3,
      gaps: [{ topic: 'b', partition: 0, from: 5, to: 9, lost: 4 }],
      breakers: [{ topic: 'a', since: 0, reason: 'x' }],
      unread: [{ topic: 'c', partition: 0 }],
      trouble: { class: 'systemic', reason: 'x', since: 0 },
      kafka: { connected: false },
      lastProcessed: new Date(1500),
    });
    expect(Object.fromEntries(samples)).to.include({
      'dbw_parked_events{state="waiting"}': 4,
      'dbw_parked_events{state="dead"}': 1,
      dbw_parked_oldest_seconds: 2.5,
      dbw_parked_full: 1,
      dbw_database_connections_in_use: 5,
      dbw_database_pool_size: 20,
      'dbw_lag_events{topic="a"}': 5,
      'dbw_lag_seconds{topic="a"}': 8,
      'dbw_lag_events{topic="b"}': 0,
      dbw_assigned_partitions: 3,
      dbw_unread_partitions: 1,
      dbw_gap_partitions: 1,
      dbw_gap_lost_events: 4,
      'dbw_breaker_open{topic="a"}': 1,
      'dbw_breaker_open{topic="b"}': 0,
      'dbw_trouble{class="systemic"}': 1,
      'dbw_trouble{class="transient"}': 0,
      'dbw_consumer_state{state="reading"}': 1,
      'dbw_consumer_state{state="dead"}': 0,
      dbw_kafka_up: 0,
      dbw_database_up: 1,
      dbw_redis_up: 1,
      dbw_last_processed_timestamp_seconds: 1.5,
      [`dbw_build_info{version="1.2.3",node="${process.version}"}`]: 1,
    });
  });

  it('forget what is no more: topics, and a Redis that is not configured', async () => {
    const tally = new Tally(TYPES);
    let vitals: Vitals = { ...WELL, partitions: [{ topic: 'a', partition: 0, lag: 2, seconds: 8, movedAt: 0 }] };
    const metrics = new Metrics(tally, () => vitals, '1.2.3');
    tally.retried('bug');
    expect(await metrics.text()).to.match(/^dbw_lag_events\{topic="a"\} 2$/m);
    vitals = { ...WELL, redis: { configured: false, connected: false } };
    const text = await metrics.text();
    expect(text).not.to.match(/topic="a"/);
    expect(text).not.to.match(/^dbw_redis_up/m);
    // Counters are told, not added, again.
    expect(text).to.match(/^dbw_retries_total\{class="bug"\} 1$/m);
  });

  it('are named by the conventions, with a help for each, and the process is told of too', async () => {
    const tally = new Tally(TYPES);
    const metrics = new Metrics(tally, () => WELL, '1.2.3');
    const text = await metrics.text();
    const told = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', type = '']) => ({ name, type }));
    const ours = told.filter(({ name }) => name.startsWith('dbw_'));
    expect(ours).to.have.deep.members(metrics.about.map(({ name, type }) => ({ name, type })));
    expect(new Set(told.map(({ name }) => name)).size).to.equal(told.length);
    for (const { name, type } of ours) {
      expect(name).to.match(/^dbw_[a-z]+(_[a-z]+)*$/);
      expect(name.endsWith('_total'), name).to.equal(type === 'counter');
      // Base units, and none of the suffixes that histograms make themselves.
      expect(name).not.to.match(
        /_(ms|millis|milliseconds|micros|minutes|hours|days|kb|mb|mib|kib|percent|ratio_percent)(_|$)/,
      );
      expect(name).not.to.match(/_(sum|count|bucket|counter|gauge|histogram)$/);
    }
    for (const { name, help, labels } of metrics.about) {
      expect(help, name).to.match(/^\S[^\n]*\.$/);
      for (const label of labels)
        expect(label)
          .to.match(/^[a-z]+$/)
          .and.not.to.match(/^(le|quantile|job|instance)$/);
    }
    // Each line is a comment, a sample or empty; each sample belongs to the metric that was named last.
    let named = '';
    for (const line of text.split('\n')) {
      named = /^# TYPE (\S+)/.exec(line)?.[1] ?? named;
      if (line === '' || line.startsWith('#') || !named.startsWith('dbw_')) continue;
      expect(line).to.match(/^[a-z_]+(\{([a-z_]+="[^"\\\n]*",?)*\})? -?[\d.e+-]+$/);
      expect(line.startsWith(named), line).to.equal(true);
    }
    expect(text.endsWith('\n')).to.equal(true);
    expect(text).to.match(/^process_resident_memory_bytes \d+$/m);
    expect(metrics.contentType).to.match(/^text\/plain; version=0\.0\.4/);
  });
});
