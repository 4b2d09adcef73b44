import { people, posts, send, users } from './events.js';
import { mustHold } from './expect.js';
import type { Incident } from './incident.js';
import { must } from './stage.js';
import { countLetters } from './topics.js';
import { until } from '../../test/support/until.js';

/** Posts come, their authors only after the posts were given up. */
export const lateParents: Incident = {
  title: 'Late parents',
  signs: ['`dbw_parked_events` rises', 'letters with the reason `missing_reference`'],
  play: async (stage) => {
    await stage.begin();
    const late = users(5, 11);
    const written = posts(20, { users: 5, firstUser: 11 });
    await send(written);
    stage.consume({ PARK_TIMEOUT_MS: '100' });
    await until(async () => (await countLetters()) === 20);
    const line = await stage.logged(/^events have waited in vain for a row.*/);
    await stage.look('dbw parked ls --limit 3', 'dbw dlq summary');
    const seen = stage.told();

    await send(late);
    await stage.untilProcessed(35);
    await stage.look('dbw parked ls', 'dbw dlq summary');
    const after = stage.told();
    must((await countLetters()) === 20, 'no letter is written twice');
    await mustHold(stage, [...people, ...late, ...written]);

    return `**At stake**: nothing is lost: what waits is in PostgreSQL whole. It gets worse only when \`PARK_MAX\` events (1,000,000) wait: then nothing more is read.

**You see** events that wait for a row: their parent has not come. After \`PARK_TIMEOUT_MS\` (15 minutes; here shorter) they become dead letters
as well, and go on waiting:

> ${line}

${seen}

**Do** find out where the parents are; \`parked ls\` says in which topics they come. Mostly that topic is behind (\`dbw lag\`) or its service is down: get it going. When the parents come,
there is nothing to type; what had been given up is applied too, and its letter is resolved:

${after}

If the parents died themselves, replay these: \`dbw replay-dlq --event-type user.created\`. If they were never sent, their service must send them again.

Where \`PARK_MAX\` is reached (\`DbwParkedFull\`), start the writers with a greater one: they read on at once, for the price of some disk. Parents that never come leave their events parked for ever, and
these count. Those that were given up (\`dead_at\` is set in \`dbw.parked_events\`) have a letter each, so that their rows may be deleted there with SQL once their letters were looked at;
should the parent come after that, replay its letter.

**It is over** when \`parked ls\` says that nothing waits. That \`DbwParkedForLong\` has ended says less: it counts no event that was given up.

**Why it is safe**: a waiting event is kept whole in PostgreSQL and is applied in the transaction that takes it out. Replaying its letter meanwhile does no harm:
it is parked again, or applied once.`;
  },
};
