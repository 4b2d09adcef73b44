import { event, send, users } from './events.js';
import { mustHold } from './expect.js';
import type { Incident } from './incident.js';
import { must } from './stage.js';
import { countLetters } from './topics.js';
import { until } from '../../test/support/until.js';

/** Somebody drops a column that the writer needs. */
export const schemaDrift: Incident = {
  title: 'Schema drift: somebody dropped a column',
  signs: ['`/readyz` fails, the database answers', 'the log names a SQLSTATE 42…: `42703`, `42P01`, `42501`'],
  play: async (stage) => {
    await stage.begin();
    await stage.dataSource.query('DELETE FROM users'); // they are to be in Kafka, whole
    const before = users(10, 11);
    await send(before);
    stage.consume();
    await stage.untilProcessed(20);
    await stage.dataSource.query('ALTER TABLE users DROP COLUMN bio');
    const later = users(10, 21);
    await send(later);
    const line = await stage.logged(/^PostgreSQL takes no events.*/);
    await until(() => stage.answers('/readyz', 503));
    await stage.probe('/readyz');
    await stage.type('dbw migrate status');
    const seen = stage.told();
    must((await countLetters()) === 0, 'nothing was dead-lettered');

    await stage.dataSource.query('ALTER TABLE users ADD COLUMN bio text');
    const updated = event('user.updated', 'update-1', 100, { userId: 'u11', updates: { bio: 'new' } });
    await send([updated]);
    // Without this it would go on by itself, up to 30 s later.
    await stage.endWriter();
    stage.consume();
    await stage.untilProcessed(31);
    await stage.type('dbw backfill verify --topic user.created --from-offset 0', { status: 3, shown: firstOnes });
    await stage.type(
      'dbw backfill --topic user.created --topic user.updated --from-offset 0 --reapply --reason INC-498 --yes',
    );
    await stage.type('dbw backfill verify --topic user.created --topic user.updated --from-offset 0');
    const done = stage.told();
    await mustHold(stage, [...before, ...later, updated]);

    return `**At stake**: nothing of the events is lost. Readers see older and older data, and do without what was dropped.

**You see** the writer standing still although the database is up: every event fails alike, so it stops instead of writing letters.

> ${line}

${seen}

\`migrate status\` tells which migrations were applied, not what was done by hand since.

**Do** mend the schema. A pending migration: \`dbw migrate\`. A change by hand: take it back, here with \`ALTER TABLE users ADD COLUMN bio text\` (the definitions are in \`migrations/\`).
The writer tries again every 30 s and goes on by itself; who cannot wait restarts it. \`dbw migrate\` gives up after a few minutes where somebody holds a lock (status 5); the migration that waited has changed nothing then.
Do not type \`dbw migrate revert\` here: it drops whole tables.

What the dropped column held is gone from the database, but not from Kafka:

${done}

**It is over** when the log says \`PostgreSQL takes events again\` and \`verify\` finds nothing missing.

**Why it is safe**: what is the same for every event is no event's fault; nothing is dead-lettered, no offset moves. \`--reapply\` keeps newer values.`;
  },
};

function firstOnes(printed: string): string {
  return printed.replace(/(?:user\.created:0:(?![01] )\d+ .*\n)+/, '…\n');
}
