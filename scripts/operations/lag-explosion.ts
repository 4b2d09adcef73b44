import { people, posts, send } from './events.js';
import { mustHold } from './expect.js';
import type { Incident } from './incident.js';

const POSTS = 3_000;

/** Nobody reads for a while; then somebody does. */
export const lagExplosion: Incident = {
  title: 'Lag explosion',
  signs: ['`dbw_lag_seconds` rises', 'readers see old data, nothing fails'],
  play: async (stage) => {
    await stage.begin({ 'content.post.created': 4 });
    const written = posts(POSTS, { users: 10 });
    await send(written);
    const topics = 'user.created,content.post.created';
    await stage.look(`dbw lag --topics ${topics}`, 'dbw lag --by partition --topics content.post.created');
    const seen = stage.told();

    let writing: Promise<void> | undefined;
    await stage.type(`dbw lag --watch --topics ${topics}`, {
      interruptWhen: (printed) => {
        if (printed() !== '') writing ??= stage.catchUp();
        return printed().includes(' lag 0 ');
      },
      shown: firstAndLast,
    });
    await writing;
    const watched = stage.told();
    await mustHold(stage, [...people, ...written]);

    return `**At stake**: readers see old data. Nothing is lost until \`oldest\` reaches the retention of the topic; compare the two first, and raise the retention where they are near.

**You see** data that gets older. \`dbw lag\` says where: \`lag\` in events, \`oldest\` for how long the first of them has waited.

${seen}

**Do** look whether it falls. \`in\` is what comes, \`out\` what is written; when \`out\` is greater, it is a question of time:

${watched}

| what you find | what to change |
| --- | --- |
| nothing goes out | \`dbw health --url http://…:3010\` says what it waits for: incidents 1, 2, 3 |
| all partitions are behind, the writer's CPU is busy | more instances, up to one for each partition of the widest topic |
| the writer waits for PostgreSQL | its own load first (\`pg_stat_activity\`); then \`DBW_WRITERS=4\`, \`BATCH_SIZE=2000\` |
| one partition only | [One hot partition](#10-one-hot-partition) |
| many \`duplicate\` | [A storm of duplicates](#5-a-storm-of-duplicates) |
| \`lost to retention\` | the log ran over: the table says how many are lost and what to type (\`--accept-gap\`). Raise the topic's retention first |

**It is over** when \`--watch\` says \`caught up\`.

**Why it is safe**: \`dbw lag\` joins no group and moves nothing. Instances may come and go: what is in hand is finished first, and the order of arrival does not matter.`;
  },
};

/** How it was and how it became; what comes between is a question of time. */
function firstAndLast(printed: string): string {
  const lines = printed.split('\n').filter((line) => line.includes(' lag '));
  return [lines[0], '…', lines.at(-1), '^C'].join('\n');
}
