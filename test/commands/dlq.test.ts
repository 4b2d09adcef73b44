import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { crc32 } from 'node:zlib';
import type { Refusal } from '../../src/event/decode.js';
import { keepOversize } from '../../src/postgres/oversize.js';
import { eventKey } from '../../src/postgres/processed.js';
import { Session } from '../../src/postgres/session.js';
import type { DlqDiscard } from '../../src/letters/set-aside.js';
import type { DlqExport } from '../../src/letters/export.js';
import type { DlqList } from '../../src/letters/list.js';
import type { ShownLetter } from '../../src/letters/show.js';
import type { DlqSummary } from '../../src/letters/summarize.js';
import { fingerprintOf } from '../../src/letters/letter.js';
import { dbw, type Ended } from '../support/cli.js';
import { dbwLetter, LetterPlace, planted, REFUSAL } from '../support/letter-place.js';
import { int32, int64 } from '../support/raw-batch.js';
import { createTopics } from '../support/topics.js';

const HOUR = 3_600_000;
const SECRETS = ['ann@example.com', 'Ann Smith', 'ann-key', '4711', 'broken{'];

interface Exported {
  readonly id: string;
  readonly value: unknown;
  readonly headers: unknown;
}

function envelope(eventId: string, data: object, eventType = 'user.created'): Buffer {
  return Buffer.from(JSON.stringify({ eventId, eventType, timestamp: '2024-05-01T10:00:00Z', data }));
}

describe('dbw dlq', function () {
  let place: LetterPlace;
  const now = Date.now();
  const INVALID = fingerprintOf(REFUSAL);
  const personal = { username: 'Ann Smith', email: 'ann@example.com', role: 'subscriber', pin: 4711 };

  /** Runs a command and gives its one document of `--json`. */
  async function json<T>(...args: string[]): Promise<T> {
    const ended = await run(...args, '--json');
    expect(ended.status, ended.stderr).to.equal(0);
    return JSON.parse(ended.stdout) as T;
  }

  function run(...args: string[]): Promise<Ended> {
    return dbw(['dlq', ...args], place.env);
  }

  /** Messages of errors are wrapped at some width. */
  function said({ stderr }: Ended): string {
    return stderr.replaceAll(/\s*\n [›»]\s+/g, ' ').replaceAll(/\s+/g, ' ');
  }

  before(async () => {
    place = await LetterPlace.make(2);
    const { prefix, dataSource } = place;
    const users = `${prefix}user.created`;
    const at = (offset: number, partition = 0, topic = users) => ({ topic, partition, offset });
    const a = envelope('event-a', personal);
    const c = envelope('event-c', personal);
    const oldA = dbwLetter(at(1), a, { ...REFUSAL, eventId: 'event-a' }, { failedAt: now - 30 * HOUR });
    const newA = dbwLetter(at(1), a, { ...REFUSAL, eventId: 'event-a' }, { failedAt: now - 2 * HOUR, replays: 1 });
    const { eventType: _type, ...untyped } = REFUSAL;
    const malformed: Refusal = { ...untyped, reason: 'malformed', code: 'syntax', path: '' };
    const b = dbwLetter(at(2), Buffer.from('ann@example.com broken{'), malformed, { failedAt: now - HOUR });
    const ofC = dbwLetter(at(3), c, { ...REFUSAL, eventId: 'event-c' }, { failedAt: now - HOUR });
    const foreign = dbwLetter(
      at(9, 0, 'other.user.created'),
      a,
      { ...REFUSAL, eventId: 'event-f' },
      { failedAt: now - HOUR },
    );
    const strange = planted(0, dbwLetter(at(10), a, REFUSAL, { failedAt: now }));
    const connect = {
      '__connect.errors.topic': users,
      '__connect.errors.partition': '1',
      '__connect.errors.offset': '5',
      '__connect.errors.exception.class.name': 'org.example.DataException',
      '__connect.errors.exception.message': 'cannot read ann@example.com',
    };
    const spring = {
      'kafka_dlt-original-topic': users,
      'kafka_dlt-original-partition': int32(1),
      'kafka_dlt-original-offset': int64(6),
      'kafka_dlt-exception-fqcn': 'java.lang.IllegalStateException',
      'kafka_dlt-exception-message': 'Ann Smith was refused',
    };
    const full = { ...personal, userId: 'ann' };
    await place.plant([
      planted(1, newA), // read before or after the older one: partitions are read side by side
      planted(0, oldA),
      planted(0, b),
      planted(0, foreign),
      { ...strange, headers: { ...strange.headers, 'dbw.dlq.version': '2' } },
      planted(1, ofC),
      { partition: 1, value: envelope('event-connect', full), headers: connect },
      { partition: 1, value: envelope('event-spring', full), headers: spring },
      { partition: 1, value: envelope('event-bare', full) },
    ]);
    const large = dbwLetter(at(77), a, { ...REFUSAL, eventId: 'event-large' }, { failedAt: now - 3 * HOUR });
    await Session.with(dataSource, (session) => keepOversize(session, place.topic, large));
    const key = eventKey('event-c').toString('hex');
    const hash = crc32(c) | 0;
    const insert = `INSERT INTO dbw.processed_events (day, id, hash) VALUES ('1999-01-01', $1::uuid, $2)`;
    await dataSource.query(insert, [key, hash]);
    await dataSource.query(
      `INSERT INTO dbw.parked_events (id, hash, topic, partition, "offset", value, headers, produced_at, event_id, event_type, wait_table, wait_key)
       VALUES ($1::uuid, 1, $2, 0, 1, '', '[]', now(), 'event-a', 'user.created', 'users', 'ann@example.com')`,
      [eventKey('event-a').toString('hex'), users],
    );
  });
  after(() => place.dataSource.destroy());

  describe('summary', () => {
    it('counts each message once, by cause and by how it stands', async () => {
      const summary = await json<DlqSummary>('summary');
      const { causes, unreadable, ...totals } = summary;
      expect(totals).to.deep.equal({
        ...{ topic: place.topic, letters: 8, open: 6, resolved: 1, discarded: 0, foreign: 1, superseded: 1 },
      });
      expect(unreadable).to.have.lengthOf(1);
      expect(unreadable[0]).to.include({ count: 1, example: '0:3' });
      expect(unreadable[0]?.why).to.contain('version 2');
      const [worst, ...others] = causes;
      const { hours, ...invalid } = worst!;
      expect(invalid).to.deep.equal({
        ...{ fingerprint: INVALID, reason: 'invalid', eventType: 'user.created', code: 'required' },
        ...{ path: '/data/userId', count: 4, open: 2, resolved: 1, discarded: 0, foreign: 1, example: '1:0' },
        firstSeen: new Date(now - 3 * HOUR).toISOString(),
        lastSeen: new Date(now - HOUR).toISOString(),
      });
      expect(hours).to.have.lengthOf(24);
      expect(hours.reduce((sum, count) => sum + count)).to.equal(4);
      expect(others.map(({ reason, code, open }) => `${reason} ${code} ${open}`)).to.have.members([
        ...['malformed syntax 1', 'other DataException 1', 'other IllegalStateException 1', 'other  1'],
      ]);
    });

    it('says the same in words, in 80 columns, and what to type next', async () => {
      const { stdout } = await run('summary');
      expect(stdout).to.contain('8 messages in').and.to.contain('1 older letter of the same messages not counted');
      expect(stdout).to.contain('dbw dlq show 1:0');
      expect(stdout).to.contain(`dbw replay-dlq --topic ${place.topic} --fingerprint ${INVALID} --dry-run`);
      expect((await run()).stdout, 'dbw dlq without a terminal').to.equal(stdout);
      const tables = stdout.split('\n').slice(0, 16);
      expect(Math.max(...tables.map((line) => line.length))).to.be.at.most(80);
    });

    it('takes filters', async () => {
      expect((await json<DlqSummary>('summary', '--reason', 'malformed,other')).letters).to.equal(4);
      // The older letter of the message lies in partition 0: the newest counts, and it lies elsewhere.
      expect((await json<DlqSummary>('summary', '--partition', '0')).letters).to.equal(2);
      expect((await json<DlqSummary>('summary', '--until', '150m')).letters).to.equal(1);
    });
  });

  describe('ls', () => {
    it('lists what is open, the newest first', async () => {
      const { letters, found } = await json<DlqList>('ls');
      expect(found).to.equal(6);
      expect(letters.map(({ id }) => id).slice(-3)).to.deep.equal(['0:1', '1:0', `${place.prefix}user.created:0:77`]);
      expect(letters.slice(0, 3).map(({ id }) => id)).to.have.members(['1:2', '1:3', '1:4']);
      expect(letters.every(({ state }) => state === 'open')).to.equal(true);
    });

    it('lists other states, and no more than are wanted', async () => {
      const idsOf = async (...args: string[]) => (await json<DlqList>('ls', ...args)).letters.map(({ id }) => id);
      const of = (state: string) => idsOf('--state', state);
      const [resolved, foreign, all] = await Promise.all(['resolved', 'foreign', 'all'].map(of));
      expect([resolved, foreign]).to.deep.equal([['1:1'], ['0:2']]);
      expect(all).to.have.lengthOf(8);
      expect(await idsOf('--event-id', 'event-a')).to.deep.equal(['1:0']);
      const { letters, found } = await json<DlqList>('ls', '--limit', '2');
      expect([letters.length, found]).to.deep.equal([2, 6]);
    });
  });

  describe('show', () => {
    it('tells all of a letter, by its own place and by that of its message', async () => {
      const letter = await json<ShownLetter>('show', '1:0');
      const origin = { topic: `${place.prefix}user.created`, partition: 0, offset: 1 };
      expect(letter).to.deep.include({ id: '1:0', origin, state: 'open', reason: 'invalid', replays: 1, attempts: 3 });
      expect(letter.opinion).to.include({ accepted: false, code: 'required', path: '/data/userId' });
      expect(letter.value[letter.place ?? -1]?.trim()).to.equal('"data": {');
      expect(letter.waits).to.have.lengthOf(1);
      expect(letter.waits[0]).to.include({ table: 'users', key: '"‹text of 15›"' });
      expect(letter.replay).to.equal(`dbw replay-dlq --topic ${place.topic} --event-id event-a`);
      const byOrigin = await json<ShownLetter>('show', `${place.prefix}user.created:0:1`);
      expect(byOrigin).to.deep.equal({ ...letter, older: ['0:0'] });
    });

    it('tells resolved, foreign and oversize letters', async () => {
      expect(await json<ShownLetter>('show', '1:1')).to.deep.include({ state: 'resolved', otherContent: false });
      expect((await json<ShownLetter>('show', '0:2')).state).to.equal('foreign');
      const large = await json<ShownLetter>('show', `${place.prefix}user.created:0:77`);
      expect(large).to.include({ oversize: true, eventId: 'event-large' });
    });

    it('tells what would become of it now', async () => {
      expect((await json<ShownLetter>('show', '1:2')).opinion).to.deep.equal({ accepted: true });
      const malformed = await json<ShownLetter>('show', '0:1');
      expect(malformed.opinion).to.include({ accepted: false, reason: 'malformed' });
      expect(malformed.replay).to.contain(`--fingerprint ${malformed.fingerprint} --partition 0`);
    });

    it('tells no value of any letter, unless it is to reveal them', async () => {
      const commands = ['0:1', '1:0', '1:2', '1:3', `${place.prefix}user.created:0:77`].map((id) => ['show', id]);
      await Promise.all(
        [...commands, ['show', '1:0', '--json']].map(async (words) => {
          const { status, stdout, stderr } = await run(...words);
          expect(status).to.equal(0);
          for (const secret of SECRETS) expect(stdout + stderr, words.join(' ')).not.to.contain(secret);
          expect(stdout).to.match(words[1] === '0:1' ? /no JSON/ : /‹text of/);
        }),
      );
      const revealed = await run('show', '1:0', '--reveal');
      for (const secret of SECRETS.slice(0, 4)) expect(revealed.stdout).to.contain(secret);
      expect((await run('show', '0:1', '--reveal')).stdout)
        .to.contain('61 6e 6e 40')
        .and.to.contain('  ann@example.com ');
    });

    it('says why there is no letter', async () => {
      const absent: Record<string, [status: number, message: string]> = {
        '7:0': [5, 'has the partitions 0 to 1'],
        '0:999': [5, 'partition 0 ends before'],
        '0:3': [5, 'version 2'],
        'user.created:0:1': [5, 'no message of that place'],
        nonsense: [2, 'is no ID of a letter'],
      };
      await Promise.all(
        Object.entries(absent).map(async ([id, [status, message]]) => {
          const ended = await run('show', id);
          expect(said(ended)).to.contain(message);
          expect(ended.status, id).to.equal(status);
        }),
      );
    });
  });

  describe('export', () => {
    const folder = mkdtempSync(join(tmpdir(), 'letters-'));

    it('writes each message once, with its bytes and without what dead-lettering added', async () => {
      const file = join(folder, 'all.jsonl');
      expect(await json<DlqExport>('export', file)).to.deep.equal({ topic: place.topic, file, letters: 8 });
      const lines = readFileSync(file, 'utf8').trim().split('\n').map((line) => JSON.parse(line) as Exported); // prettier-ignore
      const a = lines.find(({ id }) => id === '1:0');
      expect(a).to.deep.include({ origin: { topic: `${place.prefix}user.created`, partition: 0, offset: 1 } });
      const value = envelope('event-a', personal);
      expect(a?.value).to.deep.equal({ base64: value.toString('base64'), text: value.toString() });
      const source = Buffer.from('ann@example.com');
      expect(a?.headers).to.deep.equal([
        { name: 'source', value: { base64: source.toString('base64'), text: 'ann@example.com' } },
      ]);
    });

    it('masks values', async () => {
      const { stdout, status } = await run('export', '-', '--mask');
      expect(status).to.equal(0);
      expect(stdout.trim().split('\n')).to.have.lengthOf(8);
      for (const secret of SECRETS) expect(stdout).not.to.contain(secret);
    });

    it('replaces no file unless it may', async () => {
      const file = join(folder, 'held.jsonl');
      writeFileSync(file, 'mine');
      const refused = await run('export', file);
      expect([refused.status, readFileSync(file, 'utf8')]).to.deep.equal([5, 'mine']);
      expect(said(refused)).to.contain('is there already');
      await json('export', file, '--force', '--reason', 'malformed');
      expect(readFileSync(file, 'utf8').trim().split('\n')).to.have.lengthOf(1);
      expect(existsSync(`${file}.part`)).to.equal(false);
      expect((await run('export', '-', '--json')).status).to.equal(2);
    });
  });

  it('ends quietly when nobody reads on', async () => {
    const bin = fileURLToPath(new URL('../../bin/run.js', import.meta.url));
    for (const words of [['export', '-'], ['ls']]) {
      const env = { ...process.env, ...place.env };
      const child = spawn(process.execPath, [bin, 'dlq', ...words], { env, stdio: ['ignore', 'pipe', 'pipe'] });
      child.stdout.destroy();
      let stderr = '';
      child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
      const status = await new Promise((resolve) => child.once('close', resolve));
      expect([status, stderr.replace(/^.* (written|left alone, .*)\.\n$/, '')], words.join(' ')).to.deep.equal([0, '']);
    }
  });

  describe('what is no dead-letter topic', () => {
    it('is refused: one that does not exist, a source, a compacted one', async () => {
      const compacted = `${place.prefix}compacted`;
      await createTopics([compacted], 1, { 'cleanup.policy': 'compact' });
      const topics: Record<string, string> = {
        nowhere: 'There is no topic nowhere',
        [`${place.prefix}user.created`]: 'is a source topic',
        [compacted]: 'is compacted',
      };
      await Promise.all(
        Object.entries(topics).map(async ([topic, message]) => {
          const ended = await run('summary', '--topic', topic);
          expect(said(ended)).to.contain(message);
          expect(ended.status).to.equal(5);
        }),
      );
    });
  });

  // The last: it changes how letters stand.
  describe('discard', () => {
    it('asks for what it needs, and changes nothing without it', async () => {
      const wrong: Record<string, string[]> = {
        'Missing required flag reason': ['1:0'],
        '--reason is blank': ['1:0', '--reason', ' '],
        'Which letters?': ['--reason', 'a test'],
        'not both': ['1:0', '--event-id', 'event-a', '--reason', 'a test'],
        'no terminal to ask on': ['1:0', '--reason', 'a test'],
      };
      await Promise.all(
        Object.entries(wrong).map(async ([message, args]) => {
          const ended = await run('discard', ...args);
          expect(said(ended)).to.contain(message);
          expect(ended.status, message).to.equal(2);
        }),
      );
      expect((await run('discard', '1:0', '0:999', '--reason', 'x', '--yes')).status).to.equal(5);
      expect((await json<DlqSummary>('summary')).discarded).to.equal(0);
    });

    it('sets aside what is open of a cause, and says what it leaves out', async () => {
      const args = ['discard', '--fingerprint', INVALID, '--reason', 'sent again', '--yes'];
      const first = await json<DlqDiscard>(...args);
      const cause = 'invalid  user.created  required at /data/userId';
      const causes = [{ fingerprint: INVALID, cause, count: 2 }];
      const left = { topic: place.topic, resolved: 1, foreign: 1 };
      expect(first).to.deep.equal({ ...left, discarded: 2, alreadyDiscarded: 0, causes });
      expect(await json<DlqDiscard>(...args)).to.deep.equal({ ...left, discarded: 0, alreadyDiscarded: 2, causes: [] });
      const shown = await json<ShownLetter>('show', '1:0');
      expect(shown.state).to.equal('discarded');
      expect(shown.discarded).to.deep.include({ reason: 'sent again', fingerprint: INVALID });
      const summary = await json<DlqSummary>('summary');
      expect([summary.open, summary.discarded]).to.deep.equal([4, 2]);
    });

    it('sets single letters aside, also of others', async () => {
      const { discarded } = await json<DlqDiscard>('discard', '1:2', '1:4', '--reason', 'a test', '--yes');
      expect(discarded).to.equal(2);
      const { discarded: more } = await json<DlqDiscard>('discard', '--died-of', 'malformed', '--reason', 'x', '--yes');
      expect(more).to.equal(1);
      const { letters } = await json<DlqList>('ls');
      expect(letters.map(({ id }) => id)).to.deep.equal(['1:3']);
    });
  });
});
