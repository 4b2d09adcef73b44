import { event, people, posts, send } from './events.js';
import { mustHold } from './expect.js';
import type { Incident } from './incident.js';
import { must } from './stage.js';
import { countLetters } from './topics.js';

const LETTERS = 900;
const BROKEN = 100;
/** The letter at which the replay is interrupted: its row is held until Ctrl-C was typed. */
const HELD = 'p500';

/** A constraint that somebody added by hand kills posts; it is taken away, and they are replayed. */
export const manyLetters: Incident = {
  title: 'A million dead letters',
  signs: ['`dbw_dead_letters_total` has risen for hours', '`dbw dlq summary` counts more than anybody can read'],
  play: async (stage) => {
    await stage.begin();
    const written = posts(LETTERS, { users: 10 });
    const broken = Array.from({ length: BROKEN }, (_, i) =>
      event('content.post.created', `broken-${i + 1}`, i, { postId: `b${i + 1}`, content: 'hello' }),
    );
    await stage.dataSource.query(`ALTER TABLE posts ADD CONSTRAINT posts_long CHECK (length(content) > 20)`);
    await send([...broken, ...written]);
    await stage.catchUp({ DLQ_MAX_RATE: '0' });
    await stage.dataSource.query('ALTER TABLE posts DROP CONSTRAINT posts_long');
    must((await countLetters()) === LETTERS + BROKEN, 'every refused event is a letter');

    const summary = await stage.type('dbw dlq summary');
    const [fingerprint = ''] = /^[0-9a-f]{12}(?=.*\n {2}database)/m.exec(summary) ?? [];
    const seen = stage.told();
    await stage.type(`dbw replay-dlq --fingerprint ${fingerprint} --dry-run`);
    const tried = stage.told();

    const command = `dbw replay-dlq --fingerprint ${fingerprint} --canary 20 --rate 2000 --yes`;
    const holder = stage.dataSource.createQueryRunner();
    await holder.startTransaction();
    await holder.query(
      `INSERT INTO posts (post_id, author_id, content, created_at) VALUES ('${HELD}', 'u1', '', now())`,
    );
    const waits = `SELECT count(*)::integer AS count FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`;
    await stage.type(command, {
      status: 130,
      interruptWhen: async () => (await stage.number(waits)) > 0,
      afterwards: async () => {
        await holder.rollbackTransaction();
        await holder.release();
      },
    });
    await stage.type('dbw runs');
    await stage.type(command);
    await stage.type('dbw dlq summary');
    const done = stage.told();
    must((await countLetters()) === LETTERS + BROKEN, 'nothing has died again');
    await mustHold(stage, [...people, ...written]);

    return `**At stake**: nothing is lost, letters are kept without limit. What they stand for is missing in the tables until it is replayed. Once their number rises no more it may wait until the morning.

**You see** more letters than anybody can read. They are of a few causes: \`summary\` counts them, a million in seconds. (This page was played with
${(LETTERS + BROKEN).toLocaleString('en-US')}.)

${seen}

**Do** one cause at a time, the most frequent first. Here somebody had added a constraint to \`posts\` and has taken it away again. \`--dry-run\` tries every letter in transactions that are
rolled back:

${tried}

Then put them back: 20 first (\`--canary\`; it stops if more than half of these die again), gently (\`--rate\`, letters a second). Ctrl-C at any time; the same command goes on
where it stopped:

${done}

Look at what is left in the same way; what can never be written: \`dbw dlq discard --fingerprint … --reason …\`. \`dbw dlq export letters.jsonl\` writes all of them to a file.

**It is over** when \`summary\` says \`Nothing is open\`.

**Why it is safe**: letters go through the same write path as events from Kafka, beside a running \`dbw consume\`; what was processed since is left alone, so nothing is
applied twice. Two replays of one topic at once are refused (status 5). Letters are never deleted.`;
  },
};
