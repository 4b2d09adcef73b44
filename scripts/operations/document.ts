import { format } from 'prettier';
import type { Incident } from './incident.js';
import { incidents } from './incidents.js';

const INTRODUCTION = `# Operations

For the engineer on call who did not write dbw. Every command here was typed against real servers, and what it printed stands below it; only times, durations,
rates, addresses, users and the state of connections are replaced by fixed ones. \`npm run operations\` writes this page, and a test says when it is stale.

Four things hold in every incident: nothing is lost by waiting; nothing counts twice; no command but \`dbw consume\` moves an offset of the live group; whatever is typed may be interrupted with
Ctrl-C and typed again. [What happens when …](faults.md) lists every line of the log, [Commands](commands.md) every flag.

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
