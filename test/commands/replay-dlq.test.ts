import { expect } from 'chai';
import type { ReplaySummary } from '../../src/commands/replay-dlq.js';
import { keepOversize } from '../../src/postgres/oversize.js';
import { discard } from '../../src/postgres/discards.js';
import { operator } from '../../src/postgres/runs.js';
import { readLetter, isLetter } from '../../src/letters/dead-letter.js';
import { Session } from '../../src/postgres/session.js';
import { registry } from '../../src/handlers/index.js';
import { dbw, startDbw, type Ended } from '../support/cli.js';
import { deadLetter, sendLetters, type Wanted } from '../support/dead-letters.js';
import { envelope } from '../support/envelopes.js';
import type { Envelope } from '../support/model.js';
import { idsOf, Place } from '../support/place.js';
import { int32, int64 } from '../support/raw-batch.js';
import { createTopics, header, readTopic, send } from '../support/topics.js';
import { until } from '../support/until.js';

const user = (userId: string) =>
  envelope('user.created', { userId, username: `name of ${userId}`, email: 'a@b.c', role: 'subscriber' });
const post = (postId: string, authorId: string) =>
  envelope('content.post.created', { postId, authorId, content: 'text', mediaUrls: [], visibility: 'public' });
const invalid = (userId: string): Envelope => envelope('user.created', { userId, username: 5 });

describe('dbw replay-dlq', function () {
  this.timeout(120_000);
  const places: Place[] = [];
  after(() => Promise.all(places.map(({ dataSource }) => dataSource.destroy())));

  let offset = 0;
  /** A place with a dead-letter topic, and these letters in it. */
  async function given(wanted: readonly Omit<Wanted, 'offset'>[] = [], partitions = 2): Promise<Place> {
    const here = await Place.make(['user.created', 'content.post.created']);
    places.push(here);
    await createTopics([here.deadLetterTopic], partitions, { 'retention.ms': '-1', 'max.message.bytes': '20000000' });
    await add(here, wanted);
    return here;
  }

  async function add(here: Place, wanted: readonly (Omit<Wanted, 'offset'> & { offset?: number })[]): Promise<void> {
    const letters = wanted.map((one) => deadLetter(here.prefix, { offset: ++offset, ...one }));
    await sendLetters(here.deadLetterTopic, letters);
  }

  async function replay(here: Place, args: readonly string[] = [], env: Record<string, string> = {}): Promise<Ended> {
    return dbw(['replay-dlq', ...args], { ...here.env, BATCH_SIZE: '5', ...env });
  }

  function summaryOf({ stdout, stderr }: Ended): ReplaySummary {
    try {
      return JSON.parse(stdout) as ReplaySummary;
    } catch {
      throw new Error(`no summary: ${stdout} ${stderr}`);
    }
  }

  /** What is not 0. */
  function countsOf(ended: Ended): Record<string, number> {
    return Object.fromEntries(Object.entries(summaryOf(ended).counts).filter(([, count]) => count > 0));
  }

  const usersOf = async (here: Place): Promise<string[]> => {
    const rows: { user_id: string }[] = await here.dataSource.query('SELECT user_id FROM users ORDER BY 1');
    return rows.map(({ user_id }) => user_id);
  };

  /** Letters of every fate: 8 that can be written, 3 that never can, 2 that wait, 2 known, 1 discarded, 1 foreign, 1 tried too often. */
  async function mixed(): Promise<Place> {
    const here = await given();
    const known = [user('k1'), user('k2')];
    await send(
      known.map((event) => ({ topic: 'user.created', key: 'k', value: Buffer.from(JSON.stringify(event)) })),
      here.prefix,
    );
    await here.catchUp();
    await add(here, [
      // Children before their parents, over several batches.
      ...[1, 2, 3, 4].map((n) => ({
        event: post(`p${n}`, `u${n}`),
        reason: 'missing_reference' as const,
        code: '23503',
        path: 'users',
      })),
      ...[1, 2, 3, 4].map((n) => ({ event: user(`u${n}`) })),
      ...[1, 2].map((n) => ({
        event: invalid(`i${n}`),
        reason: 'invalid' as const,
        code: 'type',
        path: '/data/username',
      })),
      { event: Buffer.from('{'), reason: 'malformed' as const, code: 'syntax', path: '' },
      ...[5, 6].map((n) => ({
        event: post(`p${n}`, `nobody${n}`),
        reason: 'missing_reference' as const,
        code: '23503',
        path: 'users',
      })),
      ...known.map((event) => ({ event })),
      { event: user('foreign'), topic: 'other.user.created' },
      { event: user('often'), replays: 3 },
      { event: user('discarded'), offset: 9_999_999 },
    ]);
    const records = await readTopic(here.deadLetterTopic);
    const letters = records.map((record) =>
      readLetter(
        {
          ...{ topic: here.deadLetterTopic, partition: 0, offset: Number(record.offset), timestamp: 0 },
          ...{ key: record.key, value: record.value },
          headers: Object.entries(record.headers ?? {}).map(
            ([name, value]) => [name, Buffer.from(String(value))] as const,
          ),
        },
        { registry, prefix: here.prefix },
      ),
    );
    const aside = letters.filter(isLetter).filter(({ origin }) => origin.offset === 9_999_999);
    expect(await discard(here.dataSource, here.deadLetterTopic, aside, 'a test')).to.equal(1);
    return here;
  }

  it('does with each letter what was foretold, sends back what died again, and nothing else', async () => {
    const here = await mixed();
    const before = { state: await here.state(), letters: await readTopic(here.deadLetterTopic) };
    const foretold = await replay(here, ['--dry-run', '--json']);
    expect(foretold.status, foretold.stderr).to.equal(0);
    expect({ state: await here.state(), letters: await readTopic(here.deadLetterTopic) }).to.deep.equal(before);
    expect(await dbwRuns(here)).to.deep.equal([]);

    const ended = await replay(here, ['--yes', '--json']);
    expect(ended.status, ended.stderr).to.equal(3);
    // Children that are read before their parents are applied with them.
    expect(countsOf(ended)).to.deep.equal({ applied: 8, alreadyApplied: 2, parked: 2, deadAgain: 3, skipped: 3 });
    expect(countsOf(foretold)).to.deep.equal(countsOf(ended));
    const [record] = await dbwRuns(here);
    expect(record?.counts).to.deep.include(countsOf(ended));
    expect(await usersOf(here)).to.deep.equal(['k1', 'k2', 'u1', 'u2', 'u3', 'u4']);
    const posts: unknown[] = await here.dataSource.query('SELECT post_id FROM posts');
    expect(posts).to.have.length(4);

    const after = await readTopic(here.deadLetterTopic);
    expect(after).to.have.length(before.letters.length + 3);
    const again = after.filter((record) => header(record, 'dbw.dlq.replays') === '1');
    expect(again).to.have.length(3);
    for (const id of idsOf(again)) expect(idsOf(before.letters)).to.include(id);
    for (const record of again) {
      const id = idsOf([record])[0];
      const first = before.letters.find((one) => idsOf([one])[0] === id);
      expect(record.key).to.deep.equal(first?.key);
      expect(record.value).to.deep.equal(first?.value);
      expect(Date.parse(header(record, 'dbw.dlq.first-failed-at') ?? '')).to.equal(
        Date.parse((header(first!, 'dbw.dlq.failed-at') ?? '').replace(/(\.\d{3})\d*/, '$1')),
      );
    }

    // Once more: what died again is tried again, everything else is done.
    const second = await replay(here, ['--yes', '--json']);
    expect(countsOf(second).applied).to.equal(undefined);
    expect(countsOf(second)).to.deep.include({ deadAgain: 3, parked: 2, skipped: 3 });
    expect(countsOf(await replay(here, ['--yes', '--json']))).to.deep.include({ deadAgain: 3 });
    const fourth = await replay(here, ['--yes', '--json']);
    expect(countsOf(fourth)).to.deep.include({ parked: 2, skipped: 6 }); // three replays are enough
    expect(fourth.status).to.equal(0);
  });

  async function dbwRuns(
    here: Place,
  ): Promise<{ kind: string; state: string; user_name: string; counts: Record<string, number> }[]> {
    return here.dataSource.query('SELECT kind, state, user_name, counts FROM dbw.runs ORDER BY id');
  }

  it('of several letters of one message tries the newest only, in whichever partition they stand', async () => {
    const here = await given();
    const event = user('once');
    await add(here, [
      { event: invalid('old'), offset: 77, key: 'a' },
      { event: invalid('old'), offset: 77, key: 'b' },
    ]);
    await add(here, [{ event, offset: 77, key: 'c' }]);
    const ended = await replay(here, ['--yes', '--json']);
    expect(countsOf(ended)).to.deep.equal({ applied: 1 });
    expect(await usersOf(here)).to.deep.equal(['once']);
  });

  it('takes only what the filters let through', async () => {
    const here = await given([{ event: user('a') }, { event: user('b'), code: '22003' }, { event: post('p', 'a') }]);
    const letters = (await readTopic(here.deadLetterTopic)).map((record) => header(record, 'dbw.dlq.fingerprint'));
    expect(new Set(letters).size).to.equal(3);
    expect(countsOf(await replay(here, ['--yes', '--json', '--event-type', 'content.post.created']))).to.deep.equal({
      parked: 1,
    });
    const [only] = summaryOf(
      await replay(here, ['--dry-run', '--json', '--event-type', 'user.created', '--limit', '1']),
    ).groups;
    expect(only?.count).to.equal(1);
    const fingerprint = only?.fingerprint ?? '';
    expect(countsOf(await replay(here, ['--yes', '--json', '--fingerprint', fingerprint]))).to.deep.equal({
      applied: 1,
    });
    expect(await usersOf(here)).to.have.length(1);
    expect(countsOf(await replay(here, ['--yes', '--json', '--until', '1h']))).to.deep.equal({});
  });

  for (const signal of ['SIGINT', 'SIGKILL'] as const) {
    it(`goes on where it was interrupted twice (${signal}), and meets nothing twice`, async () => {
      const events = Array.from({ length: 40 }, (_, n) =>
        n % 4 === 3 ? invalid(`i${n}`) : user(`u${String(n).padStart(2, '0')}`),
      );
      const here = await given(
        events.map((event, n) => ({ event, key: `key ${n}` })),
        3,
      );
      for (const done of [5, 15]) {
        const running = startDbw(['replay-dlq', '--yes', '--json', '--rate', '20'], { ...here.env, BATCH_SIZE: '3' });
        await until(async () => {
          const [run] = await dbwRuns(here);
          return (run?.counts.tried ?? 0) >= done;
        }, running);
        running.child.kill(signal);
        const { status, stderr } = await running.ended;
        if (signal === 'SIGINT') {
          expect(status, stderr).to.equal(130);
          expect(stderr).to.contain('goes on where it stopped');
        }
      }
      const ended = await replay(here, ['--yes', '--json']);
      expect(ended.status, ended.stderr).to.equal(3);
      const runs = await dbwRuns(here);
      expect(runs.map(({ kind, state, user_name }) => [kind, state, user_name])).to.deep.equal([
        ['replay-dlq', 'partly', operator().user],
      ]);
      expect(await usersOf(here)).to.have.length(30);
      const records = await readTopic(here.deadLetterTopic);
      if (signal === 'SIGINT') {
        expect(countsOf(ended)).to.deep.equal({ applied: 30, deadAgain: 10 });
        expect(records).to.have.length(50);
      }
      expect(new Set(idsOf(records)).size).to.equal(40);
      const known = await replay(here, ['--yes', '--json']);
      expect(countsOf(known)).to.deep.equal({ alreadyApplied: 30, deadAgain: 10 });
    });
  }

  it('is refused while another replays the same topic, and told which', async () => {
    const here = await given(Array.from({ length: 20 }, (_, n) => ({ event: user(`u${n}`) })));
    const first = startDbw(['replay-dlq', '--yes', '--rate', '5'], { ...here.env });
    await until(async () => (await dbwRuns(here)).length === 1, first);
    const second = await replay(here, ['--yes']);
    expect(second.status, second.stderr).to.equal(5);
    expect(second.stderr.replace(/[\s›]+/g, ' ')).to.contain(`Run 1 is in the way: replay-dlq by ${operator().user}`);
    first.child.kill('SIGINT');
    expect((await first.ended).status).to.equal(130);
  });

  it('stops when more than half of the first letters die again', async () => {
    const here = await given(
      [...Array(6).keys()].map((n) => ({ event: n < 4 ? invalid(`i${n}`) : user(`u${n}`), key: 'same' })),
    );
    const ended = await replay(here, ['--yes', '--json', '--canary', '4']);
    expect(ended.status, ended.stderr).to.equal(3);
    expect(summaryOf(ended).ending).to.equal('canary');
    expect(countsOf(ended)).to.deep.equal({ deadAgain: 4 });
    expect(await usersOf(here)).to.deep.equal([]);
  });

  it('reads letters of Kafka Connect and Spring, and bare messages', async () => {
    const here = await given();
    const theirs = `${here.prefix}theirs`;
    await createTopics([theirs], 1);
    const topic = `${here.prefix}user.created`;
    const value = (event: Envelope) => Buffer.from(JSON.stringify(event));
    await send([
      {
        ...{ topic: theirs, key: 'c', value: value(user('connect')) },
        headers: {
          ...{ '__connect.errors.topic': topic, '__connect.errors.partition': '0', '__connect.errors.offset': '5' },
          '__connect.errors.exception.class.name': 'org.apache.kafka.connect.errors.DataException',
        },
      },
      {
        ...{ topic: theirs, key: 's', value: value(user('spring')) },
        headers: {
          'kafka_dlt-original-topic': topic,
          'kafka_dlt-original-partition': int32(1),
          'kafka_dlt-original-offset': int64(70_000_000_000),
        },
      },
      { topic: theirs, key: 'b', value: value(user('bare')) },
      { topic: theirs, key: 'b', value: value(invalid('bad')) },
      { topic: theirs, key: 'v', value: value(user('later')), headers: { 'dbw.dlq.version': '2' } },
    ]);
    const ended = await replay(here, ['--topic', theirs, '--yes', '--json']);
    expect(countsOf(ended), ended.stderr).to.deep.equal({ applied: 3, deadAgain: 1, skipped: 1 });
    expect(await usersOf(here)).to.deep.equal(['bare', 'connect', 'spring']);
    expect(ended.stderr).to.contain('version 2');
    const again = (await readTopic(theirs)).at(-1);
    expect(again && idsOf([again])).to.deep.equal([`${theirs}:0:3`]);
    // The new letter is known by the same identity: the bare one is met no more.
    expect(countsOf(await replay(here, ['--topic', theirs, '--yes', '--json']))).to.deep.equal({
      ...{ alreadyApplied: 3, deadAgain: 1, skipped: 1 },
    });
  });

  it('replays what was too large for the topic', async () => {
    const here = await given();
    const keep = async (event: Envelope) => {
      const letter = deadLetter(here.prefix, { event, offset: ++offset });
      await Session.with(here.dataSource, (session) => keepOversize(session, here.deadLetterTopic, letter));
    };
    await keep(user('large'));
    await keep(invalid('large and bad'));
    expect(countsOf(await replay(here, ['--dry-run', '--json']))).to.deep.equal({ applied: 1, deadAgain: 1 });
    expect(countsOf(await replay(here, ['--yes', '--json']))).to.deep.equal({ applied: 1, deadAgain: 1 });
    expect(await usersOf(here)).to.deep.equal(['large']);
    // This time the topic took it.
    const [letter] = await readTopic(here.deadLetterTopic);
    expect(letter && header(letter, 'dbw.dlq.replays')).to.equal('1');
    expect(countsOf(await replay(here, ['--yes', '--json']))).to.deep.equal({ alreadyApplied: 1, deadAgain: 1 });
  });

  it('sends messages to their topics again, without what must not be sent again', async () => {
    const headers = [
      ['kept', Buffer.from('yes')],
      ['traceparent', Buffer.from('00-1')],
      ['kafka_receivedTopic', Buffer.from('x')],
    ] as const;
    const here = await given([{ event: user('again'), partition: 1, headers }]);
    const ended = await replay(here, ['--republish', '--yes', '--json']);
    expect(countsOf(ended), ended.stderr).to.deep.equal({ republished: 1 });
    const [record] = await readTopic(`${here.prefix}user.created`);
    expect(Object.keys(record?.headers ?? {}).sort()).to.deep.equal([
      'dbw.dlq.first-failed-at',
      'dbw.dlq.replays',
      'kept',
    ]);
    await here.catchUp();
    expect(await usersOf(here)).to.deep.equal(['again']);
    expect(countsOf(await replay(here, ['--yes', '--json']))).to.deep.equal({ alreadyApplied: 1 });
  });

  it('says what is wrong, with the right status, and changes nothing', async () => {
    const here = await given([{ event: user('a') }]);
    const before = await here.state();
    const wrong: [string[], number, RegExp][] = [
      [['--topic', `${here.prefix}user.created`, '--yes'], 5, /is a source topic.*dbw backfill/],
      [['--topic', 'no-such-topic', '--yes'], 5, /There is no topic no-such-topic/],
      [[], 2, /no terminal to ask on. Add --yes/],
      [['--since', 'tomorrow'], 2, /tomorrow/],
      [['--reason', 'nonsense'], 2, /nonsense/],
      [['--republish', '--dry-run'], 2, /dry-run/],
    ];
    for (const [args, status, says] of wrong) {
      const ended = await replay(here, args);
      const words = ended.stderr.replace(/[\s›]+/g, ' ');
      expect(words).to.match(says);
      expect(ended.status, words).to.equal(status);
    }
    expect(await here.state()).to.deep.equal(before);
    expect(await dbwRuns(here)).to.deep.equal([]);
  });
});
