import { isDeepStrictEqual } from 'node:util';
import { expect } from 'chai';
import { tables } from '../../src/handlers/index.js';
import { evictAll } from '../support/evict.js';
import { generate, shuffle } from '../support/generator/index.js';
import { expectedTables } from '../support/model.js';
import { idsOf, Place, valid } from '../support/place.js';
import { readRows } from '../support/rows.js';
import { createTopics, header, readTopic, send } from '../support/topics.js';
import { unique } from '../support/unique.js';
import { until } from '../support/until.js';

const SAMPLE = `{"eventId":"test-123","eventType":"user.created","timestamp":"2024-01-01T00:00:00.000Z","data":{"userId":"u-1","username":"ann","email":"ann@example.org","role":"subscriber"}}`;

describe('dbw consume', function () {
  this.timeout(300_000);
  const places: Place[] = [];
  const place = async (types?: readonly string[], settings?: Readonly<Record<string, string>>): Promise<Place> => {
    const made = await Place.make(types, undefined, settings);
    places.push(made);
    return made;
  };
  after(() => Promise.all(places.map(({ dataSource }) => dataSource.destroy())));

  for (const [name, seed, order, retention, days] of [
    ['in order', 11, undefined, '-1', 400],
    ['shuffled across and within topics', 12, 3, '604800000', 8],
  ] as const) {
    it(`leaves a dirty stream of all thirty types, ${name}, as the model has it; once more changes nothing`, async () => {
      const here = await place(undefined, { 'retention.ms': retention });
      const messages = generate({ seed, events: 3_000, poison: 0.01 });
      await here.send(order === undefined ? messages : shuffle(messages, order));
      await here.catchUp();
      // Ids are kept for as long as Kafka keeps events, within bounds; today and three days to come are days too.
      const partitions = `SELECT FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'dbw.processed_events'::regclass AND c.relname ~ '_[0-9]{8}$'`;
      expect(await here.dataSource.query(partitions)).to.have.lengthOf(days + 4);

      const { tables: model, waiting } = expectedTables(valid(messages));
      expect(await readRows(here.dataSource)).to.deep.equal(model);
      const parked: { event_id: string }[] = await here.dataSource.query('SELECT event_id FROM dbw.parked_events');
      expect(new Set(parked.map(({ event_id }) => event_id))).to.deep.equal(
        new Set(waiting.map(({ eventId }) => eventId)),
      );

      const letters = await readTopic(here.deadLetterTopic);
      const refused = messages.filter(({ expect: fate }) => fate === 'refuse');
      const asText = (value: Buffer | null) => value?.toString('base64') ?? '';
      expect(letters.map(({ value }) => asText(value)).sort()).to.deep.equal(
        refused.map(({ value }) => asText(value)).sort(),
      );
      const reasons = new Map(refused.map(({ value, reason }) => [asText(value), reason]));
      for (const letter of letters) {
        expect(header(letter, 'dbw.dlq.reason')).to.equal(reasons.get(asText(letter.value)));
      }

      const before = await here.state();
      await here.catchUp({ KAFKA_GROUP_ID: unique('group'), REDIS_HOST: '' });
      expect(await here.state()).to.deep.equal(before);
      // The ids forgotten, in PostgreSQL and so in Redis too: its marks speak of a record that is no more.
      await here.dataSource.query('TRUNCATE dbw.processed_events, dbw.parked_events');
      await here.catchUp({ KAFKA_GROUP_ID: unique('group') });
      expect(await here.state()).to.deep.equal(before);
    });
  }

  it('names the event whose id another had before it', async () => {
    const here = await place(['user.created']);
    const other = SAMPLE.replaceAll('u-1', 'u-2');
    const topic = `${here.prefix}user.created`;
    await send([SAMPLE, SAMPLE, other].map((text) => ({ topic, key: 'u-1', value: Buffer.from(text) })));
    const { stderr, stdout } = await here.catchUp();
    const lines = stderr.split('\n').filter((line) => line.includes('an id that another had'));
    expect(lines.map((line) => JSON.parse(line) as object)).to.containSubset([
      { level: 40, topic, offset: 2, eventType: 'user.created', more: 0 },
    ]);
    expect(JSON.parse(stdout)).to.containSubset({ outcomes: { applied: 1, duplicate: 1, collision: 1 } });
    expect(stderr).not.to.contain('test-123');
  });

  it('writes a message that any tool sent, says so on its port, and ends well on SIGTERM', async () => {
    const here = await place(['user.created']);
    const running = here.consume();
    await send([{ topic: 'user.created', key: 'u-1', value: Buffer.from(SAMPLE) }], here.prefix);
    await until(async () => (await readRows(here.dataSource)).get('users')?.size === 1, running);
    const [row] = await here.dataSource.query<unknown[]>('SELECT username, email, role, created_at FROM users');
    expect(row).to.deep.equal({
      username: 'ann',
      email: 'ann@example.org',
      role: 'subscriber',
      created_at: new Date('2024-01-01T00:00:00Z'),
    });

    const port = /"port":(\d+)/.exec(running.output.stderr)?.[1];
    const response = await fetch(`http://127.0.0.1:${port}/health`);
    expect(response.status).to.equal(200);
    const health = (await response.json()) as Record<string, unknown>;
    expect(health).to.include({ status: 'healthy' });
    expect(Object.keys(health).slice(0, 5)).to.deep.equal([
      'status',
      'kafka',
      'database',
      'redis',
      'lastProcessedEvent',
    ]);
    expect((await fetch(`http://127.0.0.1:${port}/health`, { method: 'POST' })).status).to.equal(405);
    expect((await fetch(`http://127.0.0.1:${port}/nothing`)).status).to.equal(404);

    running.child.kill('SIGTERM');
    expect((await running.ended).status).to.equal(0);
    const positions = await here.dataSource.query<unknown>(
      'SELECT sum(next_offset)::integer AS next FROM dbw.positions',
    );
    expect(positions).to.deep.equal([{ next: 1 }]);
    const again = await here.consume(['--until-caught-up', '--json']).ended;
    expect(JSON.parse(again.stdout)).to.deep.include({
      outcomes: { applied: 0, duplicate: 0, collision: 0, parked: 0, dead_letter: 0, tombstone: 0 },
    });
  });

  it('reads topics that come to exist later', async () => {
    const here = await place([]);
    const running = here.consume();
    await until(() => running.output.stderr.includes('none of the source topics exists yet'), running);
    await createTopics([`${here.prefix}user.created`]);
    await send([{ topic: 'user.created', key: 'u-1', value: Buffer.from(SAMPLE) }], here.prefix);
    await until(async () => (await readRows(here.dataSource)).get('users')?.size === 1, running);
    await createTopics([`${here.prefix}user.deleted`]);
    const deleted = SAMPLE.replace('user.created', 'user.deleted').replace('test-123', 'test-124');
    await send([{ topic: 'user.deleted', key: 'u-1', value: Buffer.from(deleted) }], here.prefix);
    await until(
      async () =>
        (await here.dataSource.query<unknown[]>('SELECT FROM users WHERE deleted_at IS NOT NULL')).length === 1,
      running,
    );
    running.child.kill('SIGINT');
    expect((await running.ended).status).to.equal(0);
  });

  it('gives up what waits in vain with a letter, and applies it all the same when its row comes', async () => {
    const here = await place(['user.created', 'content.post.created']);
    const post = { postId: 'p-1', authorId: 'u-1', content: 'hello', mediaUrls: [], visibility: 'public' };
    const event = {
      eventId: 'post-1',
      eventType: 'content.post.created',
      timestamp: '2024-01-02T00:00:00Z',
      data: post,
    };
    await send(
      [
        {
          topic: 'content.post.created',
          key: 'p-1',
          value: Buffer.from(JSON.stringify(event)),
          headers: { traceparent: 'x' },
        },
      ],
      here.prefix,
    );
    const running = here.consume([], { PARK_TIMEOUT_MS: '10' });
    await until(
      async () =>
        (await here.dataSource.query<unknown[]>('SELECT FROM dbw.parked_events WHERE dead_at IS NOT NULL')).length ===
        1,
      running,
    );
    const [letter] = await readTopic(here.deadLetterTopic);
    expect(letter?.value?.toString()).to.equal(JSON.stringify(event));
    expect(letter && header(letter, 'dbw.dlq.reason')).to.equal('missing_reference');
    expect(letter && header(letter, 'dbw.dlq.path')).to.equal('users');
    expect(letter && header(letter, 'dbw.dlq.event-id')).to.equal('post-1');
    expect(letter && header(letter, 'traceparent')).to.equal('x');

    await send([{ topic: 'user.created', key: 'u-1', value: Buffer.from(SAMPLE) }], here.prefix);
    await until(async () => (await readRows(here.dataSource)).get('posts')?.size === 1, running);
    expect(await here.dataSource.query('SELECT FROM dbw.parked_events')).to.deep.equal([]);
    expect(
      await here.dataSource.query(`SELECT FROM dbw.processed_events WHERE id = dbw.event_key('post-1')`),
    ).to.have.lengthOf(1);
    running.child.kill('SIGTERM');
    expect((await running.ended).status).to.equal(0);
  });

  it('loses nothing and counts nothing twice when it is killed at any instant', async () => {
    const here = await place();
    const messages = generate({ seed: 21, events: 8_000, poison: 0.01 });
    await here.send(messages);
    const half = messages.length / 2;
    for (const share of [0.1, 0.5]) {
      const running = here.consume([], { BATCH_SIZE: '100' });
      await until(async () => {
        const [{ count }]: [{ count: string }] = await here.dataSource.query(
          'SELECT count(*) FROM dbw.processed_events',
        );
        return Number(count) >= half * share;
      }, running);
      running.child.kill('SIGKILL');
      await running.ended;
      await evictAll(here.groupId);
    }
    await here.catchUp();
    expect(await readRows(here.dataSource)).to.deep.equal(expectedTables(valid(messages)).tables);
    const refused = messages.filter(({ expect: fate }) => fate === 'refuse').length;
    expect(new Set(idsOf(await readTopic(here.deadLetterTopic))).size).to.equal(refused);
  });

  it('commits no offset before its event is written', async () => {
    const here = await place(['user.created', 'skill.created']);
    const stored = () =>
      here.dataSource.query<{ topic: string }[]>('SELECT topic FROM dbw.positions WHERE next_offset > 0');
    const holder = here.dataSource.createQueryRunner();
    await holder.startTransaction();
    await holder.query('LOCK TABLE users IN ACCESS EXCLUSIVE MODE');
    const running = here.consume();
    await send([{ topic: 'user.created', key: 'u-1', value: Buffer.from(SAMPLE) }], here.prefix);
    const waiting = `SELECT FROM pg_locks WHERE relation = 'users'::regclass AND NOT granted`;
    await until(async () => (await here.dataSource.query<unknown[]>(waiting)).length > 0, running);

    // Another writer goes on, and its offset is stored: had the first batch's been finished, it would be stored with it.
    const data = { skillId: 's-1', category: 'talent', name: 'Piano' };
    const skill = { eventId: 's', eventType: 'skill.created', timestamp: '2024-01-01T00:00:00Z', data };
    await send([{ topic: 'skill.created', key: 's-1', value: Buffer.from(JSON.stringify(skill)) }], here.prefix);
    await until(async () => (await stored()).length > 0, running);
    expect(await stored()).to.deep.equal([{ topic: `${here.prefix}skill.created` }]);

    running.child.kill('SIGKILL');
    await running.ended;
    await evictAll(here.groupId);
    await holder.rollbackTransaction();
    await holder.release();
    await here.catchUp();
    expect((await readRows(here.dataSource)).get('users')?.size).to.equal(1);
  });

  it('begins where the rows end, when PostgreSQL is older than the offsets in Kafka', async () => {
    const here = await place();
    const messages = generate({ seed: 51, events: 1_000, poison: 0 });
    await here.send(messages);
    await here.catchUp();
    const before = await here.state();
    // As after a backup from before the first message was restored.
    const all = [...tables.map(({ name }) => `public.${name}`), 'dbw.processed_events', 'dbw.parked_events'];
    await here.dataSource.query(`TRUNCATE ${all.join(', ')}`);
    await here.dataSource.query('UPDATE dbw.positions SET next_offset = 0');
    await here.catchUp();
    expect(await here.state()).to.deep.equal(before);
  });

  it('begins anew where the rows end, when PostgreSQL loses some while it runs', async () => {
    const here = await place();
    const messages = generate({ seed: 52, events: 600, poison: 0 });
    await here.send(messages);
    const running = here.consume();
    await until(() => here.isCommitted(), running);
    const before = await here.state();
    // As after a fail-over to a replica that was behind: rows and positions are older, all at once.
    const all = [...tables.map(({ name }) => `public.${name}`), 'dbw.processed_events', 'dbw.parked_events'];
    await here.dataSource.query(`TRUNCATE ${all.join(', ')}; UPDATE dbw.positions SET next_offset = 0`);
    await until(async () => isDeepStrictEqual(await here.state(), before), running);
    await until(() => here.isCommitted(), running);
    expect(running.output.stderr).to.include('reading begins anew where its positions say');
    running.child.kill('SIGTERM');
    expect((await running.ended).status).to.equal(0);
  });

  it('shares the partitions with others of its group, who come and go', async () => {
    const here = await place();
    const messages = generate({ seed: 31, events: 6_000, poison: 0 });
    await here.send(messages.slice(0, 3_000));
    const first = here.consume([], { BATCH_SIZE: '50' });
    await until(() => first.output.stderr.includes('partitions assigned'), first);
    const second = here.consume([], { BATCH_SIZE: '50' });
    await until(() => second.output.stderr.includes('partitions assigned'), second);
    await here.send(messages.slice(3_000));
    first.child.kill('SIGTERM');
    expect((await first.ended).status).to.equal(0);
    await here.catchUp();
    second.child.kill('SIGTERM');
    expect((await second.ended).status).to.equal(0);
    expect(await readRows(here.dataSource)).to.deep.equal(expectedTables(valid(messages)).tables);
  });

  it('ends after --max-events, with offsets of just those', async () => {
    const here = await place(['user.created']);
    const users = generate({ seed: 41, events: 2_000, poison: 0, duplicates: 0, disorder: 0 }).filter(
      ({ topic }) => topic === 'user.created',
    );
    await here.send(users.slice(0, 20));
    const ended = await here.consume(['--max-events', '7', '--json']).ended;
    expect(ended.status, ended.stderr).to.equal(0);
    expect((await readRows(here.dataSource)).get('users')?.size).to.equal(7);
    const positions = await here.dataSource.query<unknown>(
      'SELECT sum(next_offset)::integer AS next FROM dbw.positions',
    );
    expect(positions).to.deep.equal([{ next: 7 }]);
    await here.catchUp();
    expect((await readRows(here.dataSource)).get('users')?.size).to.equal(20);
  });

  it('stops reading at PARK_MAX and says so', async () => {
    const here = await place(['user.updated']);
    const orphan = (i: number) => ({
      eventId: `e-${i}`,
      eventType: 'user.updated',
      timestamp: '2024-01-01T00:00:00Z',
      data: { userId: `u-${i}`, updates: {} },
    });
    await send(
      Array.from({ length: 50 }, (_, i) => ({
        topic: 'user.updated',
        key: null,
        value: Buffer.from(JSON.stringify(orphan(i))),
      })),
      here.prefix,
    );
    const running = here.consume([], { PARK_MAX: '10' });
    await until(() => running.output.stderr.includes('too many events are parked'), running);
    running.child.kill('SIGTERM');
    expect((await running.ended).status).to.equal(0);
  });
});
