import { event, people, send } from './events.js';
import { mustHold } from './expect.js';
import type { Incident } from './incident.js';

/** One conversation that everybody writes into, beside some quiet ones. */
export const hotPartition: Incident = {
  title: 'One hot partition',
  signs: ['`dbw lag --by partition` shows one partition behind, and more instances do not help'],
  play: async (stage) => {
    await stage.begin({ 'message.created': 4 });
    const said = Array.from({ length: 2_100 }, (_, i) => {
      const conversationId = i % 21 === 0 ? `c${i % 10}` : 'c-launch-day';
      const of = { conversationId, senderId: 'u1', recipientId: 'u2', content: 'hello' };
      return event('message.created', `message-${i}`, i, { messageId: `m${i}`, ...of });
    });
    await send(said);
    await stage.type('dbw lag --by partition --topics message.created');
    const seen = stage.told();
    await stage.type('dbw consume --until-caught-up', { env: { DBW_WRITERS: '4', LOG_LEVEL: 'warn' } });
    await stage.type('dbw lag --by partition --topics message.created');
    const done = stage.told();
    await mustHold(stage, [...people, ...said]);

    return `**At stake**: readers see old data of what is in this partition, and of nothing else. Nothing is lost before its retention.

**You see** one partition behind, the others at their ends. All events of one key are in one partition: one conversation, one post, one user is very busy.
One that does not move at all is none: \`/readyz\` says what it waits for ([Partitions wait](monitoring.md#partitions-wait)).

${seen}

**Do** not add instances: one partition is read by one of them. What helps is more at once in that instance, since dbw does not need the order of arrival: several writers write batches of the same
partition side by side. Set \`DBW_WRITERS=4\` (and \`DB_POOL_SIZE\` at least three more), later perhaps \`BATCH_SIZE=2000\`. Played here as one run in the foreground:

${done}

Many events of one key mean many changes of one row (here the counters of one conversation): if writers wait for its lock, more of them do not help, larger batches do,
since dbw folds all changes of a row in a batch into one. A topic with more partitions helps only where several keys share the hot one.

**It is over** when the lag of that partition is 0.

**Why it is safe**: the tables depend on the set of events only, not on their order; rows are touched in one order by all writers, so that they do not deadlock.`;
  },
};
