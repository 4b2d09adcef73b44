// Databases of one measurement each.
import pg from 'pg';
import { databaseConfig, freshDatabase } from '../../test/support/database.js';

/** Databases that were made and not yet dropped. */
const made = new Set<string>();

/** A new database with the schema, to which nobody is connected; returns its name. */
export async function newDatabase(): Promise<string> {
  const dataSource = await freshDatabase();
  await dataSource.destroy();
  const name = String(dataSource.options.database);
  made.add(name);
  return name;
}

/** Drops a database, whoever is connected. */
export async function dropDatabase(name: string): Promise<void> {
  // Without a limit of time: a server that is still writing what was measured takes its while.
  await withClient(process.env.DB_DATABASE ?? 'dbw', (client) => client.query(`DROP DATABASE ${name} WITH (FORCE)`));
  made.delete(name);
}

/** Drops every database that was made here. */
export async function dropDatabases(): Promise<void> {
  for (const name of made) await dropDatabase(name);
}

/** Works in a new database, which is dropped afterwards. */
export async function inNewDatabase<T>(work: (database: string) => Promise<T>): Promise<T> {
  const database = await newDatabase();
  try {
    return await work(database);
  } finally {
    await dropDatabase(database);
  }
}

/** A connection whose statements may take as long as they need; `end` it. */
export async function open(database: string): Promise<pg.Client> {
  const { host, port, username, password } = databaseConfig(database);
  const client = new pg.Client({ host, port, user: username, ...(password ? { password } : {}), database });
  await client.connect();
  return client;
}

/** Works with one connection to a database. */
export async function withClient<T>(database: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = await open(database);
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

// Keys in their order, so that the indexes grow at their ends: in the end they hold the same, in a third of the time.
const AUTHORS = 500;
const USERS = `INSERT INTO public.users (user_id, username, email, role, created_at)
  SELECT 'there-' || i, 'there' || i, 'there' || i || '@example.com', 'creator', '2023-01-01T00:00:00Z'
  FROM generate_series(0, ${AUTHORS - 1}) AS i`;
const POSTS = `INSERT INTO public.posts (post_id, author_id, content, media_urls, visibility, content_type, tags, created_at)
  SELECT id::text, 'there-' || (i % ${AUTHORS}), left(repeat(md5(id::text), 3), 90),
    jsonb_build_array('https://cdn.example.com/media/' || left(md5(i::text), 12) || '.jpg'), 'public', 'image',
    '["daily", "word"]', timestamptz '2023-01-01T00:00:00Z' + i * interval '10 ms'
  FROM (SELECT id, row_number() OVER (ORDER BY id) AS i
    FROM (SELECT gen_random_uuid() AS id FROM generate_series(1, $1::integer)) AS made) AS ordered ORDER BY id`;
const IDS = `INSERT INTO dbw.processed_events (day, id, hash)
  SELECT '1999-01-01', id, 0 FROM (SELECT gen_random_uuid() AS id FROM generate_series(1, $1::integer)) AS made ORDER BY id`;

/** Puts posts there as if dbw had written them long ago: their rows, and as many ids of events. */
export async function fillWithPosts(database: string, posts: number): Promise<void> {
  await withClient(database, async (client) => {
    await client.query(`SET work_mem = '256MB'`);
    await client.query(USERS);
    await client.query(POSTS, [posts]);
    await client.query(IDS, [posts]);
    // What autovacuum would do some time later, in the midst of a measurement.
    await client.query('VACUUM (ANALYZE) public.posts');
    await client.query('VACUUM (ANALYZE) dbw.processed_events');
    await client.query('CHECKPOINT').catch(() => undefined); // for those with the right to it
  });
}
