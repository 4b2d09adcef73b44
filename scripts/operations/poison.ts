import { event, people, posts, send } from './events.js';
import { mustHold } from './expect.js';
import type { Incident } from './incident.js';
import { must } from './stage.js';
import { countLetters } from './topics.js';

/** A service forgets a field: 501 of its events die, which is what opens the breaker; then it is rolled back. */
export const poison: Incident = {
  title: 'A flood of poison after a bad deploy',
  signs: [
    '`/readyz` fails and names a breaker; `dbw_breaker_open` is 1',
    'the log says `too many events of … are refused`',
  ],
  play: async (stage) => {
    await stage.begin();
    stage.consume();
    const bad = Array.from({ length: 501 }, (_, i) =>
      event('content.post.created', `bad-${i + 1}`, i, {
        postId: `b${i + 1}`,
        authorId: 'u1',
        mediaUrls: [],
        visibility: 'public',
      }),
    );
    await send(bad);
    const line = await stage.logged(/^too many events of.*?not read any more/);
    await stage.probe('/readyz');
    await stage.probe('/metrics', /^dbw_breaker_open.* 1$/);
    const seen = stage.told();
    must((await countLetters()) === 501, 'the first 501 refused events are letters, and no more');

    const [summary = ''] = await stage.look('dbw dlq summary', 'dbw dlq show 0:0');
    const [fingerprint = ''] = /^[0-9a-f]{12}/m.exec(summary) ?? [];
    const looked = stage.told();

    await stage.endWriter();
    const good = posts(100, { users: 10 });
    await send(good);
    stage.consume();
    const again = await stage.logged(/.* is read again.*/);
    await stage.untilProcessed(110);

    await stage.type(`dbw replay-dlq --fingerprint ${fingerprint} --dry-run`);
    await stage.type(`dbw dlq discard --fingerprint ${fingerprint} --reason 'INC-496: sent again as new events' --yes`);
    await stage.type('dbw dlq summary');
    const discarded = stage.told();
    await mustHold(stage, [...people, ...good]);

    return `**At stake**: nothing is lost. Readers of this topic see older and older data until it is read again; other topics go on.

**You see** one topic standing still and the others going on. The breaker has opened: more than half of a topic's last 1,000 events were refused
(\`DLQ_MAX_RATE\`), so it is not read any more, before all of it drains into the dead letters. The log says

> ${line}

${seen}

**Do** first find out what is wrong. \`summary\` counts by cause; \`show\` marks the place in one letter, its values masked:

${looked}

Here a service left a field out. Roll that service back. dbw tries ten events of the topic every 30 s, and at once when it is started anew; when at most half are refused it
closes the breaker by itself:

> ${again}

If more bad events were sent before the roll-back, they stand in front of the good ones and the breaker stays open (the log: \`… stays unread\`). Start
\`dbw consume\` with \`DLQ_MAX_RATE=0\` until \`dbw lag\` shows 0 for the topic: they become letters, and what is behind them is applied. Set it for all instances, or stop the others
meanwhile: a partition that one of these reads stays paused. Take it back afterwards. If dbw was at fault, roll dbw back; nothing else is needed but to replay.

Then decide about the letters: \`--dry-run\` says what would become of them. What can never be written is set aside, with the reason. No
command takes that back, so ask the owners of the service first; it may wait until the morning:

${discarded}

If dbw was mended so that it takes them now: \`dbw replay-dlq --fingerprint ${fingerprint} --canary 20\` instead of \`discard\`.

**It is over** when \`/readyz\` is 200 again and \`dbw lag\` falls to 0. The letters that are still open are work for the day.

**Why it is safe**: unread events stay in Kafka, and their offsets do not move. A letter keeps its message whole, and its event once applied is never applied again.
A discarded letter stays in the topic; it is only left out of replays.`;
  },
};
