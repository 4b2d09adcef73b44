import { people, posts, send } from './events.js';
import { mustHold } from './expect.js';
import type { Incident } from './incident.js';
import { must } from './stage.js';
import { countLetters } from './topics.js';

/** A service sends everything five times more. */
export const duplicates: Incident = {
  title: 'A storm of duplicates',
  signs: ['`dbw_events_total{outcome="duplicate"}` rises as fast as events come', 'lag rises and no row changes'],
  play: async (stage) => {
    await stage.begin();
    const all = posts(500, { users: 10 });
    await send(all);
    stage.consume();
    await stage.untilProcessed(510);
    for (let i = 0; i < 5; i++) await send(all);
    await stage.untilCommitted(6 * 500);
    await stage.probe(
      '/metrics',
      /^dbw_events_total.type="content.post.created",outcome="(applied|duplicate|collision)"/,
    );
    await stage.look(
      'dbw lag --topics user.created,content.post.created',
      'dbw backfill verify --topic content.post.created --from-time 2h',
    );
    const seen = stage.told();
    must((await stage.count('dbw.processed_events')) === 510, 'each counts once');
    must((await countLetters()) === 0, 'a duplicate is no dead letter');
    await mustHold(stage, [...people, ...all]);

    return `**At stake**: nothing, as long as the lag stays small: no row changes.

**You see** many more events than usual, and the tables do not change: somebody sends again what was sent before (a service in a loop of retries,
a replay of \`--republish\`, another tool that reset a producer).

**Do** nothing for the tables. Find out whether all of it is duplicates, and whether dbw keeps up:

${seen}

Known events cost far less than new ones. Where lag rises nevertheless: [Lag explosion](#6-lag-explosion). Stop the sender for the sake of the others who read these topics.
\`outcome="collision"\` is something else: an id that was used twice with different content. The first holds; its service has a fault. The second is in no table
and no letter, only in its topic, for as long as that keeps it: who needs it has it sent again under an id of its own.

Events that are wrong but valid, each under a new id, are no duplicates: all of them are applied. Stop their service; only events that correct them take them back.

**It is over** when the sender is stopped and \`outcome="duplicate"\` rises no more. Leave the ids (\`dbw.processed_events\`) and Redis as they are: they are what makes duplicates cheap.

**Why it is safe**: the transaction that applies an event records its id. When ids are older than what is kept (8 days and more), the tables protect themselves: a second creation,
like or follow changes nothing.`;
  },
};
