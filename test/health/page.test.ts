import { createHash } from 'node:crypto';
import { Script } from 'node:vm';
import { expect } from 'chai';
import type { Reason } from '../../src/event/decode.js';
import { Page } from '../../src/health/page/page.js';
import { Tally } from '../../src/health/tally.js';
import type { Vitals } from '../../src/health/vitals.js';
import { faultsOf, textOf } from '../support/html.js';
import { WELL } from '../support/vitals.js';

const NOW = Date.UTC(2024, 0, 1, 12);
const MINUTE = 60_000;
const TYPES = ['user.created', 'content.post.created'];

describe('the status page', () => {
  let tally: Tally;
  let vitals: Vitals;
  let page: Page;

  beforeEach(() => {
    tally = new Tally(TYPES);
    vitals = { ...WELL, assigned: 2, startedAt: NOW - 3 * 3_600_000, calmSince: NOW - 3_600_000 };
    page = new Page(tally, () => vitals, 'writer-0');
  });

  const apply = (type: string, n: number) => {
    const counts = tally.byType.get(type);
    if (counts) counts.applied += n;
  };
  const refuse = (n: number, reason: Reason = 'invalid') => {
    const refusal = { reason, code: 'c', path: '', message: 'm' };
    tally.refused(Array.from({ length: n }, () => ({ message: { topic: 'user.created' }, refusal })));
  };
  /** Ten minutes of samples, the last of them now. */
  const live = (step: (minutesAgo: number) => void = () => undefined) => {
    for (let at = NOW - 10 * MINUTE; at <= NOW; at += 5000) {
      step((NOW - at) / MINUTE);
      page.look(at);
    }
  };
  const words = () => textOf(page.text(NOW));
  /** The text of the element with this id. */
  const part = (id: string) => textOf(page.text(NOW), id);

  it('says at once that all is well, in the first heading and in the title', () => {
    live();
    expect(page.text(NOW)).to.include('<title>✔ dbw</title>');
    expect(part('status')).to.match(/^✔ All is well 2 partitions are read; everything is written\.$/);
    expect(part('said')).to.equal('All is well');
    expect(part('others')).to.equal('');
  });

  it('holds the numbers of the tally and of the vitals', () => {
    live((ago) => {
      apply('user.created', 500);
      for (let i = 0; i < 99; i++) tally.latencies.add(0.004);
      tally.latencies.add(0.09);
      if (ago === 5) refuse(7);
      if (ago === 4) refuse(2, 'malformed');
    });
    vitals = {
      ...vitals,
      partitions: [
        { topic: 'user.created', partition: 0, lag: 1200, seconds: 31, movedAt: NOW },
        { topic: 'user.created', partition: 1, lag: 34, seconds: 40, movedAt: NOW },
        { topic: 'content.post.created', partition: 0, lag: 0, seconds: 0, movedAt: NOW },
      ],
      parked: { waiting: 12, dead: 3, oldestMs: 61_000, full: false },
    };
    expect(part('card-events')).to.match(/^Events 100 \/s last minute: 6,000 applied /);
    expect(part('card-latency')).to.match(/^Latency 3\.8 ms p50 5 ms p99 from Kafka/);
    expect(part('card-lag')).to.match(/^Lag 1,234 events the next one has waited for 40 s/);
    expect(part('card-dead')).to.match(/^Dead letters 9 in 10 min 9 since the start/);
    expect(part('card-parked')).to.match(/^Parked 15 events wait for a row, the oldest for 1 min 1 s, 3 of them/);
    expect(part('card-pool')).to.match(/^Connections 5 of 20 in use/);
    expect(part('lag')).to.include('user.created 1,234 40 s 2');
    expect(part('reasons')).to.include('invalid 7 7').and.to.include('malformed 2 2');
    expect(part('topics')).to.include('content.post.created 0 – 1');
    expect(part('types')).to.include('user.created 60,500 0 0 0 9 0');
    expect(part('build')).to.include('dbw 1.2.3').and.to.include('Host writer-0').and.to.include('Up 3 h 0 min');
    expect(page.text(NOW)).to.include('between 100 and 101, now 100"');
  });

  it('forgets what is longer ago than ten minutes, and not what was counted', () => {
    page.look(NOW - 20 * MINUTE);
    refuse(5);
    page.look(NOW - 20 * MINUTE + 5000);
    live();
    expect(part('card-dead')).to.match(/^Dead letters 0 in 10 min 5 since the start/);
    expect(part('reasons')).to.include('invalid 0 5');
    expect(part('status')).to.match(/All is well/);
    // 121 samples make 120 periods; one point a period in each line.
    const points = /class="line first" points="([^"]*)"/.exec(page.text(NOW))?.[1] ?? '';
    expect(points.split(' ')).to.have.lengthOf(120);
  });

  it('names the worst first, with since when and what to do, and the rest below', () => {
    live((ago) => {
      const isDown = ago <= 2;
      if (ago === 8) refuse(501);
      const breakers =
        ago <= 8 ? [{ topic: 'user.created', since: NOW - 8 * MINUTE, reason: 'invalid required /data' }] : [];
      const database = { ...WELL.database, connected: !isDown, reason: isDown ? 'connect ECONNREFUSED' : undefined };
      vitals = { ...vitals, breakers, database };
    });
    expect(part('status')).to.equal(
      '✖ Events are not written PostgreSQL is away for 2 min, since 11:58:00 UTC connect ECONNREFUSED ' +
        'Do: Bring PostgreSQL back. dbw goes on by itself when it answers: do not restart it. Read: docs/operations.md, 2',
    );
    expect(page.text(NOW)).to.include('<title>✖ PostgreSQL is away · dbw</title>');
    expect(part('others'))
      .to.match(/^Also ! Paused: user\.created for 8 min, since 11:52:00 UTC/)
      .and.to.include('! Events became dead letters for 8 min, since 11:52:00 UTC 501 in the last ten minutes');
    expect(part('legend')).to.equal('nothing was written not everything was written, or slower');
    expect(page.text(NOW)).to.include('<h3>Paused: user.<wbr />created</h3>');
    expect(page.text(NOW)).to.match(/<rect class="band poor" x="115" width="360"[^]*<rect class="band bad" x="475"/);
  });

  it('says of parked events that they are as they were, while PostgreSQL cannot be asked', () => {
    live();
    vitals = { ...vitals, parked: { waiting: 2, dead: 0, oldestMs: 61_000, full: false } };
    const said = () => part('card-parked').replace(/ \d+ 0 10 min ago.*/, '');
    expect(said()).to.equal('Parked 2 events wait for a row, the oldest for 1 min 1 s');
    vitals = { ...vitals, database: { ...WELL.database, connected: false } };
    expect(said()).to.match(/ the oldest for 1 min 1 s – when PostgreSQL was last asked$/);
  });

  it('tells what is over, for ten minutes', () => {
    live((ago) => {
      vitals = { ...vitals, redis: { configured: true, connected: ago > 4 || ago <= 2 } };
    });
    expect(part('status')).to.match(/All is well/);
    expect(part('others')).to.match(/^Over, in the last ten minutes 11:56:00 UTC to 11:58:00 UTC Redis is away for 2 min$/); // prettier-ignore
    page.look(NOW + 9 * MINUTE);
    expect(textOf(page.text(NOW + 9 * MINUTE), 'others')).to.equal('');
  });

  for (const [what, more, found, says] of [
    ['Kafka is away', { kafka: { connected: false, reason: 'timeout' } }, 'bad', 'Kafka is away'],
    ['the consumer is dead', { consumer: 'dead' }, 'bad', 'The Kafka consumer died'],
    [
      'it begins',
      { consumer: 'starting', kafka: { connected: false, reason: 'not connected yet' } },
      'busy',
      'Starting',
    ],
    ['a write is refused', { trouble: { class: 'systemic', reason: 'no right', since: NOW } }, 'bad', 'PostgreSQL takes no events'], // prettier-ignore
    ['a write is tried again', { trouble: { class: 'transient', reason: 'x', since: NOW } }, 'poor', 'A write is tried again'], // prettier-ignore
    ['the park is full', { parked: { waiting: 9, dead: 0, oldestMs: 0, full: true } }, 'bad', 'Nothing more is read: PARK_MAX is reached'], // prettier-ignore
    ['events wait for long', { parked: { waiting: 9, dead: 0, oldestMs: 601_000, full: false } }, 'poor', 'Events wait for a row for long'], // prettier-ignore
    ['there is a gap', { gaps: [{ topic: 'a', partition: 3, from: 1, to: 5, lost: 4 }] }, 'poor', 'Events lost: a:3 waits'], // prettier-ignore
    ['nobody reads a partition', { unread: [{ topic: 'a', partition: 3 }] }, 'poor', 'Nobody reads some partitions'],
    ['a breaker is open', { breakers: [{ topic: 'a', since: NOW, reason: 'r' }] }, 'poor', 'Paused: a'],
    ['Redis is away', { redis: { configured: true, connected: false } }, 'poor', 'Redis is away'],
    ['reads are stale', { partitions: [{ topic: 'a', partition: 0, lag: 5, seconds: 61, movedAt: NOW }] }, 'poor', 'Reads are stale'], // prettier-ignore
    ['a partition is stuck', { partitions: [{ topic: 'a', partition: 0, lag: 5, seconds: 0, movedAt: 0 }] }, 'bad', 'A partition does not move'], // prettier-ignore
  ] satisfies (readonly [string, Partial<Vitals>, string, string])[]) {
    it(`does not say that all is well where ${what}`, () => {
      live();
      vitals = { ...vitals, ...more };
      expect(part('said')).to.equal(says);
      expect(page.text(NOW)).to.match(new RegExp(`id="status" class="${found}"`));
      expect(faultsOf(page.text(NOW))).to.deep.equal([]);
    });
  }

  it('is well-formed, from the first moment on', () => {
    expect(faultsOf(page.text(NOW))).to.deep.equal([]);
    live(() => {
      apply('user.created', 3);
      refuse(1);
    });
    expect(faultsOf(page.text(NOW))).to.deep.equal([]);
  });

  it('takes names and reasons as text, whatever they are', () => {
    const evil = `"><script>alert(1)</script><img src=x onerror='a'>&amp;`;
    live();
    vitals = {
      ...vitals,
      version: evil,
      partitions: [{ topic: evil, partition: 0, lag: 1, seconds: 61, movedAt: NOW }],
      breakers: [{ topic: evil, since: NOW, reason: evil }],
      gaps: [{ topic: evil, partition: 0, from: 0, to: 1, lost: 1 }],
      unread: [{ topic: evil, partition: 0 }],
      kafka: { connected: false, reason: evil },
    };
    tally = new Tally([evil]);
    const made = new Page(tally, () => vitals, evil);
    tally.tombstone(evil);
    made.look(NOW);
    const text = made.text(NOW);
    expect(faultsOf(text)).to.deep.equal([]);
    expect(text.match(/<script/g)).to.have.lengthOf(1);
    expect(text).not.to.match(/<img/);
    expect(textOf(text, 'topics')).to.include(evil);
    expect(textOf(text, 'status')).to.include(evil);
  });

  it('brings everything with it: nothing is fetched from elsewhere, and only what it brings may run', () => {
    const text = page.text(NOW);
    const references = [...text.matchAll(/\b(?:src|href|action|data|poster|xlink:href)="([^"]*)"/g)].map(
      ([, to = '']) => to,
    );
    expect(references.filter((to) => !to.startsWith('data:'))).to.have.members([
      '/health',
      '/livez',
      '/readyz',
      '/metrics',
    ]);
    expect(text).not.to.match(/@import|url\(|https?:(?!%2F%2Fwww\.w3\.org%2F2000%2Fsvg|\/\/www\.w3\.org\/2000\/svg)/);
    // Neither would be allowed by the policy.
    expect(text).not.to.match(/ style="| on[a-z]+="/);
    const policy = page.headers['content-security-policy'] ?? '';
    expect(policy)
      .to.match(/^default-src 'none'; /)
      .and.not.to.match(/unsafe|\*|https?:/);
    for (const [name, directive] of [
      ['script', 'script-src'],
      ['style', 'style-src'],
    ] as const) {
      const [, content = ''] = new RegExp(`<${name}>([^]*?)</${name}>`).exec(text) ?? [];
      const hash = createHash('sha256').update(content).digest('base64');
      expect(policy).to.include(`${directive} 'sha256-${hash}';`);
    }
  });

  it('works without its script, and its script is one', () => {
    const text = page.text(NOW);
    expect(text).to.include('<noscript><meta http-equiv="refresh"');
    const [, script = ''] = /<script>([^]*?)<\/script>/.exec(text) ?? [];
    expect(() => new Script(script)).not.to.throw();
    // What it renews it finds again by name.
    const ids = [...text.matchAll(/id="([^"]+)"[^>]* data-live/g)].map(([, id]) => id);
    expect(new Set(ids).size)
      .to.equal(ids.length)
      .and.to.equal(text.match(/data-live/g)!.length - 1);
  });

  it('can be read by those who do not see it', () => {
    live();
    const text = page.text(NOW);
    expect(text).to.match(/^<!doctype html>\s*<html lang="en"/);
    for (const landmark of ['header', 'main', 'footer', 'nav']) expect(text).to.match(new RegExp(`<${landmark}[ >]`));
    expect(text.match(/<h1/g)).to.have.lengthOf(1);
    for (const [table] of text.matchAll(/<table[^]*?<\/table>/g)) {
      expect(table)
        .to.match(/<caption/)
        .and.to.match(/<th scope="(row|col)"/);
    }
    for (const [svg] of text.matchAll(/<svg[^>]*>/g)) expect(svg).to.match(/role="img" aria-label="[^"]+"/);
    expect(text.match(/<svg/g)).to.have.lengthOf(6);
  });

  it('holds no more than ten minutes, however long it runs', () => {
    for (let at = NOW - 60 * MINUTE; at <= NOW; at += 5000) page.look(at);
    const { length } = page.text(NOW);
    for (let at = NOW + 5000; at <= NOW + 60 * MINUTE; at += 5000) page.look(at);
    expect(page.text(NOW + 60 * MINUTE).length).to.be.closeTo(length, 200);
  });

  it('bears a clock that is set back, and vitals that cannot be had', () => {
    live();
    page.look(NOW - 5 * MINUTE);
    expect(words()).to.match(/All is well/);
    const said = vitals;
    const broken = new Page(tally, () => {
      if (said === vitals) throw new Error('not now');
      return vitals;
    });
    broken.look(NOW);
    vitals = { ...said };
    expect(broken.text(NOW)).to.match(/All is well/);
  });
});
