import { expect } from 'chai';
import fc from 'fast-check';
import type { Event } from '../../src/event/decode.js';
import { conversations, messages } from '../../src/handlers/messages.js';
import { comments, posts } from '../../src/handlers/content.js';
import { users } from '../../src/handlers/users.js';
import { eachNeed, Keys, resolve, resolveInOrder, type Resolved } from '../../src/tables/resolve.js';
import type { Table } from '../../src/tables/table.js';
import { batches, eventStream, shuffled } from '../support/arbitraries.js';
import { envelope, eventOf } from '../support/envelopes.js';
import { expectedTables } from '../support/model.js';

const nothing = () => false;

function user(userId: string): Event {
  return eventOf(envelope('user.created', { userId, username: 'u', email: 'e', role: 'creator' }));
}

function post(postId: string, authorId = 'ann'): Event {
  return eventOf(
    envelope('content.post.created', { postId, authorId, content: '', mediaUrls: [], visibility: 'public' }),
  );
}

function comment(commentId: string, parentCommentId?: string): Event {
  return eventOf(
    envelope('content.comment.created', { commentId, postId: 'p', userId: 'ann', content: '', parentCommentId }),
  );
}

function message(messageId: string, recipientId?: string): Event {
  return eventOf(
    envelope('message.created', { messageId, conversationId: 'c', senderId: 'ann', recipientId, content: '' }),
  );
}

/** Ids of the events of each part. */
function ids({ applicable, waiting, repeated, collisions }: Resolved) {
  return {
    applicable: applicable.map(({ id }) => id).sort(),
    waiting: waiting.map(({ event }) => event.id).sort(),
    others: [...repeated, ...collisions].map(({ id }) => id).sort(),
  };
}

describe('resolving', () => {
  it('applies what needs rows that exist, and says which row the rest waits for', () => {
    const [known, lost] = [post('p'), post('q', 'nobody')];
    const { applicable, waiting } = resolve([known, lost], (table, key) => table === users && key === 'ann');
    expect(applicable).to.deep.equal([known]);
    expect(waiting).to.deep.equal([{ event: lost, need: { table: users, key: 'nobody' } }]);
  });

  it('applies a chain of replies as long as a batch, delivered backwards', () => {
    const chain = [user('ann'), post('p'), comment('c0')];
    for (let i = 1; i < 5_000; i++) chain.push(comment(`c${i}`, `c${i - 1}`));
    const { applicable, waiting } = resolve([...chain].reverse(), nothing);
    expect(applicable).to.have.length(chain.length);
    expect(waiting).to.deep.equal([]);
  });

  it('gives what is applicable in the order of arrival', () => {
    const [a, b, c] = [comment('c', 'b'), comment('b'), user('z')];
    const { applicable } = resolve([a, b, c], (table) => table !== comments);
    expect(applicable).to.deep.equal([a, b, c]);
  });

  it('lets all wait whose chain begins with a row that is missing', () => {
    const chain = [comment('c1', 'c0'), comment('c2', 'c1'), comment('c3', 'c2')];
    const { applicable, waiting } = resolve(chain, (table) => table !== comments);
    expect(applicable).to.deep.equal([]);
    expect(waiting.map(({ need }) => need.key)).to.deep.equal(['c0', 'c1', 'c2']);
  });

  it('lets a cycle wait, and not what stands beside it', () => {
    const cycle = [comment('a', 'b'), comment('b', 'c'), comment('c', 'a')];
    const beside = comment('d');
    const { applicable, waiting } = resolve([...cycle, beside], (table) => table !== comments);
    expect(applicable).to.deep.equal([beside]);
    expect(waiting.map(({ event }) => event)).to.have.members(cycle);
  });

  it('lets wait for ever what needs the very row that it makes', () => {
    const reply = comment('a', 'b');
    const [change] = reply.changes;
    const itself = { ...reply, changes: [{ ...change!, row: { ...change!.row, parent_comment_id: 'a' } }] };
    expect(resolve([itself], (table) => table !== comments).waiting[0]?.need).to.deep.equal({
      table: comments,
      key: 'a',
    });
  });

  it('takes the first missing row of several, and asks again when it has come', () => {
    const lost = comment('c');
    const first = resolve([lost], nothing).waiting[0]!.need;
    expect(first).to.deep.equal({ table: posts, key: 'p' });
    const second = resolve([lost], (table) => table === posts).waiting[0]!.need;
    expect(second).to.deep.equal({ table: users, key: 'ann' });
  });

  describe('messages', () => {
    const people = (table: unknown) => table === users;

    it('that name a recipient make their own conversation', () => {
      const one = message('m', 'bob');
      expect(resolve([one], people).applicable).to.deep.equal([one]);
    });

    it('that do not wait for it', () => {
      const one = message('m');
      expect(resolve([one], people).waiting).to.deep.equal([{ event: one, need: { table: conversations, key: 'c' } }]);
    });

    it('that do not are applied with the one that does, whichever comes first', () => {
      const [nameless, naming] = [message('m1'), message('m2', 'bob')];
      expect(resolve([nameless, naming], people).applicable).to.deep.equal([nameless, naming]);
      expect(resolve([naming, nameless], people).applicable).to.deep.equal([naming, nameless]);
    });

    it('make nothing while they wait themselves', () => {
      const [nameless, naming] = [message('m1'), message('m2', 'bob')];
      const { applicable } = resolve([nameless, naming], (table, key) => table === users && key === 'ann');
      expect(applicable).to.deep.equal([]);
    });

    it('are read when they are there', () => {
      const read = eventOf(envelope('message.read', { messageId: 'm', conversationId: 'c', userId: 'bob' }));
      expect(resolve([read], people).waiting).to.deep.equal([{ event: read, need: { table: messages, key: 'm' } }]);
      expect(resolve([read, message('m', 'bob')], people).applicable).to.have.length(2);
    });
  });

  describe('of one id twice', () => {
    const given = envelope('user.created', { userId: 'ann', username: 'u', email: 'e', role: 'creator' });
    const other = { ...given, data: { ...given.data, userId: 'bob' } };

    it('applies the first of two that are the same', () => {
      const [first, again] = [eventOf(given, 1), eventOf(given, 2)];
      const { applicable, repeated, collisions } = resolve([first, again], nothing);
      expect([applicable, repeated, collisions]).to.deep.equal([[first], [again], []]);
    });

    it('ignores the second of two with other content, and what it would have made', () => {
      const [first, second] = [eventOf(given), eventOf(other)];
      const child = post('p', 'bob');
      const { applicable, repeated, collisions, waiting } = resolve([first, second, child], nothing);
      expect([applicable, repeated, collisions]).to.deep.equal([[first], [], [second]]);
      expect(waiting).to.deep.equal([{ event: child, need: { table: users, key: 'bob' } }]);
    });

    it('applies the one that can be, where the other waits', () => {
      const lost = eventOf({ ...given, eventType: 'content.post.deleted', data: { postId: 'p' } });
      const first = eventOf(given);
      const { applicable, waiting, collisions } = resolve([lost, first], nothing);
      expect([applicable, waiting.map(({ event }) => event), collisions]).to.deep.equal([[first], [lost], []]);
    });

    it('finds a collision also where the second could be applied only because of others', () => {
      const first = eventOf(given);
      const second = eventOf({ ...given, eventType: 'user.deleted', data: { userId: 'ann' } });
      const { applicable, collisions } = resolve([second, first], nothing);
      expect([applicable, collisions]).to.deep.equal([[first], [second]]);
    });
  });

  it('gives the same whatever the order, and what the model applies', () => {
    fc.assert(
      fc.property(
        eventStream().chain((events) => fc.tuple(fc.constant(events), shuffled(events))),
        ([events, order]) => {
          const expected = ids(
            resolve(
              events.map((one, i) => eventOf(one, i)),
              nothing,
            ),
          );
          expect(
            ids(
              resolve(
                order.map((one, i) => eventOf(one, i)),
                nothing,
              ),
            ),
          ).to.deep.equal(expected);
          const waiting = expectedTables(events).waiting.map(({ eventId }) => eventId);
          expect([...new Set(expected.waiting)]).to.deep.equal(waiting.sort());
        },
      ),
      { numRuns: 300 },
    );
  });

  it('in one look needs nothing that an event before makes, if it counts', () => {
    const [ann, known] = [user('ann'), post('p')];
    const reply = comment('reply', 'other');
    const unknownTo = (...events: Event[]) => {
      const { byTable } = resolveInOrder(events, nothing).unknown;
      return [...byTable].flatMap(([{ name }, keys]) => Array.from(keys, (key) => `${name} ${key}`));
    };
    expect(unknownTo(ann, known, comment('other'), reply)).to.deep.equal([]);
    expect(unknownTo(ann, known, reply, comment('other'))).to.deep.equal(['comments other']);
    // Another event under a known id makes nothing.
    const collision = { ...user('eve'), id: known.id };
    expect(unknownTo(ann, known, collision, post('q', 'eve'))).to.deep.equal(['users eve']);
  });

  it('in one look is the same, where all that is not there when it is needed exists, and asks for nothing else', () => {
    fc.assert(
      fc.property(
        eventStream().chain((events) => shuffled([...events, ...events.slice(0, 3)])),
        (order) => {
          const events = order.map((one, i) => eventOf(one, i));
          const { resolved, unknown, made } = resolveInOrder(events, nothing);
          expect(resolved.waiting).to.deep.equal([]);
          expect(ids(resolve(events, (table, key) => unknown.has(table, key)))).to.deep.equal(ids(resolved));
          // Of what is unknown nothing can be left out, but what the batch makes later.
          const asked = unknown.without(made);
          for (const [table, keys] of asked.byTable) {
            for (const key of keys) {
              const others = (of: Table, one: string) => unknown.has(of, one) && !(of === table && one === key);
              expect(resolve(events, others).waiting).not.to.deep.equal([]);
            }
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it('comes to the same in batches, when what waits is tried again with what was made', () => {
    fc.assert(
      fc.property(
        eventStream().chain((events) =>
          fc.tuple(
            fc.constant(events),
            shuffled(events).chain((order) => batches(order)),
          ),
        ),
        ([events, arrival]) => {
          const there = new Keys();
          const applied = new Set<string>();
          let waiting: Event[] = [];
          let offset = 0;
          for (const batch of arrival) {
            waiting.push(...batch.map((one) => eventOf(one, offset++)));
            const result = resolve(waiting, (table, key) => there.has(table, key));
            for (const { id, changes } of result.applicable) {
              applied.add(id);
              for (const { verb, table, row } of changes) if (verb !== 'set') there.add(table, table.keyOf(row));
            }
            waiting = result.waiting.map(({ event }) => event);
          }
          const whole = resolve(
            events.map((one, i) => eventOf(one, i)),
            nothing,
          );
          expect([...applied].sort()).to.deep.equal([...new Set(whole.applicable.map(({ id }) => id))].sort());
          expect(new Set(waiting.map(({ id }) => id))).to.deep.equal(
            new Set(whole.waiting.map(({ event }) => event.id)),
          );
        },
      ),
      { numRuns: 300 },
    );
  });

  it('needs nothing for a column that is null', () => {
    const needs: string[] = [];
    for (const change of comment('c').changes) eachNeed(change, (table, key) => needs.push(`${table.name} ${key}`));
    expect(needs).to.deep.equal(['posts p', 'users ann']);
  });
});
