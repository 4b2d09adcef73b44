import { placeOf } from '../event/message.js';
import { table } from '../output.js';
import { visible } from '../printable.js';
import { spell } from '../spell.js';
import type { ParkedReport } from './parked-report.js';

function ago(time: string, now: number): string {
  return spell((now - Date.parse(time)) / 1000);
}

/** The report for people: groups, events, and what to do. */
export function parkedTable(report: ParkedReport, now = Date.now()): string {
  const { total, groups, rows } = visible(report);
  if (total === 0) return 'Nothing waits.';
  const summary = table(
    ['waits for', 'events', 'rows', 'dead letters', 'oldest', 'comes with'],
    groups.map((group) => [
      ...[group.table, group.events, group.rows, group.dead, ago(group.oldest, now), group.comesWith.join(', ')],
    ]),
  );
  const list = table(
    ['event type', 'from', 'waits for', 'since', 'tries', '', 'event id'],
    rows.map((row) => [
      ...[
        row.eventType,
        placeOf(row),
        `${row.table} ${row.key ?? `#${row.keyHash}`}`,
        ago(row.since, now),
        row.attempts,
      ],
      ...[row.deadSince === null ? 'waits' : 'dead letter', row.eventId],
    ]),
    { cut: ['event id', 'from', 'event type'] },
  );
  const more =
    total > rows.length && rows.length > 0
      ? [`… and ${(total - rows.length).toLocaleString('en-US')} more; --limit shows them.`]
      : [];
  return [summary, '', ...(rows.length > 0 ? [list, ...more, ''] : []), ...advice(groups)].join('\n');
}

/** Why rows may be missing, and how to find out. */
function advice(groups: ParkedReport['groups']): string[] {
  const types = [...new Set(groups.flatMap(({ comesWith }) => comesWith))];
  const [first] = types;
  const only = types.length === 1 && first !== undefined ? ` --event-type ${first}` : '';
  return [
    'Each is applied by itself once its row is there. The events that bring rows',
    `  may not be read yet:       dbw lag --topics ${types.join(',')}`,
    `  may be dead letters:       dbw replay-dlq${only} --dry-run`,
    '  or were never sent: send them again.',
  ];
}
