// How many events a second, beside other ways to write the same rows: all in the same rounds.
import { posts } from '../../test/support/generator/index.js';
import { consume, type Consuming } from './dbw.js';
import type { Part } from './part.js';
import type { Way } from './rounds.js';
import { copy, rowsOf, unnest } from './rows.js';
import { sketch } from './sketch.js';
import { stageMixed, stagePosts, USERS } from './staging.js';

/** The sketch does some hundred a second. */
const SKETCHED = 2_000;
const SEED = 1;

const SETTINGS: readonly (readonly [name: string, env: Readonly<Record<string, string>>])[] = [
  ['without Redis', { REDIS_HOST: '' }],
  ['one writer', { DBW_WRITERS: '1' }],
  ['two writers', { DBW_WRITERS: '2' }],
  ['batches of 100', { BATCH_SIZE: '100' }],
  ['batches of 1,000', { BATCH_SIZE: '1000' }],
  ['batches of 5,000', { BATCH_SIZE: '5000' }],
];

const MIXED = {
  'all thirty types': { seed: 2, poison: 0, disorder: 0, duplicates: 0 },
  'all thirty, dirty': { seed: 3, poison: 0.001 },
};

/** COPY, and where asked for: other limits, dbw with other settings, all types, the sketch. COPY is the first. */
export const throughput: Part = {
  names: ['limits', 'settings', 'mixed', 'sketch'],
  title: 'events a second',
  compared: 'rate',
  seconds({ events, rounds, only }) {
    // Each consume starts a process, makes a database and joins a group.
    const consuming = 1 + (only.has('settings') ? SETTINGS.length : 0) + (only.has('mixed') ? 4 : 0);
    const limits = only.has('limits') ? 2 : 1;
    const sketched = only.has('sketch') ? Math.min(events, SKETCHED) / 160 + 4 : 0;
    return rounds * (consuming * (events / 25_000 + 4) + limits * (events / 50_000 + 2) + sketched) + events / 10_000;
  },
  async run({ events, only }, measure, tell) {
    const staged = async <T>(name: string, staging: Promise<T>): Promise<T> => {
      const filled = await staging;
      tell(`topics are filled: ${name}`);
      return filled;
    };
    const rows = rowsOf([...posts({ seed: SEED, events: events + USERS, users: USERS })]);
    const prefix = await staged('posts', stagePosts({ seed: SEED, events }));
    const consuming = (name: string, what: Consuming, count = events): Way => ({
      name,
      run: () => consume(count, what),
    });
    const ways: Way[] = [{ name: 'COPY', run: async () => ({ eventsPerSecond: events / (await copy(rows)) }) }];
    if (only.has('limits')) {
      ways.push({ name: 'INSERT … unnest', run: async () => ({ eventsPerSecond: events / (await unnest(rows)) }) });
    }
    ways.push(consuming('dbw consume', { prefix }));
    if (only.has('settings')) ways.push(...SETTINGS.map(([name, env]) => consuming(name, { prefix, env })));
    if (only.has('mixed')) {
      for (const [name, options] of Object.entries(MIXED)) {
        const { prefix, messages } = await staged(name, stageMixed({ ...options, events }));
        ways.push(consuming(name, { prefix, dirty: options.poison > 0 }, messages));
      }
    }
    if (only.has('sketch')) {
      const few = Math.min(events, SKETCHED);
      const some = { ...rows, posts: rows.posts.slice(0, few) };
      const short = await staged('the sketch', stagePosts({ seed: SEED, events: few }));
      ways.push({ name: 'the first sketch', run: async () => ({ eventsPerSecond: await sketch(short, some, few) }) });
    }
    return measure(ways);
  },
};
