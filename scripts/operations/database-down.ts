import { people, posts, send } from './events.js';
import { mustHold } from './expect.js';
import type { Incident } from './incident.js';
import { must } from './stage.js';
import { countLetters } from './topics.js';
import { until } from '../../test/support/until.js';

/** PostgreSQL is stopped while events come, and started again. */
export const databaseDown: Incident = {
  title: 'The database is down for half an hour',
  signs: ['`/readyz` fails, `/livez` does not; `dbw_database_up` is 0', 'the log says `PostgreSQL is away`'],
  play: async (stage) => {
    await stage.begin();
    const written = posts(200, { users: 10 });
    const [early, late] = [written.slice(0, 50), written.slice(50)];
    await send(early);
    stage.consume();
    await stage.untilCommitted(50);
    await stage.stopPostgres();
    await send(late);
    const line = await stage.logged(/^PostgreSQL is away/);
    await until(() => stage.answers('/livez', 200, 'ECONNREFUSED'));
    must(await stage.answers('/readyz', 503), '/readyz fails');
    await stage.probe('/livez');
    await stage.probe('/metrics', /^dbw_database_up/);
    await stage.type('dbw health', { status: 7 });
    const seen = stage.told();

    await stage.startPostgres();
    const again = await stage.logged(/^PostgreSQL answers again/);
    await stage.untilCommitted(200);
    await until(() => stage.answers('/readyz', 200));
    await stage.look('dbw health', 'dbw lag --topics user.created,content.post.created');
    const after = stage.told();
    must((await countLetters()) === 0, 'nothing was dead-lettered');
    await mustHold(stage, [...people, ...written]);

    return `**At stake**: nothing is lost and no letter is written. Readers see what was written last, if PostgreSQL answers them at all.

**You see** all topics standing still. The log says once

> ${line}

and every 10 s, in the line \`progress\`, that it lasts.

${seen}

**Do** nothing to dbw: bring the database back. Do not restart the writer; \`/livez\` stays 200 for that reason. When PostgreSQL answers, it goes on by itself within 30 s:

> ${again}

${after}

After a fail-over to a replica, or a restored backup, there is nothing to type for the events either: how far dbw is stands in the database itself (\`dbw.positions\`), and it reads on from there. A
backup also takes back what people did since: see [PostgreSQL was restored](faults.md#other-nights).

**It is over** when \`dbw health\` says \`healthy\` and the lag is 0; \`dbw lag --watch\` says how long that takes.

**Why it is safe**: an offset is committed only after the rows. An ill database is never taken for a bad event, so no letter is written in an outage.`;
  },
};
