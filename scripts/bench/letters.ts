// What operators do with much: a summary of dead letters, their replay, a backfill over events that are all known.
import { eventKey } from '../../src/postgres/processed.js';
import { posts } from '../../test/support/generator/index.js';
import { inNewDatabase, newDatabase, withClient } from './databases.js';
import { consumeInto, numberOf, runJson } from './dbw.js';
import { eventIdOf, topicOfMended, topicOfRefused } from './dead-letters.js';
import type { Part } from './part.js';
import type { Sample } from './rounds.js';
import { fillUsers, rowsOf } from './rows.js';
import { stagePosts, USERS } from './staging.js';

const SEED = 6;
const count = (n: number) => n.toLocaleString('en-US');

/** The events of every third of the first so many refused letters have been processed since. */
function resolveThird(database: string, letters: number): Promise<void> {
  const ids = Array.from({ length: Math.floor(letters / 3) }, (_, i) => eventKey(eventIdOf(i * 3)).toString('hex'));
  return withClient(database, async (client) => {
    await client.query(
      `INSERT INTO dbw.processed_events (day, id, hash) SELECT '1999-01-01', x::uuid, 0 FROM unnest($1::text[]) AS x`,
      [ids],
    );
    await client.query('ANALYZE dbw.processed_events');
  });
}

async function summary(database: string, topic: string, letters: number): Promise<Sample> {
  const { result, seconds, used } = await runJson(['dlq', 'summary'], { DB_DATABASE: database, DLQ_TOPIC: topic });
  if (result.get('letters') !== letters) throw new Error(`dlq summary found ${String(result.get('letters'))} letters`);
  return { seconds, eventsPerSecond: letters / seconds, peakMiB: used.peakMiB };
}

function replay(topic: string, letters: number): Promise<Sample> {
  const rows = rowsOf([...posts({ seed: SEED, events: USERS, users: USERS })]);
  return inNewDatabase(async (database) => {
    await fillUsers(database, rows);
    const env = { DB_DATABASE: database, DLQ_TOPIC: topic };
    const { seconds, used } = await runJson(['replay-dlq', '--yes'], env);
    const written = await withClient(database, (client) => client.query<{ n: number }>('SELECT count(*)::integer AS n FROM posts')); // prettier-ignore
    if (written.rows[0]?.n !== letters)
      throw new Error(`replay-dlq wrote ${written.rows[0]?.n ?? 0} of ${letters} posts`);
    return { seconds, eventsPerSecond: letters / seconds, peakMiB: used.peakMiB };
  });
}

async function backfill(database: string, prefix: string): Promise<Sample> {
  const env = { DB_DATABASE: database, KAFKA_TOPIC_PREFIX: prefix };
  const args = ['backfill', '--topic', 'content.post.created', '--from-offset', '0', '--reason', 'bench', '--yes'];
  const { result, seconds, used } = await runJson(args, env);
  return {
    seconds,
    eventsPerSecond: numberOf(result.get('eventsPerSecond'), 'eventsPerSecond'),
    peakMiB: used.peakMiB,
  };
}

export const letters: Part = {
  names: ['letters'],
  title: 'letters and known events',
  seconds: ({ events, letters: all, rounds }) =>
    events / 20_000 + all / 15_000 + rounds * (all / 70_000 + events / 10_000 + events / 100_000 + 4),
  async run({ events, letters: all }, measure, tell) {
    const [summed, refilled] = [await newDatabase(), await newDatabase()];
    const refused = await topicOfRefused(all);
    await resolveThird(summed, all);
    tell(`a topic is filled: ${count(all)} letters`);
    const mended = await topicOfMended(events, SEED);
    const prefix = await stagePosts({ seed: SEED, events });
    await consumeInto(refilled, events, { prefix });
    tell(`topics are filled: ${count(events)} letters to replay, ${count(events)} known events`);
    return measure([
      { name: `dlq summary of ${count(all)}`, run: () => summary(summed, refused, all) },
      { name: `replay-dlq of ${count(events)}`, run: () => replay(mended, events) },
      { name: `backfill over ${count(events)} known`, run: () => backfill(refilled, prefix) },
    ]);
  },
};
