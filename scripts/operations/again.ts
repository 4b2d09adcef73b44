import { people, posts, send } from './events.js';
import { mustHold } from './expect.js';
import type { Incident } from './incident.js';
import { must } from './stage.js';
import { countLetters } from './topics.js';

/** Letters are replayed before their cause was mended. */
export const again: Incident = {
  title: 'The same error again after a replay',
  signs: ['`dbw replay-dlq` ends with status 3', '`dbw dlq show` says `replays since`'],
  play: async (stage) => {
    await stage.begin();
    const written = posts(40, { users: 10 });
    await stage.dataSource.query(`ALTER TABLE posts ADD CONSTRAINT posts_long CHECK (length(content) > 20)`);
    await send(written);
    await stage.catchUp();

    await stage.type('dbw replay-dlq --canary 10 --yes', { status: 3 });
    await stage.type('dbw dlq show content.post.created:0:0');
    const seen = stage.told();
    must((await countLetters()) === 50, 'only the ten that were tried have died again');
    await stage.type('dbw replay-dlq --max-replays 1 --dry-run');
    const bounded = stage.told();
    await stage.dataSource.query('ALTER TABLE posts DROP CONSTRAINT posts_long');
    await stage.type('dbw replay-dlq --canary 10 --yes');
    const done = stage.told();
    await mustHold(stage, [...people, ...written]);

    return `**At stake**: nothing: what died again is a letter again.

**You see** a replay that stops: most of the first letters have died again. \`--canary\` leaves all others alone. \`show\` takes the place of the message as well as that of the
letter, and tells how often it was replayed and what it would die of today:

${seen}

**Do** not replay again before the cause is gone. \`TASK_PUT\` and a SQLSTATE: PostgreSQL refused the row, look at the table and constraint that are named. A path into the document:
the service or dbw's schema. Whoever replays in a loop is stopped: what was replayed in vain three times is left out (\`--max-replays\`), here after once:

${bounded}

When the cause is gone (here: \`ALTER TABLE posts DROP CONSTRAINT posts_long\`), the same command again, with a greater \`--max-replays\` where it had been reached:

${done}

**It is over** when the replay ends with status 0.

**Why it is safe**: what dies again goes back as a letter of the same message, and is met in the next run only; of several letters of one message the newest counts. A replay ends.`;
  },
};
