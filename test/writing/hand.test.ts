import { expect } from 'chai';
import fc from 'fast-check';
import type { DataSource } from 'typeorm';
import { Condition } from '../../src/writing/condition.js';
import type { Hand } from '../../src/writing/hand.js';
import { connect } from '../../src/postgres/data-source.js';
import { migrate } from '../../src/postgres/migrate.js';
import type { Range, Suspects } from '../../src/writing/suspects.js';
import { freshDatabase } from '../support/database.js';
import { HandProcess, handOn } from '../support/hand-process.js';
import { startServers } from '../support/services/index.js';
import { unique } from '../support/unique.js';
import { until } from '../support/until.js';

const partitions = [
  { topic: 'a', partition: 0 },
  { topic: 'a', partition: 1 },
  { topic: 'b', partition: 0 },
];
const LENGTH = 12;

function range(topic: string, partition: number, first: number, next: number): Range {
  return { topic, partition, first, next };
}

/** Every suspect message below offset 12, and the deaths over those that have some. */
function listOf(suspects: Suspects): { messages: string[]; deaths: Record<string, number> } {
  const messages: string[] = [];
  const deaths: Record<string, number> = {};
  for (const { topic, partition } of partitions) {
    for (let offset = 0; offset < LENGTH; offset++) {
      const name = `${topic}:${partition}:${offset}`;
      if (suspects.isSuspect(topic, partition, offset)) messages.push(name);
      const count = suspects.attemptsOf(topic, partition, offset);
      if (count > 0) deaths[name] = count;
    }
  }
  return { messages, deaths };
}

function offsets(topic: string, partition: number, first: number, next: number): string[] {
  return Array.from({ length: next - first }, (_, i) => `${topic}:${partition}:${first + i}`);
}

/** The backends that hold the lock of a hand. */
async function backendsOf(hand: Hand, dataSource: DataSource): Promise<number[]> {
  const rows: { pid: number }[] = await dataSource.query(
    `SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1
       AND (classid::bigint << 32 | objid::bigint) = hashtextextended('dbw.in_hand:' || $1::text, 0)`,
    [hand.instance],
  );
  return rows.map(({ pid }) => pid);
}

/** What the death of a process is to the server: its connection is gone, its rows are there. */
async function die(hand: Hand, dataSource: DataSource): Promise<void> {
  for (const pid of await backendsOf(hand, dataSource)) {
    await dataSource.query('SELECT pg_terminate_backend($1)', [pid]);
  }
  await until(async () => (await backendsOf(hand, dataSource)).length === 0);
}

describe('what is in hand', () => {
  let dataSource: DataSource;
  let database: string;
  let group: string;
  const running: HandProcess[] = [];
  const hands: Hand[] = [];

  before(async () => {
    dataSource = await freshDatabase();
    database = String(dataSource.options.database);
  });
  beforeEach(() => {
    group = unique('group');
  });
  afterEach(async () => {
    await Promise.all(running.splice(0).map((process) => process.end('SIGKILL')));
    await Promise.all(hands.splice(0).map((hand) => hand.close()));
  });
  after(() => dataSource.destroy());

  async function start(): Promise<HandProcess> {
    const process = await HandProcess.start(database, group);
    running.push(process);
    return process;
  }

  function handHere(on = dataSource): Hand {
    const hand = handOn(on, group);
    hands.push(hand);
    return hand;
  }

  async function inHand(): Promise<unknown[]> {
    const rows: unknown[] = await dataSource.query(
      'SELECT writer, ranges FROM dbw.in_hand WHERE group_id = $1 ORDER BY writer',
      [group],
    );
    return rows;
  }

  async function stored(): Promise<unknown[]> {
    const rows: unknown[] = await dataSource.query('SELECT * FROM dbw.suspects WHERE group_id = $1', [group]);
    return rows;
  }

  /** Waits until the server has noticed that a process is gone, which is what the group's next rebalance finds. */
  async function lockFree(on = dataSource): Promise<void> {
    await until(async () => {
      const dead: unknown[] = await on.query(
        `SELECT FROM dbw.in_hand h WHERE group_id = $1 AND NOT EXISTS (SELECT FROM pg_locks l WHERE l.locktype = 'advisory'
           AND l.objsubid = 1 AND (l.classid::bigint << 32 | l.objid::bigint) = hashtextextended('dbw.in_hand:' || h.instance, 0))`,
        [group],
      );
      return dead.length > 0;
    });
  }

  it('of a process that was killed is suspect: the last of each of its writers, and nothing else', async () => {
    const process = await start();
    await process.do({ writer: 0, take: [range('a', 0, 0, 4), range('b', 0, 0, 1)] });
    await process.do({ writer: 1, take: [range('a', 0, 4, 6)] });
    await process.do({ writer: 0, take: [range('a', 0, 6, 9), range('a', 1, 2, 3), range('c', 0, 0, 5)] });
    await process.end('SIGKILL');
    await lockFree();
    const suspects = await handHere().suspects(partitions);
    expect(listOf(suspects)).to.deep.equal({
      messages: [...offsets('a', 0, 4, 9), ...offsets('a', 1, 2, 3)],
      deaths: {},
    });
    expect(suspects.isSuspect('c', 0, 1), 'not of our partitions').to.equal(false);
    expect(await inHand()).to.deep.equal([]);
    expect((await handHere().suspects([{ topic: 'c', partition: 0 }])).size).to.equal(5);
    group = unique('another');
    expect((await handHere().suspects(partitions)).isEmpty, 'another group').to.equal(true);
  });

  it('of a process that ended in good order is not', async () => {
    const process = await start();
    await process.do({ writer: 0, take: [range('a', 0, 0, 4)] });
    await process.do({ attempt: { topic: 'a', partition: 0, offset: 1 } });
    expect(await inHand()).to.have.length(2);
    await process.end('SIGTERM');
    expect(await inHand()).to.deep.equal([]);
    expect((await handHere().suspects(partitions)).isEmpty).to.equal(true);
  });

  it('of a process that lives is not', async () => {
    const process = await start();
    await process.do({ writer: 0, take: [range('a', 0, 0, 4)] });
    const suspects = await handHere().suspects(partitions);
    expect(suspects.isEmpty).to.equal(true);
    expect(await inHand()).to.deep.equal([{ writer: 0, ranges: [['a', 0, 0, 4]] }]);
    await process.do({ writer: 0, take: [range('a', 0, 4, 5)] });
  });

  it('counts the deaths over one message alone, and then it is not to be touched', async () => {
    const guilty = { topic: 'a', partition: 0, offset: 2 };
    const innocent = { ...guilty, offset: 1 };
    const first = await start();
    await first.do({ writer: 1, take: [range('a', 0, 0, 4)] });
    await first.end('SIGKILL');
    await lockFree();
    for (let deaths = 0; deaths < 3; deaths++) {
      const process = await start();
      expect(await process.do({ find: partitions })).to.equal(4);
      await process.do({ writer: 1, take: [range('a', 0, 0, 4)] });
      expect(await process.do({ attempt: innocent })).to.equal(0);
      await process.do({ survived: innocent });
      expect(await process.do({ attempt: guilty })).to.equal(deaths);
      await process.end('SIGKILL');
      await lockFree();
      const hand = handHere();
      expect(listOf(await hand.suspects(partitions)).deaths).to.deep.equal({ 'a:0:2': deaths + 1 });
      if (deaths === 2) {
        expect(await hand.attempt(guilty)).to.equal(3);
        expect(await inHand(), 'nothing is tried any more').to.deep.equal([]);
      }
    }
    const hand = handHere();
    await hand.suspects(partitions);
    await hand.passed([{ topic: 'a', partition: 0, next: 3 }]);
    expect(listOf(await hand.suspects(partitions)).deaths, 'its letter is written').to.deep.equal({});
    await hand.passed([{ topic: 'a', partition: 0, next: 4 }]);
    expect(await stored()).to.deep.equal([]);
  });

  it('makes suspect only what was alone, not what other writers wait with', async () => {
    const process = await start();
    await process.do({ writer: 0, take: [range('a', 0, 0, 4)] });
    await process.do({ writer: 1, take: [range('a', 0, 4, 8)] });
    await process.do({ attempt: { topic: 'b', partition: 0, offset: 7 } });
    await process.end('SIGKILL');
    await lockFree();
    expect(listOf(await handHere().suspects(partitions))).to.deep.equal({
      messages: ['b:0:7'],
      deaths: { 'b:0:7': 1 },
    });
  });

  it('forgets the deaths over a message that was survived', async () => {
    const message = { topic: 'a', partition: 0, offset: 3 };
    const first = await start();
    await first.do({ attempt: message });
    await first.end('SIGKILL');
    await lockFree();
    const second = await start();
    await second.do({ find: partitions });
    expect(await second.do({ attempt: message })).to.equal(1);
    await second.do({ survived: message });
    await second.do({ writer: 0, take: [range('a', 0, 5, 6)] });
    await second.end('SIGKILL');
    await lockFree();
    expect(listOf(await handHere().suspects(partitions))).to.deep.equal({ messages: ['a:0:5'], deaths: {} });
  });

  it('is found once by two that look at the same time, and seen by both', async () => {
    for (let round = 0; round < 5; round++) {
      group = unique('group');
      const dead = handHere();
      await dead.attempt({ topic: 'a', partition: 0, offset: 3 });
      await die(dead, dataSource);
      const all = await Promise.all(Array.from({ length: 4 }, () => handHere().suspects(partitions)));
      for (const suspects of all) {
        expect(listOf(suspects)).to.deep.equal({ messages: ['a:0:3'], deaths: { 'a:0:3': 1 } });
      }
    }
  });

  it('is recorded again, under the lock, when the connection was killed', async () => {
    const hand = handHere();
    await hand.take(0, [range('a', 0, 0, 4)]);
    await hand.take(1, [range('a', 0, 4, 5)]);
    const before = await backendsOf(hand, dataSource);
    expect(before).to.have.length(1);
    await die(hand, dataSource);
    expect((await handHere().suspects(partitions)).size, 'without a lock it counts as dead').to.equal(5);
    await Promise.all([hand.take(1, [range('a', 0, 5, 6)]), hand.take(2, [range('a', 0, 6, 7)])]);
    expect(await inHand()).to.deep.equal([
      { writer: 0, ranges: [['a', 0, 0, 4]] },
      { writer: 1, ranges: [['a', 0, 5, 6]] },
      { writer: 2, ranges: [['a', 0, 6, 7]] },
    ]);
    expect(await backendsOf(hand, dataSource))
      .to.have.length(1)
      .and.to.not.deep.equal(before);
    await dataSource.query('DELETE FROM dbw.suspects WHERE group_id = $1', [group]);
    expect((await handHere().suspects(partitions)).isEmpty).to.equal(true);
  });

  it('is what the last assignment found, also where that before it finds its own later', async () => {
    const dead = handHere();
    await dead.take(0, [range('a', 0, 0, 4), range('b', 0, 0, 1)]);
    await die(dead, dataSource);
    const hand = handHere();
    await hand.suspects([{ topic: 'b', partition: 0 }], () => true);
    await hand.suspects([{ topic: 'a', partition: 0 }], () => false);
    expect(hand.isSuspect?.({ topic: 'b', partition: 0, offset: 0 })).to.equal(true);
    expect(hand.isSuspect?.({ topic: 'a', partition: 0, offset: 0 })).to.equal(false);
  });

  it('is forgotten by its positions also when the connection was killed', async () => {
    const hand = handHere();
    const dead = handHere();
    await dead.attempt({ topic: 'a', partition: 0, offset: 3 });
    await die(dead, dataSource);
    expect((await hand.suspects(partitions)).size).to.equal(1);
    await hand.take(0, [range('b', 0, 0, 4)]);
    await die(hand, dataSource);
    await hand.passed([{ topic: 'a', partition: 0, next: 4 }]);
    expect(hand.isSuspect).to.equal(undefined);
    expect(await stored()).to.deep.equal([]);
  });

  it('leaves no setting and no lock on a connection of the pool', async () => {
    const hand = handHere();
    await hand.take(0, [range('a', 0, 0, 4)]);
    await hand.close();
    await until(async () => (await backendsOf(hand, dataSource)).length === 0);
    const settings = await Promise.all(
      Array.from({ length: 20 }, () => dataSource.query<unknown>('SHOW synchronous_commit')),
    );
    for (const setting of settings) expect(setting).to.deep.equal([{ synchronous_commit: 'on' }]);
  });

  it('ends at once when nothing may be waited for any more', async () => {
    const stop = new AbortController();
    const hand = handOn(dataSource, group, stop.signal);
    hands.push(hand);
    await hand.take(0, [range('a', 0, 0, 4)]);
    const blocked = dataSource.createQueryRunner();
    await blocked.startTransaction();
    await blocked.query('LOCK TABLE dbw.in_hand');
    try {
      const taken = hand.take(0, [range('a', 0, 4, 5)]).then(
        () => 'recorded',
        (error: unknown) => (error instanceof Error ? error.message : error),
      );
      stop.abort();
      expect(await taken).to.equal('the process ends');
    } finally {
      await blocked.rollbackTransaction();
      await blocked.release();
    }
  });

  it('is told as what keeps events from being written, while it cannot be recorded', async () => {
    const condition = new Condition();
    const hand = handOn(dataSource, group, undefined, undefined, condition);
    hands.push(hand);
    await dataSource.query('ALTER TABLE dbw.in_hand RENAME TO away');
    const taken = hand.take(0, [range('a', 0, 0, 4)]);
    await until(() => Promise.resolve(condition.trouble !== undefined));
    expect(condition.trouble?.class).to.equal('systemic');
    expect(condition.trouble?.reason).to.contain('cannot record what is in hand').and.to.contain('42P01');
    await dataSource.query('ALTER TABLE dbw.away RENAME TO in_hand');
    await taken;
    expect(condition.trouble).to.equal(undefined);
  });

  it('survives a restart of the server, which is waited for, and does not count as a death', async function () {
    this.timeout(300_000);
    const servers = await startServers({ own: true });
    const { env, postgres } = servers;
    const own = await connect({
      host: postgres.host,
      port: postgres.port,
      username: env.DB_USERNAME ?? '',
      password: env.DB_PASSWORD,
      database: env.DB_DATABASE ?? '',
      poolSize: 5,
      connectionTimeout: 5_000,
      ssl: false,
    });
    try {
      await migrate(own);
      const retried = new Set<string>();
      const hand = handOn(own, group, undefined, (kind) => retried.add(kind));
      const dead = handHere(own);
      hands.push(hand);
      await hand.take(0, [range('a', 0, 0, 4)]);
      expect([...retried]).to.deep.equal([]);
      await dead.attempt({ topic: 'b', partition: 0, offset: 7 });
      await postgres.stop();
      let done = false;
      const taken = hand.take(0, [range('a', 0, 4, 8)]).then(() => (done = true));
      await new Promise((resolve) => setImmediate(resolve));
      expect(done).to.equal(false);
      await until(() => retried.size > 0);
      await postgres.start();
      await taken;
      expect([...retried], 'is told').to.deep.equal(['transient']);
      const suspects = await hand.suspects(partitions);
      expect(listOf(suspects), 'it may have died of the outage').to.deep.equal({ messages: ['b:0:7'], deaths: {} });
      expect(await own.query('SELECT ranges FROM dbw.in_hand')).to.deep.equal([{ ranges: [['a', 0, 4, 8]] }]);
    } finally {
      await Promise.all(hands.splice(0).map((hand) => hand.close()));
      await own.destroy();
      await servers.stop();
    }
  });
});

const message = fc.record({ offset: fc.nat(LENGTH - 1), partition: fc.nat(partitions.length - 1) });
const ranges = fc.array(
  fc.record({ at: fc.nat(partitions.length - 1), first: fc.nat(LENGTH - 1), size: fc.integer({ min: 1, max: 5 }) }),
  { minLength: 1, maxLength: 3 },
);
const step = fc.oneof(
  fc.record({ take: ranges, writer: fc.nat(1) }),
  message.map((attempt) => ({ attempt })),
  message.map((survived) => ({ survived })),
  message.map((passed) => ({ passed })),
  fc.constant({ dies: true } as const),
);

describe('suspects of several deaths', function () {
  this.timeout(300_000);
  let dataSource: DataSource;
  before(async () => {
    dataSource = await freshDatabase();
  });
  after(() => dataSource.destroy());

  it('are what was in hand at each, without what was survived or passed since', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const group = unique('group');
        let hand = handOn(dataSource, group);
        // The model: messages by name, and what each writer has.
        const nameOf = (m: { offset: number; partition: number }) => {
          const { topic, partition } = partitions[m.partition]!;
          return `${topic}:${partition}:${m.offset}`;
        };
        const writers = new Map<number, string[][]>();
        let alone: string | undefined;
        let stored: string[][] = [];
        const deaths = new Map<string, number>();
        /** What this life has learned on its own; a new one does not know. */
        let acquitted = new Set<string>();
        let suspects = await hand.suspects(partitions);
        const placeOf = (m: { offset: number; partition: number }) => ({
          ...partitions[m.partition]!,
          offset: m.offset,
        });
        for (const step of steps) {
          if ('take' in step) {
            const taken = step.take.map(({ at, first, size }) => {
              const { topic, partition } = partitions[at]!;
              return range(topic, partition, first, Math.min(first + size, LENGTH));
            });
            await hand.take(step.writer, taken);
            writers.set(
              step.writer,
              taken.map((r) => offsets(r.topic, r.partition, r.first, r.next)),
            );
          } else if ('attempt' in step) {
            const name = nameOf(step.attempt);
            const count = acquitted.has(name) ? 0 : (deaths.get(name) ?? 0);
            expect(await hand.attempt(placeOf(step.attempt))).to.equal(count);
            if (count < 3) alone = name;
          } else if ('survived' in step) {
            const name = nameOf(step.survived);
            await hand.survived(placeOf(step.survived));
            alone = undefined;
            acquitted.add(name);
            deaths.delete(name);
            stored = stored.filter((names) => names.length > 1 || names[0] !== name);
          } else if ('passed' in step) {
            const { topic, partition, offset } = placeOf(step.passed);
            await hand.passed([{ topic, partition, next: offset }]);
            const behind = new Set(offsets(topic, partition, 0, offset));
            stored = stored.filter((names) => !names.every((name) => behind.has(name)));
            for (const name of behind) {
              deaths.delete(name);
              acquitted.add(name);
            }
          } else {
            await die(hand, dataSource);
            if (alone !== undefined) {
              stored.push([alone]);
              deaths.set(alone, (deaths.get(alone) ?? 0) + 1);
            } else stored.push(...[...writers.values()].flat());
            alone = undefined;
            writers.clear();
            acquitted = new Set();
            hand = handOn(dataSource, group);
            suspects = await hand.suspects(partitions);
          }
          const { messages, deaths: counted } = listOf(suspects);
          expect(new Set(messages)).to.deep.equal(new Set(stored.flat().filter((name) => !acquitted.has(name))));
          expect(counted).to.deep.equal(Object.fromEntries(deaths));
        }
        await hand.close();
      }),
      { numRuns: 40 },
    );
  });
});
