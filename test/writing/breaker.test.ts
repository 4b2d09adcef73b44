import { expect } from 'chai';
import fc from 'fast-check';
import { pino } from 'pino';
import type { DataSource } from 'typeorm';
import { Breakers, TRIAL_MS } from '../../src/writing/breaker.js';
import type { Refusal } from '../../src/event/decode.js';
import type { Queued } from '../../src/reading/intake.js';
import { BreakerRows } from '../../src/postgres/breakers.js';
import { Trial, TRIAL_SIZE } from '../../src/writing/trial.js';
import { freshDatabase } from '../support/database.js';
import { unique } from '../support/unique.js';
import { until } from '../support/until.js';

function refusals(count: number, path = '/data/userId', code = 'type'): Refusal[] {
  return Array.from({ length: count }, () => ({ reason: 'invalid', code, path, message: 'wrong' }));
}

function messages(count: number, from = 0): Queued[] {
  return Array.from({ length: count }, (_, i) => {
    const offset = from + i;
    const message = { topic: 't', partition: 0, offset, key: null, value: null, headers: [], timestamp: 0 };
    return { topic: 't', partition: 0, message, next: offset + 1 };
  });
}

describe('a trial', () => {
  it('takes the first ten messages, however they come', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(15)), (sizes) => {
        const trial = new Trial('t');
        let from = 0;
        for (const size of sizes) {
          const room = TRIAL_SIZE - trial.messages.length;
          expect(trial.offer(messages(size, from), false)).to.equal(Math.min(size, room));
          from += size;
        }
        expect(trial.messages).to.deep.equal(messages(Math.min(from, TRIAL_SIZE)));
        expect([trial.isFull, trial.isReady]).to.deep.equal(Array(2).fill(from >= TRIAL_SIZE));
      }),
    );
  });

  it('makes do with fewer where the partition ends, but not with none', () => {
    const trial = new Trial('t');
    trial.offer([], true);
    expect(trial.isReady).to.equal(false);
    trial.offer(messages(3), true);
    expect([trial.isFull, trial.isReady]).to.deep.equal([false, true]);
    expect(trial.offer(messages(3, 3), true)).to.equal(0);
    expect(trial.messages).to.have.lengthOf(3);
  });
});

describe('the breaker', () => {
  let dataSource: DataSource;
  let group: string;
  before(async () => (dataSource = await freshDatabase()));
  after(() => dataSource.destroy());
  beforeEach(() => (group = unique('group')));

  /** One instance of the group, and what it was told and said. */
  function instance(maxRate = 0.5) {
    const told: string[] = [];
    const lines: Record<string, unknown>[] = [];
    const log = pino({}, { write: (line: string) => lines.push(JSON.parse(line) as Record<string, unknown>) });
    const clock = { ms: 1_000 };
    const breakers = new Breakers({
      maxRate,
      rows: new BreakerRows(dataSource, group),
      now: () => clock.ms,
      onOpen: (topic) => told.push(`open ${topic}`),
      onClose: (topic) => told.push(`close ${topic}`),
      log,
    });
    const said = (level: number) => lines.filter((line) => line.level === level);
    return { breakers, told, said, clock };
  }

  /** A full trial of a topic that is due for one. */
  function tryTen({ breakers }: ReturnType<typeof instance>, refused: number): boolean {
    const trial = breakers.trial('t')!;
    trial.offer(messages(TRIAL_SIZE), false);
    return breakers.judge(trial, refusals(refused));
  }

  const recorded = (): Promise<Record<string, unknown>[]> =>
    dataSource.query('SELECT topic, refused, finished, reason FROM dbw.breakers WHERE group_id = $1', [group]);

  describe('opens', () => {
    it('at 501 of 1,000 refused events and not at 500', () => {
      const { breakers, told } = instance();
      breakers.finished('t', 500, refusals(500));
      expect(breakers.isOpen('t')).to.equal(false);
      breakers.finished('t', 0, refusals(1));
      // The oldest of the thousand was an accepted one.
      expect(breakers.isOpen('t')).to.equal(true);
      breakers.finished('t', 0, refusals(1_000)); // was in hand when it opened
      expect(told).to.deep.equal(['open t']);
    });

    it('for a number and not for a share of few events', () => {
      const { breakers } = instance();
      breakers.finished('t', 0, refusals(500));
      expect(breakers.isOpen('t')).to.equal(false);
      breakers.finished('t', 0, refusals(1));
      expect(breakers.isOpen('t')).to.equal(true);
    });

    it('never for old refusals: accepted events push them out', () => {
      const { breakers } = instance();
      for (let i = 0; i < 20; i++) {
        breakers.finished('t', 0, refusals(400));
        breakers.finished('t', 600, []);
      }
      expect(breakers.isOpen('t')).to.equal(false);
    });

    it('by the share of a batch larger than the window', () => {
      const { breakers } = instance();
      breakers.finished('few', 6_000, refusals(4_000));
      breakers.finished('many', 4_000, refusals(6_000));
      expect([breakers.isOpen('few'), breakers.isOpen('many')]).to.deep.equal([false, true]);
    });

    it('just above any rate, in spite of floating point', () => {
      fc.assert(
        fc.property(fc.integer({ min: 1, max: 999 }), (thousandths) => {
          const { breakers } = instance(thousandths / 1_000);
          breakers.finished('t', 1_000 - thousandths, refusals(thousandths));
          expect(breakers.isOpen('t')).to.equal(false);
          breakers.finished('u', 999 - thousandths, refusals(thousandths + 1));
          expect(breakers.isOpen('u')).to.equal(true);
        }),
        { numRuns: 50 },
      );
    });

    it('never at 1, and never at 0, whatever others have recorded', async () => {
      for (const rate of [0, 1]) {
        const { breakers, told } = instance(rate);
        breakers.finished('t', 0, refusals(5_000));
        expect(told).to.deep.equal([]);
      }
      await new BreakerRows(dataSource, group).open('t', { refused: 501, finished: 501, reason: 'r' });
      const off = instance(0);
      await off.breakers.load();
      expect(off.breakers.isOpen('t')).to.equal(false);
    });

    it('one topic alone, and says which, why and what to do in one line', () => {
      const { breakers, said } = instance();
      breakers.finished('u', 100, refusals(400));
      breakers.finished('t', 300, [
        ...refusals(200),
        ...refusals(150, '/data/tags/3'),
        ...refusals(160, '/data/tags/17'),
      ]);
      expect(breakers.isOpen('u')).to.equal(false);
      const [line, ...others] = said(50);
      expect(others).to.deep.equal([]);
      expect(line).to.include({ topic: 't', refused: 510, finished: 810, reason: 'invalid type /data/tags/*' });
      expect(line?.msg).to.match(/too many events of t are refused.*roll the producer or dbw back.*DLQ_MAX_RATE/);
      expect(breakers.list().map(({ topic, reason }) => [topic, reason])).to.deep.equal([
        ['t', 'invalid type /data/tags/*'],
      ]);
    });
  });

  describe('tries ten events', () => {
    it('30 s after it opened, and 30 s after the last ten were judged', () => {
      const here = instance();
      const { breakers, clock } = here;
      expect(breakers.trial('t')).to.equal(undefined);
      breakers.finished('t', 0, refusals(501));
      clock.ms += TRIAL_MS - 1;
      expect(breakers.trial('t')).to.equal(undefined);
      clock.ms += 1;
      expect(breakers.trial('t')).not.to.equal(undefined);
      expect(breakers.trial('t')).to.equal(breakers.trial('t'));
      clock.ms += 5_000;
      expect(tryTen(here, 6)).to.equal(false);
      clock.ms += TRIAL_MS - 1;
      expect(breakers.trial('t')).to.equal(undefined);
      clock.ms += 1;
      const trial = breakers.trial('t')!;
      trial.offer(messages(TRIAL_SIZE), false);
      expect(breakers.trial('t'), 'while it is being tried').to.equal(undefined);
      breakers.abandon(trial);
      expect(breakers.trial('t'), 'a new one at once').not.to.be.oneOf([undefined, trial]);
    });

    it('and closes when at most half of them are refused, with counts that begin anew', () => {
      for (const [refused, closes] of [
        [10, false],
        [6, false],
        [5, true],
        [0, true],
      ] as const) {
        const here = instance();
        const { breakers, clock, told, said } = here;
        breakers.finished('t', 0, refusals(501));
        clock.ms += TRIAL_MS;
        expect(tryTen(here, refused)).to.equal(closes);
        expect(breakers.isOpen('t')).to.equal(!closes);
        expect(told).to.deep.equal(closes ? ['open t', 'close t'] : ['open t']);
        if (!closes) expect(said(40)[0]).to.include({ tried: 10, refused, reason: 'invalid type /data/userId' });
        if (!closes) continue;
        breakers.finished('t', 0, refusals(500));
        expect(breakers.isOpen('t')).to.equal(false);
        breakers.finished('t', 0, refusals(1));
        expect(breakers.isOpen('t')).to.equal(true);
      }
    });

    it('or as many as there are; none at all decide nothing', () => {
      const here = instance();
      here.breakers.finished('t', 0, refusals(501));
      here.clock.ms += TRIAL_MS;
      expect(here.breakers.judge(here.breakers.trial('t')!, [])).to.equal(false);
      here.clock.ms += TRIAL_MS;
      const trial = here.breakers.trial('t')!;
      trial.offer(messages(3), true);
      expect(here.breakers.judge(trial, refusals(1))).to.equal(true);
    });

    it('and what a trial of an earlier opening says no longer matters', async () => {
      const [here, other] = [instance(), instance()];
      here.breakers.finished('t', 0, refusals(501));
      await here.breakers.refresh();
      here.clock.ms += TRIAL_MS;
      const late = here.breakers.trial('t')!;
      late.offer(messages(TRIAL_SIZE), false);
      await other.breakers.load();
      expect(tryTen(other, 0)).to.equal(true);
      await other.breakers.refresh();
      await here.breakers.refresh();
      expect(here.breakers.judge(late, refusals(10))).to.equal(true);
      here.breakers.finished('t', 0, refusals(501));
      expect(here.breakers.judge(late, [])).to.equal(false);
      expect(here.breakers.isOpen('t')).to.equal(true);
    });
  });

  describe('is recorded in PostgreSQL', () => {
    it('and survives the process; the first trial of the next one is due at once', async () => {
      const before = instance();
      before.breakers.finished('t', 100, refusals(600));
      await until(async () => (await recorded()).length > 0);
      const row = { topic: 't', refused: 600, finished: 700, reason: 'invalid type /data/userId' };
      expect(await recorded()).to.deep.equal([row]);

      const next = instance();
      await next.breakers.load();
      expect(next.told).to.deep.equal(['open t']);
      expect(next.said(50)[0]).to.include(row);
      expect(tryTen(next, 2)).to.equal(true);
      await until(async () => (await recorded()).length === 0);
      const last = instance();
      await last.breakers.load();
      expect(last.told).to.deep.equal([]);
    });

    it('so that all instances of a group open and close together, and no other group', async () => {
      const [one, two] = [instance(), instance()];
      group = unique('group');
      const stranger = instance();
      one.breakers.finished('t', 0, refusals(501));
      await one.breakers.refresh();
      for (const each of [two, stranger]) await each.breakers.refresh();
      expect([two.told, stranger.told]).to.deep.equal([['open t'], []]);
      expect(two.breakers.trial('t'), 'the other has just tried it').to.equal(undefined);

      two.clock.ms += TRIAL_MS;
      expect(tryTen(two, 5)).to.equal(true);
      await two.breakers.refresh();
      await one.breakers.refresh();
      for (const each of [one, two]) {
        await each.breakers.refresh();
        expect(each.told).to.deep.equal(['open t', 'close t']);
      }
    });

    it('once, where two instances open at the same time', async () => {
      const [one, two] = [instance(), instance()];
      one.breakers.finished('t', 0, refusals(501));
      await one.breakers.refresh();
      two.breakers.finished('t', 0, refusals(502));
      await two.breakers.refresh();
      expect(await recorded()).to.have.lengthOf(1);
      one.clock.ms += TRIAL_MS;
      expect(tryTen(one, 0)).to.equal(true);
      await one.breakers.refresh();
      await two.breakers.refresh();
      expect([one.told, two.told]).to.deep.equal(Array(2).fill(['open t', 'close t']));
    });

    it('later, where PostgreSQL does not take it at once', async () => {
      const here = instance();
      await dataSource.query('ALTER TABLE dbw.breakers RENAME TO hidden');
      here.breakers.finished('t', 0, refusals(501));
      await until(() => here.said(40).length > 0);
      expect(here.said(40)[0]?.msg).to.match(/cannot record which topics are unread/);
      expect(await here.breakers.refresh().catch((error: unknown) => String(error))).to.include('dbw.breakers');
      expect(here.breakers.isOpen('t')).to.equal(true);
      await dataSource.query('ALTER TABLE dbw.hidden RENAME TO breakers');
      await here.breakers.refresh();
      expect(await recorded()).to.have.lengthOf(1);

      await dataSource.query('ALTER TABLE dbw.breakers RENAME TO hidden');
      here.clock.ms += TRIAL_MS;
      expect(tryTen(here, 0)).to.equal(true);
      await until(() => here.said(40).length > 1);
      expect(here.breakers.isOpen('t')).to.equal(false);
      await dataSource.query('ALTER TABLE dbw.hidden RENAME TO breakers');
      await here.breakers.refresh();
      expect(await recorded()).to.deep.equal([]);
      expect(here.told).to.deep.equal(['open t', 'close t']);
    });

    it('and a record that is late does not close what has opened since', async () => {
      const [here, other] = [instance(), instance()];
      here.breakers.finished('t', 0, refusals(501));
      await here.breakers.refresh();
      await other.breakers.load();
      await dataSource.query('ALTER TABLE dbw.breakers RENAME TO hidden');
      here.clock.ms += TRIAL_MS;
      expect(tryTen(here, 0)).to.equal(true);
      await until(() => here.said(40).length > 0);
      await dataSource.query('ALTER TABLE dbw.hidden RENAME TO breakers');
      // Meanwhile another instance has closed it too, and opened it again for more refusals.
      expect(tryTen(other, 0)).to.equal(true);
      await other.breakers.refresh();
      other.breakers.finished('t', 0, refusals(700));
      await other.breakers.refresh();
      await here.breakers.refresh();
      expect(await recorded()).to.have.lengthOf(1);
      expect(here.told).to.deep.equal(['open t', 'close t', 'open t']);
    });

    it('and what opens or closes while PostgreSQL is asked is not undone by its answer', async () => {
      const here = instance();
      const holder = dataSource.createQueryRunner();
      const waits = () =>
        until(async () => {
          const sql = `SELECT FROM pg_locks WHERE relation = 'dbw.breakers'::regclass AND NOT granted`;
          return (await dataSource.query<unknown[]>(sql)).length > 0;
        });
      await holder.query('BEGIN');
      await holder.query('LOCK TABLE dbw.breakers');
      const first = here.breakers.refresh();
      await waits();
      here.breakers.finished('t', 0, refusals(501));
      await holder.query('COMMIT');
      await first;
      expect(here.told).to.deep.equal(['open t']);
      await here.breakers.refresh();

      here.clock.ms += TRIAL_MS;
      await holder.query('BEGIN');
      await holder.query('LOCK TABLE dbw.breakers');
      const second = here.breakers.refresh();
      await waits();
      expect(tryTen(here, 0)).to.equal(true);
      await holder.query('COMMIT');
      await holder.release();
      await second;
      await here.breakers.refresh();
      expect(here.told).to.deep.equal(['open t', 'close t']);
      expect(await recorded()).to.deep.equal([]);
    });
  });
});
