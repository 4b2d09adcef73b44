import { expect } from 'chai';
import type { BackfillSummary } from '../../src/commands/backfill/index.js';
import { listRuns, Run } from '../../src/postgres/runs.js';
import { dbw, startDbw, type Ended } from '../support/cli.js';
import { inflict } from '../support/damage.js';
import { generate, type Message } from '../support/generator/index.js';
import { expectedTables } from '../support/model.js';
import { Place, valid } from '../support/place.js';
import { readRows } from '../support/rows.js';
import { deleteBefore, withAdmin } from '../support/topics.js';
import { until } from '../support/until.js';

function summaryOf({ stdout }: Ended): BackfillSummary {
  return JSON.parse(stdout) as BackfillSummary;
}

describe('dbw backfill', function () {
  this.timeout(180_000);
  const places: Place[] = [];
  async function placeWith(options: Parameters<typeof generate>[0]): Promise<{ place: Place; messages: Message[] }> {
    const place = await Place.make();
    places.push(place);
    const messages = generate(options);
    await place.send(messages);
    return { place, messages };
  }
  after(() => Promise.all(places.map((place) => place.dataSource.destroy())));

  describe('over a history with poison', () => {
    let place: Place;
    let messages: Message[];
    let all: readonly string[];
    const run = (args: readonly string[], env: Record<string, string> = {}) =>
      dbw(['backfill', ...args], { ...place.env, LOG_LEVEL: 'warn', ...env });
    before(async () => {
      ({ place, messages } = await placeWith({ seed: 5, events: 400 }));
      all = [...new Set(messages.map(({ topic }) => topic))].flatMap((topic) => ['--topic', topic]);
    });

    it('says beforehand what it then does, and changes nothing for that', async () => {
      const empty = await place.state();
      const forecast = await run([...all, '--dry-run', '--json']);
      expect(forecast.status, forecast.stderr).to.equal(0);
      expect(await place.state()).to.deep.equal(empty);
      expect(await listRuns(place.dataSource, 10)).to.deep.equal([]);

      const done = await run([...all, '--yes', '--json']);
      expect(done.status, done.stderr).to.equal(3);
      const [would, did] = [summaryOf(forecast), summaryOf(done)];
      const refused = messages.filter(({ expect: fate }) => fate === 'refuse');
      expect(did.counts.refused).to.equal(refused.length);
      expect(did.refused).to.have.lengthOf(refused.length);
      expect(did.counts.read).to.equal(messages.length);
      expect(would.counts.refused).to.equal(did.counts.refused);
      expect(would.counts.applied + would.counts.known).to.equal(
        did.counts.applied + did.counts.known + did.counts.unparked + did.counts.collisions,
      );
      const { tables: expected, waiting } = expectedTables(valid(messages));
      expect(await readRows(place.dataSource)).to.deep.equal(expected);
      const [parked] = await place.dataSource.query<unknown[]>('SELECT count(*)::integer AS n FROM dbw.parked_events');
      expect(parked).to.deep.equal({ n: waiting.length });
    });

    it('writes no letters, joins no group, and commits no offsets', async () => {
      await withAdmin(async (admin) => {
        expect(await admin.listTopics()).not.to.include(place.deadLetterTopic);
        const { groups } = await admin.describeGroups([place.groupId]);
        expect(groups[0]?.state).to.equal('Dead');
      });
      expect((await place.progress()).committed).to.deep.equal([]);
    });

    it('finds everything known the second time, and is listed by dbw runs', async () => {
      const before = await place.state();
      const again = summaryOf(await run([...all, '--yes', '--json']));
      expect(again.counts.applied).to.equal(0);
      expect(again.counts.parked).to.equal(0);
      expect(await place.state()).to.deep.equal(before);
      const [last] = await listRuns(place.dataSource, 1);
      expect(last).to.deep.include({ id: again.run, kind: 'backfill', state: 'partly' });
      expect(last?.ranges.every(({ next, to }) => next === to)).to.equal(true);
    });

    it('repairs damaged rows with --reapply and a reason', async () => {
      const damages = [
        "UPDATE users SET username = 'wrong'",
        'UPDATE posts SET like_count = 99, comment_count = 0',
        'DELETE FROM post_likes',
        'DELETE FROM messages',
        'UPDATE wallets SET balance = -1',
        'UPDATE follows SET active = NOT active',
        "UPDATE transactions SET status = 'completed', refunded_amount = 0",
      ].map((sql) => ({ what: sql, sql }));
      expect(await inflict(place.dataSource, damages)).to.be.greaterThan(10);
      const refusal = await run([...all, '--reapply', '--yes']);
      expect([refusal.status, refusal.stderr]).to.deep.equal([2, refusal.stderr]);
      expect(refusal.stderr).to.contain('--reason');
      const done = await run([...all, '--reapply', '--reason', 'INC-1', '--yes', '--json']);
      expect(done.status, done.stderr).to.equal(3);
      expect(await readRows(place.dataSource)).to.deep.equal(expectedTables(valid(messages)).tables);
      expect(summaryOf(done).counts.repaired).to.be.greaterThan(10);
      const [last] = await listRuns(place.dataSource, 1);
      expect(last).to.deep.include({ reason: 'INC-1' });
    });

    it('refuses what it is asked wrongly, and changes nothing', async () => {
      const before = await place.state();
      const runs = (await listRuns(place.dataSource, 100)).length;
      const one = ['--topic', 'user.created'];
      const cases: [args: string[], status: number, says: string][] = [
        [['--yes'], 2, '--topic'],
        [['999'], 2, '--resume 999'],
        [[...one, '--from-offset', '1', '--from-time', '2h'], 2, 'from-time'],
        [['--topic', 'user.creatd', '--yes'], 2, 'user.creatd'],
        [one, 2, '--yes'],
        [['--resume', '999', '--yes'], 5, 'There is none'],
      ];
      const ended = await Promise.all(cases.map(([args]) => run(args)));
      for (const [i, [args, status, says]] of cases.entries()) {
        const { stderr, status: actual } = ended[i] ?? { stderr: '', status: null };
        expect(actual, `${args.join(' ')}\n${stderr}`).to.equal(status);
        expect(stderr.replaceAll(/\s*\n\s*›?\s*/g, ' ')).to.contain(says);
      }
      expect(await place.state()).to.deep.equal(before);
      expect(await listRuns(place.dataSource, 100)).to.have.lengthOf(runs);
    });

    it('is refused while another one reads the same range', async () => {
      const topic = `${place.prefix}user.created`;
      const ranges = [{ topic, partition: 0, from: 0, to: 1_000 }];
      const other = await Run.begin(place.dataSource, { kind: 'backfill', reason: undefined, selection: {}, ranges });
      const ended = await run(['--topic', topic, '--yes']);
      expect([ended.status, ended.stderr.includes(`Run ${other.id} is in the way`)]).to.deep.equal([5, true]);
      await other.end('done', 'over');
    });

    it('says how many events retention had deleted of what was asked for', async () => {
      const topic = `${place.prefix}content.post.liked`;
      await deleteBefore(topic, 0, 2);
      const ended = await run(['--topic', topic, '--from-offset', '0', '--yes', '--json']);
      expect(ended.status, ended.stderr).to.equal(6);
      const { lost, counts } = summaryOf(ended);
      expect(lost).to.deep.equal([{ topic, partition: 0, from: 0, to: 2, atMost: false }]);
      expect(counts.lost).to.equal(2);
      const told = await run(['--topic', topic, '--from-offset', '0', '--dry-run']);
      expect(told.stderr).to.contain('Retention has deleted 2 events');
    });
  });

  it('goes on where Ctrl-C stopped it', async () => {
    const { place, messages } = await placeWith({ seed: 6, events: 300, poison: 0 });
    const all = [...new Set(messages.map(({ topic }) => topic))].flatMap((topic) => ['--topic', topic]);
    const args = ['backfill', ...all, '--rate', '200', '--yes', '--json'];
    const env = { ...place.env, LOG_LEVEL: 'warn' };
    const running = startDbw(args, env);
    await until(async () => (await place.processed()) > 0, running);
    running.child.kill('SIGINT');
    const stopped = await running.ended;
    expect(stopped.status, stopped.stderr).to.equal(130);
    const first = summaryOf(stopped);
    expect(first.goOn).to.equal(`dbw backfill --resume ${first.run ?? 0}`);
    expect(first.counts.read).to.be.within(1, messages.length - 1);
    const listed = await dbw(['runs'], env);
    expect(listed.stdout).to.contain(`dbw backfill --resume ${first.run ?? 0}`);

    const ended = await dbw(['backfill', ...all, '--resume', '--yes', '--json'], env);
    expect(ended.status, ended.stderr).to.equal(0);
    const second = summaryOf(ended);
    expect(second.run).to.equal(first.run);
    expect(second.counts.read).to.equal(messages.length);
    expect(await readRows(place.dataSource)).to.deep.equal(expectedTables(valid(messages)).tables);
    expect((await dbw(['backfill', '--resume', String(first.run), '--yes'], env)).status).to.equal(5);
  });
});
