import { format } from 'prettier';
import type { Incident } from './incident.js';
import { incidents } from './incidents.js';

const INTRODUCTION = `# Operations

For the engineer on call who did not write dbw. Every command here was typed against real servers, and what it printed stands below it; only times, durations,
rates, addresses, users and the state of connections are replaced by fixed ones. \`npm run operations\` writes this page, and a test says when it is stale.

Four things hold in every incident: nothing is lost by waiting, as long as Kafka keeps what is unread; nothing counts twice; no command but \`dbw consume\` moves an offset of the live group; whatever
is typed may be interrupted with Ctrl-C and typed again, but for \`dbw migrate revert\`. [What happens when …](faults.md) lists every warning of the log, [Commands](commands.md) every flag,
[Monitoring](monitoring.md#alerts) every alert.

**How long you may wait**: until the retention of a source topic (\`retention.ms\`, \`retention.bytes\`) reaches its first unread event, whose age is \`oldest\` in \`dbw lag\`. Events that it deletes unread
are lost for good. Where that comes near, raise the retention of the topic first: it takes effect at once and costs disk only.

**Where to type**: wherever the environment of the writer is, such as [in a pod](deployment.md#kubernetes).

| what you type | what it changes |
| --- | --- |
| \`health\`, \`lag\`, \`runs\`, \`parked ls\`, \`dlq ls\`, \`dlq summary\`, \`dlq show\`, \`migrate status\`, \`backfill verify\`, and every \`--dry-run\` | nothing |
| \`replay-dlq\`, \`backfill\` | rows, and never twice for one event; \`--dry-run\` says beforehand what becomes of them, and progress every 5 s how much is left |
| \`replay-dlq --republish\` | what all readers of the topics see: the messages are sent again |
| \`backfill --reapply\` | rows, back to what the events last said; what was mended by hand since is written over |
| \`dlq discard\` | what is offered for replay. It counts and asks first (not with \`--yes\`), and no command takes it back |
| \`consume --accept-gap\` | gives up, for good, events that retention has deleted |
| \`migrate\` | the schema, each migration in one transaction: one that is interrupted leaves nothing |
| \`migrate revert\` | drops what the last migration made, **with the data in it**; typed again, it takes back the one before |

What never helps: to reset the offsets of the group (dbw reads on from its own positions in PostgreSQL), to set another \`KAFKA_GROUP_ID\` (everything is read from the start), to delete a topic
(what it held unread is lost, and of the dead-letter topic all letters), to delete rows or tables of schema \`dbw\` (ids and positions are there), to start the writer anew while a server is away.

Exit statuses: 0 done, 1 failed, 2 wrong flags or configuration, 3 done but part of it failed, 5 refused, 6 events lost to retention, 7 a server is away, 130 interrupted.
`;

function heading({ title }: Incident, number: number): string {
  return `${number}. ${title}`;
}

function anchor(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^\p{L}\p{N} -]/gu, '')
    .replaceAll(' ', '-');
}

/** The part of the document above the incidents. */
export function beginning(): string {
  const rows = incidents.flatMap((incident, i) => {
    const name = heading(incident, i + 1);
    return incident.signs.map((sign) => `| ${sign} | [${name}](#${anchor(name)}) |`);
  });
  return [INTRODUCTION, '| what you see | incident |', '| --- | --- |', ...rows].join('\n');
}

/** One incident as it stands in the document, from what playing it gave. */
export function section(incident: Incident, text: string): string {
  return `## ${heading(incident, incidents.indexOf(incident) + 1)}\n\n${text}`;
}

/** Parts as they stand in the file. */
export function formatted(...parts: readonly string[]): Promise<string> {
  return format(parts.join('\n\n'), { parser: 'markdown', printWidth: 120 });
}
