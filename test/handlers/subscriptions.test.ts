import { envelope } from '../support/envelopes.js';
import { platform } from '../support/given.js';

type More = Record<string, unknown>;

const user = (userId: string) =>
  envelope('user.created', { userId, username: userId, email: 'e', role: 'creator' }, { second: 0 });
const people = [user('ann'), user('bob')];
const created = (second: number, more: More = {}) =>
  envelope('subscription.created', { subscriptionId: 's', userId: 'ann', tierId: 'gold', status: 'trialing', ...more }, { second }); // prettier-ignore
const renewed = (second: number, currentPeriodEnd: string, more: More = {}) =>
  envelope('subscription.renewed', { subscriptionId: 's', currentPeriodEnd, ...more }, { second });
const canceled = (second: number) =>
  envelope('subscription.canceled', { subscriptionId: 's', reason: 'price' }, { second });
const expired = (second: number) => envelope('subscription.expired', { subscriptionId: 's' }, { second });
const time = (second: number) => `2024-05-01T00:00:0${second}.000000Z`;
const FEBRUARY = '2024-02-01T00:00:00.000000Z';
const MARCH = '2024-03-01T00:00:00.000000Z';

describe('the area of subscriptions', () => {
  const { given } = platform();

  it('subscription.created makes a row, whole', () =>
    given(people)
      .when(
        created(1, {
          status: 'Cancelled',
          creatorId: 'bob',
          price: 9.994,
          currency: 'twd',
          currentPeriodStart: '2024-02-01T08:00:00+08:00',
          currentPeriodEnd: MARCH,
        }),
        { times: 2 },
      )
      .then({
        subscriptions: [
          {
            subscription_id: 's',
            user_id: 'ann',
            creator_id: 'bob',
            tier_id: 'gold',
            status: 'canceled',
            price: '9.99',
            currency: 'TWD',
            current_period_start: FEBRUARY,
            current_period_end: MARCH,
            canceled_at: null,
            expired_at: null,
            created_at: time(1),
          },
        ],
      }));

  it('subscription.created may leave much out', () =>
    given(people)
      .when(created(1), { times: 2 })
      .then({
        subscriptions: [
          { creator_id: null, price: null, currency: 'USD', current_period_start: null, current_period_end: null },
        ],
      }));

  it('subscription.created waits for the creator that it names', () =>
    given(people)
      .when(created(1, { creatorId: 'nobody' }))
      .then({ subscriptions: [] }));

  it('subscription.renewed sets the period, and what was started stays where it does not say', () =>
    given(people, created(1, { currentPeriodStart: FEBRUARY, currentPeriodEnd: FEBRUARY }))
      .when(renewed(2, MARCH, { transactionId: 'no such', userId: 'nobody' }), { times: 2 })
      .then({
        subscriptions: [
          { status: 'active', current_period_start: FEBRUARY, current_period_end: MARCH, user_id: 'ann' },
        ],
      }));

  it('subscription.renewed: the period of the latest', () =>
    given(people, created(1))
      .when([renewed(3, MARCH), renewed(2, FEBRUARY, { currentPeriodStart: FEBRUARY })], { times: 2 })
      .then({ subscriptions: [{ current_period_end: MARCH, current_period_start: FEBRUARY }] }));

  const orders: [what: string, events: ReturnType<typeof expired>[], status: string, canceledAt: string | null, expiredAt: string | null][] = [
    ['canceled', [canceled(2)], 'canceled', time(2), null],
    ['expired', [expired(2)], 'expired', null, time(2)],
    ['canceled, then renewed', [canceled(2), renewed(3, MARCH)], 'active', time(2), null],
    ['renewed, then canceled', [renewed(2, MARCH), canceled(3)], 'canceled', time(3), null],
    ['canceled, then expired', [canceled(2), expired(3)], 'expired', time(2), time(3)],
    ['expired, renewed, canceled', [expired(2), renewed(3, MARCH), canceled(4)], 'canceled', time(4), time(2)],
    ['canceled twice', [canceled(2), canceled(5)], 'canceled', time(5), null],
    ['canceled before it was created, by its time', [canceled(0.5)], 'canceled', '2024-05-01T00:00:00.500000Z', null],
  ]; // prettier-ignore
  for (const [what, events, status, canceledAt, expiredAt] of orders) {
    const row = { status, canceled_at: canceledAt, expired_at: expiredAt };
    it(`${what}: ${status}, in this order and the other`, async () => {
      await given(people, created(1))
        .when(events, { times: 2 })
        .then({ subscriptions: [row] });
      await given(people, created(1))
        .when([...events].reverse(), { times: 2 })
        .then({ subscriptions: [row] });
      for (const last of events) {
        const others = events.filter((one) => one !== last);
        await given(people, created(1), others)
          .when(last, { times: 2 })
          .then({ subscriptions: [row] });
      }
    });
  }

  it('the status of an earlier creation holds only as long as nothing changed it', () =>
    given(people, created(5, { status: 'active' }))
      .when(created(4, { status: 'past_due', subscriptionId: 's', tierId: 'silver' }), { times: 2 })
      .then({ subscriptions: [{ status: 'past_due', tier_id: 'silver' }] }));

  it('a change is later than any creation', () =>
    given(people, created(5, { status: 'active' }), canceled(2))
      .when(created(4, { status: 'past_due', tierId: 'silver' }), { times: 2 })
      .then({ subscriptions: [{ status: 'canceled', tier_id: 'silver', canceled_at: time(2) }] }));
});
