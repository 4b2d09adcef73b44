import { table } from '../output.js';
import { paint } from '../paint.js';
import { printable, printableLines } from '../printable.js';
import type { Check } from './checks.js';
import type { HealthReport } from './probe.js';

const SIGNS: Readonly<Record<Check['found'], string>> = { good: '✔', poor: '!', bad: '✖' };
const SIGN_COLOURS = [
  [/^✔/gm, paint.green(SIGNS.good)],
  [/^!/gm, paint.yellow(SIGNS.poor)],
  [/^✖/gm, paint.red(SIGNS.bad)],
] as const;

const COLOURS = { healthy: paint.green, degraded: paint.yellow, unhealthy: paint.red };

/** The report for people: what was asked and answered, then what to do. */
export function healthTable({ status, checks }: Pick<HealthReport, 'status' | 'checks'>): string {
  const rows = checks.map(({ found, what, answer }) => [SIGNS[found], what, answer]);
  const todo = checks.flatMap(({ what, remedy, found, answer }) => {
    if (remedy === undefined) return [];
    return [`${what}: ${found === 'good' ? '' : `${printable(answer)}. `}${printableLines(remedy)}`];
  });
  const drawn = table(['', 'asked', 'answer'], rows);
  return [
    SIGN_COLOURS.reduce((text, [sign, painted]) => text.replace(sign, painted), drawn),
    '',
    ...todo,
    ...(todo.length > 0 ? [''] : []),
    COLOURS[status](status),
  ].join('\n');
}
