import type { Incident } from './incident.js';
import { mustHold } from './expect.js';
import { event, payments, people, send } from './events.js';
import { must } from './stage.js';

const RANGE = '--from-time 2024-05-01T12:00Z --to-time 2024-05-01T14:00Z';

/** A payment every minute for six hours; those of two hours are spoiled in the database, and one of them was refunded. */
export const wrongData: Incident = {
  title: 'Wrong data written for two hours',
  signs: ['amounts in `transactions` are wrong, the events are right', 'somebody ran an UPDATE without its WHERE'],
  play: async (stage) => {
    await stage.begin();
    const paid = payments(360, { users: 10, everySeconds: 60 });
    const refunded = event('payment.refunded', 'refund-130', 30_000, { transactionId: 't130', refundedAmount: 4 });
    const all = [...paid, refunded];
    await send(all, { dated: true });
    await stage.catchUp();
    await mustHold(stage, [...people, ...all]);
    await stage.dataSource.query(
      `UPDATE transactions SET amount = 0, currency = 'EUR' WHERE completed_at >= '2024-05-01T12:00Z' AND completed_at < '2024-05-01T14:00Z'`,
    );

    await stage.type(`dbw backfill verify --topic payment.completed ${RANGE}`, { status: 3, shown: firstOnes });
    const seen = stage.told();
    await stage.type(`dbw backfill --topic payment.completed ${RANGE} --reapply --reason INC-502 --dry-run`);
    await stage.type(`dbw backfill --topic payment.completed ${RANGE} --reapply --reason INC-502 --yes`);
    await stage.look(`dbw backfill verify --topic payment.completed ${RANGE}`, 'dbw runs');
    const done = stage.told();
    await mustHold(stage, [...people, ...all]);
    must((await stage.count('transactions')) === 360, 'there are 360 payments');

    return `**At stake**: readers see wrong values until they are written again. That can be done for as long as Kafka keeps the events: where the damage is nearly as old as the topics' retention, raise that
first.

**You see** wrong values in rows, and no dead letters: somebody or something wrote into the tables behind dbw's back. The events in Kafka are right.
First find out how far it goes; \`verify\` only reads, and ends with status 3 where something is missing:

${seen}

**Do** write again what the events said. Times are those of the records in Kafka; take a range that is rather too wide. \`--dry-run\` first, and compare its
count with what you expect. Without \`--yes\` it asks on a terminal. Where the events themselves are wrong this does not help:
their service must send events that correct them.

${done}

Name every topic that writes these columns (\`--topic\` may be given more than once): \`dbw events show payment.completed\` tells the table.

**It is over** when \`verify\` finds nothing missing (status 0).

**Why it is safe**: \`--reapply\` writes an event only where nothing newer is in the row, so a refund that came since stays; counters of the rows that it touches
are counted anew. The live group goes on beside it, none of its offsets moves. Ctrl-C says how to go on (\`dbw backfill --resume 1\`), and it may be run twice.`;
  },
};

/** The first few of what is missing; the others are alike. */
function firstOnes(printed: string): string {
  return printed.replace(/(?:payment\.completed:0:(?!12[0-2] )\d+ .*\n)+/, '…\n');
}
