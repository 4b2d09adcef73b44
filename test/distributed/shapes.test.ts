import { expect } from 'chai';
import fc from 'fast-check';
import pg from 'pg';
import type { DataSource } from 'typeorm';
import type { Event } from '../../src/event/decode.js';
import { registry, tables } from '../../src/handlers/index.js';
import { compare } from '../../src/postgres/effects.js';
import { ProcessedEvents } from '../../src/postgres/processed.js';
import { Session } from '../../src/postgres/session.js';
import { primaryKey } from '../../src/tables/layout.js';
import { persist } from '../../src/writing/persist.js';
import { Rehearsal } from '../../src/writing/rehearsal.js';
import { Store } from '../../src/writing/store.js';
import { delivery } from '../support/arbitraries.js';
import { freshDistributed } from '../support/citus.js';
import { emptyTables } from '../support/database.js';
import { deliver, eventOf, patient } from '../support/deliver.js';
import { envelope } from '../support/envelopes.js';
import { examplesFor } from '../support/examples.js';
import type { Envelope } from '../support/model.js';

/** One statement as it went to the server. */
interface Sent {
  readonly text: string;
  /** Whether BEGIN went before it on the same connection. */
  readonly inTransaction: boolean;
}

const ARRAY = String.raw`\$\d+::\w+\[\]`;
const UNNEST = String.raw`unnest\(${ARRAY}(?:, ${ARRAY})*\) AS x \((?<given>\w+(?:, \w+)*)\)`;
const RETURNING = String.raw`(?: RETURNING t\.\w+(?:, t\.\w+)*)?`;

/**
 * The accepted shapes. All but the last were seen to work on two worker nodes of Citus 13.0.5; that one is of Citus' manual
 * (a DELETE of several shards). None has a subquery, a lock of rows, or a second table.
 */
const SHAPES = {
  insert: new RegExp(
    String.raw`^INSERT INTO public\.(?<table>\w+) AS t \((?<columns>[\w, ]+)\) SELECT x\.\w+(?:::\w+)?(?:, x\.\w+(?:::\w+)?)* FROM ${UNNEST} ` +
      String.raw`ON CONFLICT \((?<target>[\w, ]+)\) DO (?:NOTHING|UPDATE SET (?<set>\w+ = excluded\.\w+(?:, \w+ = excluded\.\w+)*) WHERE (?<where>.+?))${RETURNING}$`,
  ),
  update: new RegExp(
    String.raw`^UPDATE public\.(?<table>\w+) AS t SET (?<set>.+) FROM ${UNNEST} WHERE (?<where>t\.\w+ = x\.\w+.*?)${RETURNING}$`,
  ),
  look: new RegExp(
    String.raw`^SELECT (?<columns>.+) FROM public\.(?<table>\w+) WHERE \w+ = ANY\(\$1::text\[\]\)(?: AND \w+ = ANY\(\$\d+::text\[\]\))*(?: GROUP BY (?<group>\w+))?$`,
  ),
  delete: /^DELETE FROM public\.(?<table>\w+) WHERE \w+ = ANY\(\$1::text\[\]\)$/,
} as const;

type Shape = keyof typeof SHAPES;

/** Why a statement is none of the accepted shapes; undefined where it is one. */
function objection({ text, inTransaction }: Sent): string | undefined {
  const matched = Object.entries(SHAPES).flatMap(([shape, pattern]) => {
    const groups = pattern.exec(text)?.groups;
    return groups ? [{ shape: shape as Shape, groups }] : [];
  });
  const [{ shape, groups } = { shape: 'look', groups: undefined }] = matched;
  const table = tables.find(({ name }) => name === groups?.table);
  if (matched.length !== 1 || !groups || !table) return 'of no shape';
  if (/\b(?:FOR (?:UPDATE|SHARE|NO KEY|KEY)|EXISTS|JOIN|WITH|nextval|random|now|clock_timestamp)\b/i.test(text)) return 'with a word that is refused';
  if ((text.match(/\bSELECT\b/g) ?? []).length > (shape === 'insert' || shape === 'look' ? 1 : 0)) return 'with a subquery';
  if ((text.match(/\bpublic\./g) ?? []).length !== 1) return 'of two tables';
  if (shape !== 'look' && !inTransaction) return 'outside BEGIN and COMMIT';
  if (shape === 'insert') {
    if (groups.target !== primaryKey(table, 'distributed').join(', ')) return 'with another conflict target than the key';
    if (table.distributeBy !== undefined && !groups.columns?.split(', ').includes(table.distributeBy)) return 'without the distribution column';
  }
  const by = table.distributeBy;
  if (by !== undefined && new RegExp(String.raw`(?:^|, )${by} = `).test(groups.set ?? '')) return 'that sets the distribution column';
  if (groups.group !== undefined && groups.group !== by) return 'grouped by another column than that of the distribution';
  return undefined;
} // prettier-ignore

describe('statements for distributed tables', function () {
  this.timeout(120_000);
  let dataSource: DataSource;
  const processed = new ProcessedEvents();
  const sent: Sent[] = [];
  const query: unknown = Reflect.get(pg.Client.prototype, 'query');

  before(async () => {
    if (typeof query !== 'function') throw new TypeError('pg has no Client.query');
    const open = new WeakSet();
    const record = (client: object, text: string) => {
      const words = text.replace(/\s+/g, ' ').trim();
      if (/^(?:BEGIN|START TRANSACTION)/.test(words)) open.add(client);
      if (words.includes('public.')) sent.push({ text: words, inTransaction: open.has(client) });
      if (/^(?:COMMIT|ROLLBACK)$/.test(words)) open.delete(client);
    };
    // Below everything of ours: whoever sends a statement to PostgreSQL sends it by this.
    Reflect.set(pg.Client.prototype, 'query', function (this: object, ...args: unknown[]): unknown {
      for (const text of textsOf(args[0])) record(this, text);
      const answer: unknown = Reflect.apply(query, this, args);
      return answer;
    });
    dataSource = await freshDistributed();
    await processed.maintain(dataSource, 8);
  });
  after(async () => {
    Reflect.set(pg.Client.prototype, 'query', query);
    await dataSource.destroy();
  });

  /** What a first argument of pg's `query` sends: a text, a statement, or several of them in a round trip. */
  function textsOf(given: unknown): string[] {
    if (typeof given === 'string') return [given];
    if (typeof given !== 'object' || given === null) return [];
    if ('statements' in given && Array.isArray(given.statements)) return given.statements.flatMap(textsOf);
    return 'text' in given && typeof given.text === 'string' ? [given.text] : [];
  }

  /** Enough rows that statements name only the columns that some row has. */
  function many(): Envelope[] {
    const numbers = Array.from({ length: 120 }, (_, i) => String(i));
    return numbers.flatMap((i) => [
      envelope('user.created', { userId: `u${i}`, username: 'u', email: 'e', role: 'creator' }),
      envelope('content.post.created', { postId: `p${i}`, authorId: `u${i}`, content: '', mediaUrls: [], visibility: 'public' }),
      envelope('content.comment.created', { commentId: `c${i}`, postId: `p${i}`, userId: `u${i}`, content: '' }),
      envelope('user.updated', { userId: `u${i}`, updates: { bio: 'b' } }),
    ]); // prettier-ignore
  }

  /** Every row whose key does not say where it lies: created, then earlier by another owner, then earlier still by the same. */
  function moves(): Envelope[][] {
    const created = (second: number, owner: string): Envelope[] => {
      const at = { second };
      const [post, talk] = [`p${owner}`, `talk${owner}`];
      const user = `u${owner}`;
      return [
        envelope('content.comment.created', { commentId: 'c', postId: post, userId: 'u1', content: `${second}` }, at),
        envelope(
          'content.story.created',
          {
            storyId: 's',
            authorId: user,
            contentType: 'image',
            mediaUrl: `${second}`,
            expiresAt: '2030-01-01T00:00:00Z',
          },
          at,
        ),
        envelope(
          'content.video.created',
          { videoId: 'v', authorId: user, title: `${second}`, videoUrl: 'v', duration: 1, visibility: 'public' },
          at,
        ),
        envelope('payment.completed', { transactionId: 't', userId: user, amount: second, type: 'TIP' }, at),
        envelope('payment.tip.created', { tipId: 't', senderId: user, recipientId: 'u1', amount: second }, at),
        envelope(
          'withdrawal.requested',
          { withdrawalId: 'w', userId: user, amount: second, payoutMethod: 'bank_transfer' },
          at,
        ),
        envelope(
          'subscription.created',
          { subscriptionId: 's', userId: user, tierId: `${second}`, status: 'active' },
          at,
        ),
        envelope('notification.created', { notificationId: 'n', userId: user, type: `${second}` }, at),
        envelope(
          'message.created',
          { messageId: 'm', conversationId: talk, senderId: 'u1', recipientId: 'u2', content: `${second}` },
          at,
        ),
      ];
    };
    return [created(9, '1'), created(8, '2'), created(7, '2')];
  }

  it('are all of accepted shapes, whatever happens', async () => {
    sent.splice(0);
    const streams = fc.sample(delivery({ maxEvents: 60 }), { numRuns: 12, seed: 7 });
    for (const [i, { arrival }] of streams.entries()) {
      const clean = tables.map(({ name }) => name);
      const before = sent.length;
      await emptyTables(dataSource, clean);
      sent.splice(before); // the test's own
      // An event that the database refuses: the batch is taken apart.
      await dataSource.query(`ALTER TABLE users ADD CONSTRAINT no_eve CHECK (username <> 'eve')`);
      const store = new Store(dataSource, tables, processed);
      const eve = envelope('user.created', { userId: `eve${i}`, username: 'eve', email: 'e', role: 'creator' });
      const events: Event[] = [...arrival.flat(), eve].map((one, at) => eventOf(one, at));
      await new Rehearsal(dataSource, store, new AbortController().signal).of(events);
      const { refused } = await persist(events, patient(store, new AbortController().signal));
      expect(refused).to.have.lengthOf(1);
      await dataSource.query('ALTER TABLE users DROP CONSTRAINT no_eve');
      await deliver(dataSource, processed, arrival, 2);
      const again = new Store(dataSource, tables, processed, undefined, true);
      await persist(events.slice(0, -1), patient(again, new AbortController().signal));
      await Session.with(dataSource, (session) => compare(session, tables, processed, events));
    }
    await deliver(dataSource, processed, [many(), many(), ...moves(), ...[...registry.keys()].map(examplesFor)], 1);
    // `readRows` of the tests reads whole tables.
    const own = sent.filter(({ text }) => !/^SELECT .* FROM public\.\w+$/.test(text));

    const wrong = new Set(own.flatMap((one) => { const why = objection(one); return why === undefined ? [] : [`${why}: ${one.text}`]; })); // prettier-ignore
    expect([...wrong]).to.deep.equal([]);
    const seen = new Set(
      own.flatMap(({ text }) => Object.entries(SHAPES).flatMap(([shape, pattern]) => {
        const table = pattern.exec(text)?.groups?.table;
        return table === undefined ? [] : [`${shape} ${table}`];
      })),
    ); // prettier-ignore
    for (const { name, owner } of tables) {
      expect(seen).to.include(`insert ${name}`);
      if (owner !== undefined) expect(seen).to.include(`delete ${name}`).and.to.include(`update ${name}`);
    }
    expect([...seen].filter((one) => one.startsWith('delete'))).to.have.lengthOf(tables.filter(({ owner }) => owner !== undefined).length); // prettier-ignore
  });
});
