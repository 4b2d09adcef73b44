// The rows of the posts, as other ways to write them take them: the limits that `dbw consume` is compared with.
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type pg from 'pg';
import { from } from 'pg-copy-streams';
import type { Message } from '../../test/support/generator/index.js';
import { inNewDatabase, open, withClient } from './databases.js';

const USERS = ['user_id', 'username', 'email', 'role', 'created_at'] as const;
const POSTS = [
  ...['post_id', 'author_id', 'content', 'media_urls', 'visibility', 'content_type', 'price', 'tags', 'created_at'],
] as const;
const BATCH = 1_000;
const CONNECTIONS = 2;

type Cells = (string | null)[];

export interface Rows {
  readonly users: readonly Cells[];
  readonly posts: readonly Cells[];
}

function cell(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** The rows that the messages of `posts()` make. */
export function rowsOf(messages: readonly Message[]): Rows {
  const users: Cells[] = [];
  const posts: Cells[] = [];
  for (const { event } of messages) {
    const d = event?.data ?? {};
    const at = event?.timestamp;
    if (event?.eventType === 'user.created') users.push([d.userId, d.username, d.email, d.role, at].map(cell));
    else {
      const { postId, authorId, content, mediaUrls, visibility, contentType, price, tags } = d;
      posts.push([postId, authorId, content, mediaUrls, visibility, contentType, price, tags, at].map(cell));
    }
  }
  return { users, posts };
}

function escaped(value: string | null): string {
  if (value === null) return '\\N';
  return value.replace(/[\\\t\n\r]/g, (c) => ({ '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' })[c] ?? c);
}

function* lines(rows: readonly Cells[]): Generator<string> {
  for (let i = 0; i < rows.length; i += 500) {
    yield rows
      .slice(i, i + 500)
      .map((row) => `${row.map(escaped).join('\t')}\n`)
      .join('');
  }
}

function copyTo(client: pg.Client, table: string, columns: readonly string[], chunks: Iterable<string>): Promise<void> {
  return pipeline(Readable.from(chunks), client.query(from(`COPY ${table} (${columns.join(', ')}) FROM STDIN`)));
}

/** Puts the users into a database. */
export function fillUsers(database: string, { users }: Rows): Promise<void> {
  return withClient(database, (client) => copyTo(client, 'users', USERS, lines(users)));
}

async function timedIn(database: string, rows: Rows, write: (clients: pg.Client[]) => Promise<void>): Promise<number> {
  await fillUsers(database, rows);
  const clients = await Promise.all(Array.from({ length: CONNECTIONS }, () => open(database)));
  const started = performance.now();
  await write(clients);
  const seconds = (performance.now() - started) / 1000;
  await Promise.all(clients.map((client) => client.end()));
  return seconds;
}

/** Seconds that COPY of the posts takes, over one connection, into the migrated table with its key, indexes and foreign key. */
export function copyInto(database: string, rows: Rows): Promise<number> {
  const chunks = [...lines(rows.posts)];
  return timedIn(database, rows, async ([client]) => {
    if (client) await copyTo(client, 'posts', POSTS, chunks);
  });
}

/** The same into a new database. */
export function copy(rows: Rows): Promise<number> {
  return inNewDatabase((database) => copyInto(database, rows));
}

/** Seconds that the posts take as a hand-written client would insert them: arrays, 1,000 rows a transaction, two connections. */
export function unnest(rows: Rows): Promise<number> {
  const types = ['text', 'text', 'text', 'text', 'text', 'text', 'numeric', 'text', 'timestamptz'];
  const values = POSTS.map((name) => (name === 'media_urls' || name === 'tags' ? `${name}::jsonb` : name));
  const text = `INSERT INTO posts (${POSTS.join(', ')}) SELECT ${values.join(', ')}
    FROM unnest(${types.map((type, i) => `$${i + 1}::${type}[]`).join(', ')}) AS x (${POSTS.join(', ')})`;
  const write = async (clients: pg.Client[]) => {
    let next = 0;
    const work = async (client: pg.Client) => {
      while (next < rows.posts.length) {
        const batch = rows.posts.slice(next, (next += BATCH));
        await client.query({ name: 'insert', text, values: POSTS.map((_, column) => batch.map((row) => row[column])) });
      }
    };
    await Promise.all(clients.map(work));
  };
  return inNewDatabase((database) => timedIn(database, rows, write));
}
