import { setImmediate as turn } from 'node:timers/promises';
import { expect } from 'chai';
import type { DataSource } from 'typeorm';
import type { Event } from '../../src/event/decode.js';
import { tables } from '../../src/handlers/index.js';
import { ProcessedEvents } from '../../src/postgres/processed.js';
import type { Marks } from '../../src/writing/marks.js';
import { Store } from '../../src/writing/store.js';
import type { Written } from '../../src/writing/written.js';
import { emptyTables, freshDatabase } from '../support/database.js';
import { envelope, eventOf } from '../support/envelopes.js';
import { connectedMarks } from '../support/marks.js';
import type { Envelope } from '../support/model.js';
import { post, user } from '../support/people.js';
import { sentBy } from '../support/sent.js';
import { unique } from '../support/unique.js';
import { until } from '../support/until.js';

const someone = () => {
  const id = unique('u');
  return user(id, id);
};
const read = (messageId: string) => envelope('message.read', { messageId, conversationId: 'c', userId: 'u' });
const skill = (skillId: string) => envelope('skill.created', { skillId, category: 'talent', name: 'Piano' });

describe('a batch that comes while another is being written', () => {
  let dataSource: DataSource;
  let marks: Marks;
  let store: Store;
  const processed = new ProcessedEvents();

  before(async () => {
    dataSource = await freshDatabase();
    await processed.maintain(dataSource, 8);
    await dataSource.query("ALTER TABLE posts ADD CONSTRAINT poison CHECK (content <> 'poison')");
    marks = await connectedMarks();
  });
  after(async () => {
    await marks.close();
    await dataSource.destroy();
  });
  beforeEach(async () => {
    await emptyTables(dataSource, tables.map(({ name }) => name)); // prettier-ignore
    store = new Store(dataSource, tables, processed, marks);
  });

  let offset = 0;
  const write = (...events: readonly Envelope[]) => store.write(events.map((one) => eventOf(one, offset++)));
  const count = (events: readonly Event[]) => events.length;
  const outcome = ({ applied, duplicates, collisions, waiting }: Written) =>
    [applied, duplicates, collisions, waiting.map(({ event }) => event)].map(count);

  /** Begins to write `older`, keeps it from being committed, does `meanwhile`, and lets it go on. */
  async function whileWriting<T>(older: readonly Envelope[], meanwhile: () => Promise<T>): Promise<[unknown, T]> {
    const holder = dataSource.createQueryRunner();
    await holder.startTransaction();
    try {
      await holder.query('LOCK TABLE users IN ACCESS EXCLUSIVE MODE');
      const writing = write(...older).catch((error: unknown) => error);
      const isWaiting = async () =>
        (await dataSource.query<unknown[]>(`SELECT FROM pg_locks WHERE relation = 'users'::regclass AND NOT granted`))
          .length > 0;
      await until(isWaiting);
      const result = await meanwhile();
      await holder.commitTransaction();
      return [await writing, result];
    } finally {
      if (holder.isTransactionActive) await holder.rollbackTransaction();
      await holder.release();
    }
  }
  /** Begins to write a batch, and waits until it was found out what there is of what it needs: one more message is not. */
  async function begin(...events: readonly Envelope[]): Promise<{ readonly end: Promise<Written> }> {
    const writing = { end: write(...events, read('none')) };
    const isAnswered = async () =>
      (await dataSource.query<unknown[]>(`SELECT FROM pg_stat_activity WHERE datname = current_database()
        AND query LIKE 'SELECT message_id FROM public.messages %' AND state = 'idle'`)).length > 0; // prettier-ignore
    await until(isAnswered);
    return writing;
  }

  it('counts on the rows that the other makes', async () => {
    const [author, other] = [someone(), someone()];
    const id = String(author.data.userId);
    const [, { end }] = await whileWriting([author, other], () => begin(post(unique('p'), id), post(unique('p'), id)));
    expect(outcome(await end)).to.deep.equal([2, 0, 0, 1]);
  });

  it('parks what needed them, where the other is not written after all', async () => {
    const author = someone();
    const id = String(author.data.userId);
    const [failure, { end }] = await whileWriting([author, post(unique('p'), id, 'poison')], () =>
      begin(skill(unique('s')), post(unique('p'), id)),
    );
    expect(failure).to.have.property('code', '23514');
    expect(outcome(await end)).to.deep.equal([1, 0, 0, 2]);
  });

  describe('with events that the other has, where Redis is asked', () => {
    beforeEach(async () => {
      // Until it is believed for some time that what comes is not new.
      const known = skill(unique('s'));
      for (let times = 0; times < 4; times++) {
        await write(known);
        await turn(); // its mark is on its way
      }
    });

    /** Begins to write events with one that the other has not, and waits until that is written. */
    async function beginWithOther(...events: readonly Envelope[]): Promise<{ readonly end: Promise<Written> }> {
      const piano = skill(unique('s'));
      const writing = { end: write(...events, piano) };
      const isThere = async () =>
        (await dataSource.query<unknown[]>('SELECT FROM skills WHERE skill_id = $1', [piano.data.skillId])).length > 0;
      await until(isThere);
      return writing;
    }

    it('writes the rest at once, and those not twice', async () => {
      const bob = someone();
      const sent = await sentBy(async () => {
        const [older, { end }] = await whileWriting([bob], () => beginWithOther(bob));
        expect(outcome(older as Written)).to.deep.equal([1, 0, 0, 0]);
        expect(outcome(await end)).to.deep.equal([1, 1, 0, 0]);
      });
      // Its ids and its row: nobody needs to be asked thereafter what became of the event that both have.
      expect(sent.at(-1)).to.equal(2);
    });

    it('writes them, where the other does not', async () => {
      const bob = someone();
      const id = String(bob.data.userId);
      const [failure, { end }] = await whileWriting([bob, post(unique('p'), id, 'poison')], () => beginWithOther(bob));
      expect(failure).to.have.property('code', '23514');
      expect(outcome(await end)).to.deep.equal([2, 0, 0, 0]);
      expect(await dataSource.query('SELECT FROM users WHERE user_id = $1', [id])).to.have.length(1);
    });

    it('tells those that wait once, and collisions as such', async () => {
      const [bob, lost] = [someone(), post(unique('p'), unique('nobody'))];
      const other = { ...bob, data: { ...bob.data, username: 'other' } };
      const [older, { end }] = await whileWriting([bob, lost], () => beginWithOther(lost, other));
      expect(outcome(older as Written)).to.deep.equal([1, 0, 0, 1]);
      expect(outcome(await end)).to.deep.equal([1, 1, 1, 0]);
    });
  });
});
