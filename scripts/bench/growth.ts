// What an event costs, and how much memory the process holds, as there is more of one thing and the same of all others.
import { posts, TYPES } from '../../test/support/generator/index.js';
import { fillWithPosts, inNewDatabase, newDatabase } from './databases.js';
import { consume, consumeInto } from './dbw.js';
import type { Asked, Part } from './part.js';
import type { Sample, Way } from './rounds.js';
import { copyInto, fillUsers, rowsOf } from './rows.js';
import { emptyTopics, fillTopics, stagePosts, USERS } from './staging.js';

const count = (n: number) => n.toLocaleString('en-US');
/** A second for each so many events, and what a process and a database take to come and go. */
const consuming = (events: number) => events / 25_000 + 4;
const staging = (events: number) => events / 40_000;

/** Events waiting: a quarter of what other parts take, as many, four times as many, five times (a million by default). */
const waitingSizes = ({ events }: Asked) => [events / 4, events, events * 4, events * 5].map(Math.round);

export const waiting: Part = {
  names: ['waiting'],
  title: 'events waiting',
  compared: 'growth',
  seconds(asked) {
    const sizes = waitingSizes(asked);
    return sizes.reduce((sum, size) => sum + asked.rounds * consuming(size) + staging(size), 0);
  },
  async run(asked, measure, tell) {
    const ways: Way[] = [];
    for (const size of waitingSizes(asked)) {
      const prefix = await stagePosts({ seed: size, events: size });
      tell(`topics are filled: ${count(size)} events`);
      ways.push({ name: count(size), size, run: () => consume(size, { prefix }) });
    }
    return measure(ways);
  },
};

const rowSizes = ({ rows }: Asked) => [0, rows / 5, rows].map(Math.round);

/** A database is filled once; each round brings other events, so that there are always at least so many rows. */
export const rowsThere: Part = {
  names: ['rows'],
  title: 'rows there already',
  compared: 'growth',
  seconds: (asked) =>
    asked.rounds * (3 * (consuming(asked.events) + asked.events / 30_000) + staging(asked.events)) +
    rowSizes(asked).reduce((a, b) => a + b) / 45_000,
  async run(asked, measure, tell) {
    const { events } = asked;
    const [none = 0, ...sizes] = rowSizes(asked);
    let [staged, copied] = [0, 0];
    let prefix = '';
    const stageAnother = async () => {
      prefix = await stagePosts({ seed: 1000 + staged++, events });
    };
    /** And then as many rows by COPY into the same table, other posts: what growth does to PostgreSQL alone. */
    const consumeAndCopy = async (database: string): Promise<Sample> => {
      const sample = await consumeInto(database, events, { prefix });
      const rows = rowsOf([...posts({ seed: 5000 + copied++, events: events + USERS, users: USERS })]);
      return { ...sample, copyMicros: ((await copyInto(database, rows)) / events) * 1e6 };
    };
    const ways: Way[] = [
      {
        name: count(none),
        size: none,
        async run() {
          await stageAnother(); // it is the first of its round
          return inNewDatabase(consumeAndCopy);
        },
      },
    ];
    for (const size of sizes) {
      const database = await newDatabase();
      await fillWithPosts(database, size);
      tell(`a database is filled: ${count(size)} posts`);
      ways.push({ name: count(size), size, run: () => consumeAndCopy(database) });
    }
    return measure(ways);
  },
};

const TOPICS = [1, 10, 30];

/** The same posts, their authors there, while so many topics are read: the others are there, and empty. */
export const topics: Part = {
  names: ['topics'],
  title: 'topics read',
  compared: 'growth',
  seconds: ({ events, rounds }) => rounds * TOPICS.length * consuming(events) + staging(events),
  async run({ events }, measure) {
    const messages = [...posts({ seed: 4, events: events + USERS, users: USERS })];
    const rows = rowsOf(messages);
    const only = messages.filter(({ topic }) => topic === 'content.post.created');
    const prefix = await emptyTopics(TYPES);
    await fillTopics(only, prefix);
    const others = TYPES.filter((type) => type !== 'content.post.created');
    const ways = TOPICS.map((size): Way => {
      const read = ['content.post.created', ...others.slice(0, size - 1)].join(',');
      const run = () =>
        inNewDatabase(async (database) => {
          await fillUsers(database, rows);
          return consumeInto(database, events, { prefix, args: ['--topics', read] });
        });
      return { name: count(size), size, run };
    });
    return measure(ways);
  },
};

const PARTITIONS = [4, 16, 64];

export const partitions: Part = {
  names: ['partitions'],
  title: 'partitions of the topic',
  compared: 'growth',
  seconds: ({ events, rounds }) => PARTITIONS.length * (rounds * consuming(events) + staging(events)),
  async run({ events }, measure) {
    const ways: Way[] = [];
    for (const size of PARTITIONS) {
      const prefix = await stagePosts({ seed: 5, events, partitions: size });
      ways.push({ name: count(size), size, run: () => consume(events, { prefix }) });
    }
    return measure(ways);
  },
};
