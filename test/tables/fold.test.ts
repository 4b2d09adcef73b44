import { expect } from 'chai';
import fc from 'fast-check';
import { comments, postLikes, posts } from '../../src/handlers/content.js';
import { tables } from '../../src/handlers/index.js';
import { conversations, messages } from '../../src/handlers/messages.js';
import { transactions, wallets } from '../../src/handlers/payments.js';
import { skills } from '../../src/handlers/skills.js';
import { users } from '../../src/handlers/users.js';
import { fold, type Changes } from '../../src/tables/fold.js';
import type { Table } from '../../src/tables/table.js';
import { parseTime } from '../../src/event/time.js';
import { eventStream, shuffled } from '../support/arbitraries.js';
import { at, envelope, eventOf } from '../support/envelopes.js';
import type { Envelope } from '../support/model.js';

function folded(...events: Envelope[]): Changes {
  return fold(events.map((one, i) => eventOf(one, i)));
}

function update(changes: Changes, table: Table, key: string): Record<string, unknown> | undefined {
  return changes.byTable.get(table)?.updates.get(key);
}

/** All of it as plain values, in an order of its own. */
function plain(changes: Changes): unknown {
  const sorted = (rows: ReadonlyMap<string, unknown>) => [...rows].sort(([a], [b]) => (a < b ? -1 : 1));
  return tables.flatMap((table) => {
    const own = changes.byTable.get(table);
    return own ? [[table.name, sorted(own.inserts), sorted(own.puts), sorted(own.updates)]] : [];
  });
}

const user = (bio: string | undefined, second: number) =>
  envelope('user.created', { userId: 'ann', username: 'u', email: 'e', role: 'creator', bio }, { second });
const profile = (updates: Record<string, unknown>, second: number, eventId?: string) =>
  envelope('user.updated', { userId: 'ann', updates }, { second, ...(eventId === undefined ? {} : { eventId }) });
const micros = (second: number) => parseTime(at(second));
const versionAt = (second: number, eventId: string) => `${micros(second)}`.padStart(16, '0') + eventId;

describe('folding', () => {
  it('makes nothing of nothing', () => {
    expect(fold([])).to.deep.include({ ties: 0 });
    expect(fold([]).byTable.size).to.equal(0);
  });

  it('keeps the earliest of several creations of a row', () => {
    const changes = folded(user('second', 2), user('first', 1), user('third', 3));
    expect(changes.byTable.get(users)?.inserts.get('ann')).to.deep.include({ bio: 'first', created_at: micros(1) });
    expect(changes.ties).to.equal(0);
  });

  it('counts creations that neither time nor content tell apart, and keeps what came first', () => {
    const changes = folded(user('one', 1), user('other', 1));
    expect(changes.byTable.get(users)?.inserts.get('ann')).to.deep.include({ bio: 'one' });
    expect(changes.ties).to.equal(1);
    expect(folded(user('same', 1), user('same', 1)).ties).to.equal(0);
    expect(folded(user('one', 2), user('other', 1)).ties).to.equal(0);
  });

  it('keeps per column what the latest change says', () => {
    const changes = folded(
      profile({ bio: 'old', city: 'Taipei' }, 1, 'a'),
      profile({ displayName: 'Ann' }, 3, 'c'),
      profile({ bio: 'new' }, 2, 'b'),
    );
    expect(update(changes, users, 'ann')).to.deep.equal({
      user_id: 'ann',
      bio: 'new',
      bio_v: versionAt(2, 'b'),
      city: 'Taipei',
      city_v: versionAt(1, 'a'),
      display_name: 'Ann',
      display_name_v: versionAt(3, 'c'),
    });
  });

  it('lets the greater id win at equal times, by code point', () => {
    const changes = folded(profile({ bio: 'fox' }, 1, '🦊'), profile({ bio: 'mark' }, 1, '\ufffd'));
    expect(update(changes, users, 'ann')).to.deep.include({ bio: 'fox' });
  });

  it('keeps null as a value', () => {
    const changes = folded(profile({ bio: null }, 2), profile({ bio: 'text' }, 1));
    expect(update(changes, users, 'ann')).to.deep.include({ bio: null });
  });

  it('makes no change of an update that names no column', () => {
    expect(update(folded(profile({}, 1)), users, 'ann')).to.equal(undefined);
  });

  it('keeps columns that share a version together', () => {
    const refund = (refundedAmount: number, second: number, reason?: string) =>
      envelope('payment.refunded', { transactionId: 't', refundedAmount, reason }, { second, eventId: `r${second}` });
    const changes = folded(refund(5, 1, 'first'), refund(9, 2));
    expect(update(changes, transactions, 't')).to.deep.equal({
      transaction_id: 't',
      status: 'refunded',
      refunded_amount: '9.00',
      refunded_at: micros(2),
      refund_v: versionAt(2, 'r2'),
      refund_reason: 'first',
      refund_reason_v: versionAt(1, 'r1'),
    });
  });

  it('keeps the latest whole row', () => {
    const wallet = (balance: number, second: number) =>
      envelope('wallet.updated', { userId: 'ann', balance }, { second, eventId: `w${second}` });
    const changes = folded(wallet(1, 1), wallet(3, 3), wallet(2, 2));
    expect(changes.byTable.get(wallets)?.puts.get('ann')).to.deep.include({
      balance: '3.00',
      version: versionAt(3, 'w3'),
    });
    expect(changes.byTable.get(wallets)?.puts.size).to.equal(1);
  });

  it('keeps the latest deletion and the earliest reading', () => {
    const deleted = (second: number) => envelope('content.post.deleted', { postId: 'p' }, { second });
    const read = (second: number) => envelope('message.read', { messageId: 'm', conversationId: 'c', userId: 'u' }, { second }); // prettier-ignore
    const changes = folded(deleted(1), deleted(3), deleted(2), read(2), read(1), read(3));
    expect(update(changes, posts, 'p')).to.deep.equal({ post_id: 'p', deleted_at: micros(3) });
    expect(update(changes, messages, 'm')).to.deep.equal({ message_id: 'm', read_at: micros(1) });
  });

  it('keeps rows of a pair apart, whatever their ids', () => {
    const like = (postId: string, userId: string) => envelope('content.post.liked', { postId, userId });
    const changes = folded(like('a', 'bc'), like('ab', 'c'), like('a\u001f', 'c'), like('a', '\u001fc'));
    expect(changes.byTable.get(postLikes)?.inserts.size).to.equal(4);
  });

  it('widens a conversation by every message, whoever named its participants', () => {
    const message = (messageId: string, second: number, recipientId?: string) =>
      envelope(
        'message.created',
        { messageId, conversationId: 'c', senderId: 'bob', recipientId, content: '' },
        { second },
      );
    const changes = folded(message('m2', 2, 'ann'), message('m1', 1), message('m4', 4, 'cat'), message('m5', 5));
    expect(changes.byTable.get(conversations)?.inserts.get('c')).to.deep.include({
      participant_a: 'ann',
      participant_b: 'bob',
      named_at: micros(2),
    });
    expect(update(changes, conversations, 'c')).to.deep.include({ created_at: micros(1), last_message_at: micros(5) });
    expect(changes.byTable.get(messages)?.inserts.size).to.equal(4);
  });

  it('leaves counters to the writing, which alone knows what is new', () => {
    const changes = folded(
      envelope('content.comment.created', { commentId: 'c', postId: 'p', userId: 'ann', content: '' }),
    );
    expect(changes.byTable.get(comments)?.inserts.size).to.equal(1);
    expect(changes.byTable.has(posts)).to.equal(false);
  });

  it('keeps false and 0, which are values', () => {
    const changes = folded(
      envelope('skill.updated', { skillId: 'k', updates: { isActive: false, sortOrder: 0, name: '' } }),
    );
    expect(update(changes, skills, 'k')).to.deep.include({ is_active: false, sort_order: 0, name: '' });
  });

  it('gives the same whatever the order', () => {
    fc.assert(
      fc.property(
        eventStream().chain((events) => fc.tuple(fc.constant(events), shuffled(events))),
        ([events, order]) => {
          expect(plain(folded(...order))).to.deep.equal(plain(folded(...events)));
        },
      ),
      { numRuns: 500 },
    );
  });
});
