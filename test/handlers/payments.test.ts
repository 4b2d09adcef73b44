import { envelope } from '../support/envelopes.js';
import { platform } from '../support/given.js';

type More = Record<string, unknown>;

const user = (userId: string) =>
  envelope('user.created', { userId, username: userId, email: 'e', role: 'creator' }, { second: 0 });
const people = [user('ann'), user('bob')];
const paid = (second: number, more: More = {}) =>
  envelope('payment.completed', { transactionId: 't', userId: 'ann', amount: 25, type: 'TIP', ...more }, { second });
const refunded = (refundedAmount: number, second: number, more: More = {}) =>
  envelope('payment.refunded', { transactionId: 't', refundedAmount, ...more }, { second });
const wallet = (balance: number, second: number, more: More = {}) =>
  envelope('wallet.updated', { userId: 'ann', balance, ...more }, { second });
const withdrawal = (more: More = {}) =>
  envelope('withdrawal.requested', { withdrawalId: 'w', userId: 'ann', amount: 100, payoutMethod: 'bank_transfer', ...more }, { second: 2 }); // prettier-ignore
const tip = (more: More = {}) =>
  envelope(
    'payment.tip.created',
    { tipId: 'tip', senderId: 'ann', recipientId: 'bob', amount: 5, ...more },
    { second: 2 },
  );

describe('the area of payments', () => {
  const { given } = platform();

  it('payment.completed makes a row, whole', () =>
    given(people)
      .when(
        paid(1, {
          amount: 1.005,
          type: 'purchase',
          currency: 'twd',
          relatedEntityId: 'p',
          relatedEntityType: 'post',
          stripePaymentId: 'pi_1',
          metadata: { source: 'web', deep: { list: [1, null, '🦊'] } },
        }),
        { times: 2 },
      )
      .then({
        transactions: [
          {
            transaction_id: 't',
            user_id: 'ann',
            type: 'PURCHASE',
            amount: '1.01',
            currency: 'TWD',
            status: 'completed',
            refunded_amount: '0.00',
            refund_reason: null,
            refunded_at: null,
            stripe_payment_id: 'pi_1',
            stripe_refund_id: null,
            related_entity_type: 'post',
            related_entity_id: 'p',
            metadata: { source: 'web', deep: { list: [1, null, '🦊'] } },
            completed_at: '2024-05-01T00:00:01.000000Z',
          },
        ],
      }));

  it('payment.completed may leave much out', () =>
    given(people)
      .when(paid(1), { times: 2 })
      .then({ transactions: [{ currency: 'USD', stripe_payment_id: null, related_entity_id: null, metadata: null }] }));

  it('payment.completed twice under one transaction id: the earlier holds', () =>
    given(people, paid(5, { amount: 5, metadata: { which: 'late' } }))
      .when([paid(4, { amount: 4, userId: 'bob' }), paid(6, { amount: 6 })], { times: 2 })
      .then({ transactions: [{ amount: '4.00', user_id: 'bob', metadata: null }] }));

  it('payment.refunded: the running total of the latest, refunded also when it is a part', () =>
    given(people, paid(1))
      .when([refunded(12.5, 3, { reason: 'second', stripeRefundId: 're_2' }), refunded(5, 2, { reason: 'first' })], {
        times: 2,
      })
      .then({
        transactions: [
          {
            status: 'refunded',
            amount: '25.00',
            refunded_amount: '12.50',
            refund_reason: 'second',
            stripe_refund_id: 're_2',
            refunded_at: '2024-05-01T00:00:03.000000Z',
          },
        ],
      }));

  it('payment.refunded: what the latest does not say stays as an earlier one said it', () =>
    given(people, paid(1), refunded(5, 2, { reason: 'first', stripeRefundId: 're_1' }))
      .when(refunded(9, 3), { times: 2 })
      .then({
        transactions: [
          { refunded_amount: '9.00', refund_reason: 'first', stripe_refund_id: 're_1', status: 'refunded' },
        ],
      }));

  it('payment.refunded: an older one still says what nothing newer has said', () =>
    given(people, paid(1), refunded(9, 3))
      .when(refunded(5, 2, { reason: 'first', stripeRefundId: 're_1' }), { times: 2 })
      .then({
        transactions: [{ refunded_amount: '9.00', refund_reason: 'first', stripe_refund_id: 're_1' }],
      }));

  it('payment.refunded does not touch amount, currency and user, though it may name them', () =>
    given(people, paid(1))
      .when(refunded(0, 2, { userId: 'nobody', amount: 1, currency: 'EUR' }), { times: 2 })
      .then({
        transactions: [
          { user_id: 'ann', amount: '25.00', currency: 'USD', refunded_amount: '0.00', status: 'refunded' },
        ],
      }));

  it('payment.refunded is kept when an earlier payment comes', () =>
    given(people, paid(5), refunded(5, 6))
      .when(paid(4, { amount: 7 }), { times: 2 })
      .then({ transactions: [{ amount: '7.00', status: 'refunded', refunded_amount: '5.00' }] }));

  it('payment.refunded waits for the payment', () => given(people).when(refunded(5, 2)).then({ transactions: [] }));

  it('payment.tip.created makes a row, whole, of a transaction and a post that nobody knows', () =>
    given(people)
      .when(tip({ transactionId: 'no such', postId: 'no such', currency: 'eur', message: '', amount: 0.005 }), {
        times: 2,
      })
      .then({
        tips: [
          {
            tip_id: 'tip',
            transaction_id: 'no such',
            sender_id: 'ann',
            recipient_id: 'bob',
            post_id: 'no such',
            amount: '0.01',
            currency: 'EUR',
            message: '',
            created_at: '2024-05-01T00:00:02.000000Z',
          },
        ],
      }));

  it('payment.tip.created may leave much out, and go to oneself', () =>
    given(people)
      .when(tip({ recipientId: 'ann' }), { times: 2 })
      .then({ tips: [{ transaction_id: null, post_id: null, message: null, currency: 'USD', recipient_id: 'ann' }] }));

  it('wallet.updated holds the whole state of the latest', () =>
    given(people, wallet(3, 3, { pendingBalance: 1, totalEarnings: 2, totalWithdrawn: 3, currency: 'eur' }))
      .when([wallet(-5.005, 5), wallet(4, 4, { totalEarnings: 9 })], { times: 2 })
      .then({
        wallets: [
          {
            user_id: 'ann',
            balance: '-5.01',
            pending_balance: '0.00',
            total_earnings: '0.00',
            total_withdrawn: '0.00',
            currency: 'USD',
            updated_at: '2024-05-01T00:00:05.000000Z',
          },
        ],
      }));

  it('wallet.updated: of two at one time that with the greater id holds', () =>
    given(people)
      .when(
        ['a', 'B', '🦊', '\ufffd'].map((eventId, i) =>
          envelope('wallet.updated', { userId: 'ann', balance: i }, { second: 3, eventId }),
        ),
        { times: 2 },
      )
      .then({ wallets: [{ balance: '2.00' }] }));

  it('withdrawal.requested makes a row, pending, and leaves the wallet alone', () =>
    given(people, wallet(50, 1))
      .when(withdrawal({ payoutMethod: 'STRIPE_PAYOUT', payoutDetails: '****4242', currency: 'Eur' }), { times: 2 })
      .then({
        withdrawals: [
          {
            withdrawal_id: 'w',
            user_id: 'ann',
            amount: '100.00',
            currency: 'EUR',
            payout_method: 'stripe_payout',
            payout_details: '****4242',
            status: 'pending',
            requested_at: '2024-05-01T00:00:02.000000Z',
            processed_at: null,
          },
        ],
        wallets: [{ balance: '50.00' }],
      }));

  it('withdrawal.requested may leave much out', () =>
    given(people)
      .when(withdrawal(), { times: 2 })
      .then({ withdrawals: [{ currency: 'USD', payout_details: null }], wallets: [] }));
});
