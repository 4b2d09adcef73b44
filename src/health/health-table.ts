import { table } from '../output.js';
import { paint } from '../paint.js';
import type { Check } from './checks.js';
import type { HealthReport } from './probe.js';

const SIGNS: Readonly<Record<Check['found'], string>> = {
  good: paint.green('✔'),
  poor: paint.yellow('!'),
  bad: paint.red('✖'),
};

const COLOURS = { healthy: paint.green, degraded: paint.yellow, unhealthy: paint.red };

/** The report for people: what was asked and answered, then what to do. */
export function healthTable({ status, checks }: HealthReport): string {
  const rows = checks.map(({ found, what, answer }) => [SIGNS[found], what, answer]);
  const todo = checks.flatMap(({ what, remedy, found, answer }) => {
    if (remedy === undefined) return [];
    return [`${what}: ${found === 'good' ? '' : `${answer}. `}${remedy}`];
  });
  return [
    table(['', 'asked', 'answer'], rows),
    '',
    ...todo,
    ...(todo.length > 0 ? [''] : []),
    COLOURS[status](status),
  ].join('\n');
}
