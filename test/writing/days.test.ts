import { expect } from 'chai';
import type { Event } from '../../src/event/decode.js';
import { dayOf, formatTime, now } from '../../src/event/time.js';
import { partitionOf } from '../../src/postgres/id-days.js';
import { ProcessedEvents } from '../../src/postgres/processed.js';
import { envelope, eventOf } from '../support/envelopes.js';
import { database, Writer } from '../support/writer.js';

const DAY = 86_400_000_000;

/** The creation of a user of this name, so many days from now. */
function created(userId: string, days = 0): Event {
  const data = { userId, username: userId, email: `${userId}@example.org`, role: 'subscriber' };
  return eventOf(envelope('user.created', data, { eventId: userId, timestamp: formatTime(now() + days * DAY) }));
}

describe('days of ids', () => {
  const given = database();
  const today = dayOf(now());

  /** The partitions that hold ids, with how many. */
  async function held(): Promise<string[]> {
    const rows: { name: string }[] = await given.dataSource.query(
      'SELECT tableoid::regclass::text AS name FROM dbw.processed_events ORDER BY 1',
    );
    return rows.map(({ name }) => name);
  }
  async function dropDay(day: number): Promise<void> {
    await given.dataSource.query(`DROP TABLE dbw.${partitionOf(day)}`);
  }

  it('are made for events that come after the last of them: nobody saw to it in time', async () => {
    for (let day = today - 1; day <= today + 3; day++) await dropDay(day);
    const processed = new ProcessedEvents();
    await processed.load(given.dataSource);
    const first = new Writer(given.dataSource, processed);
    const events = [created('ann'), created('bob', -1)];
    expect((await first.persist(events)).refused).to.deep.equal([]);
    expect(await held()).to.deep.equal([partitionOf(today - 1), partitionOf(today)]);
    expect([...first.retries, ...first.troubles]).to.deep.equal([]);

    // Who learns of the days later looks for the ids where they are.
    const late = new ProcessedEvents();
    await late.maintain(given.dataSource, 8);
    const [again] = (await new Writer(given.dataSource, late).persist(events)).written;
    expect(again?.duplicates).to.have.length(2);
  });

  it('that another process has dropped, or an older copy of the database lacks, stop nobody', async () => {
    const processed = new ProcessedEvents();
    await processed.maintain(given.dataSource, 8);
    await dropDay(today - 5);
    await dropDay(today + 3);
    const writer = new Writer(given.dataSource, processed);
    const { written, refused } = await writer.persist([created('ann'), created('bob', -5)]);
    expect(refused).to.deep.equal([]);
    expect(written[0]?.applied).to.have.length(2);
    expect(writer.troubles).to.deep.equal([]);
    expect(await held()).to.deep.equal([partitionOf(today), 'processed_events_old']);
  });
});
