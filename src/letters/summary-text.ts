import chalk from 'chalk';
import { laidOut } from '../mistakes.js';
import { table } from '../output.js';
import { quoted, visible } from '../printable.js';
import type { DlqSummary } from './summarize.js';
import type { LetterGroup } from './summary.js';

const BARS = '▁▂▃▄▅▆▇█';

/** Counts as little bars, one each; nothing is a blank, the most is the highest. */
export function sparkline(counts: readonly number[]): string {
  const most = Math.max(0, ...counts);
  const bar = (count: number) => BARS[Math.min(BARS.length - 1, Math.ceil((count / most) * BARS.length) - 1)] ?? ' ';
  return counts.map((count) => (count === 0 ? ' ' : bar(count))).join('');
}

/** A time for people: to the second, in UTC. */
export function clock(iso: string): string {
  return `${iso.slice(0, 19).replace('T', ' ')}Z`;
}

/** Why letters died, in one line. */
export function causeOf({
  reason,
  eventType,
  code,
  path,
}: Pick<LetterGroup, 'reason' | 'eventType' | 'code' | 'path'>): string {
  const where = path === '' ? '' : ` at ${path}`;
  return [reason, eventType ?? 'no event type', `${code === '' ? 'no code' : code}${where}`].join('  ');
}

const count = (n: number) => n.toLocaleString('en-US');

function block(cause: LetterGroup, head: string): string {
  const { firstSeen, lastSeen, example, foreign } = cause;
  const other = foreign > 0 ? `; ${count(foreign)} of other topics` : '';
  const [first, last] = [clock(firstSeen), clock(lastSeen)];
  const seen = first === last ? first : `${first} to ${last}`;
  return `${head}\n  ${causeOf(cause)}\n  ${seen}, such as ${example}${other}`;
}

/** Totals of what was read, in a sentence or two. */
function totals(summary: DlqSummary): string {
  const { topic, letters, open, resolved, discarded, foreign, superseded, causes, unreadable } = summary;
  const parts = [`${count(open)} open`, `${count(resolved)} resolved`, `${count(discarded)} discarded`];
  if (foreign > 0) parts.push(`${count(foreign)} of topics that are not ours, which are left alone`);
  const many = (n: number, one: string) => `${count(n)} ${n === 1 ? one : `${one}s`}`;
  const lines = [`${many(letters, 'message')} in ${topic}, of ${many(causes.length, 'cause')}: ${parts.join(', ')}.`];
  if (superseded > 0) lines.push(`${many(superseded, 'older letter')} of the same messages not counted.`);
  for (const { why, count: records, example } of unreadable) {
    lines.push(`${many(records, 'record')} left alone, such as ${example}: ${why}.`);
  }
  return laidOut(lines.join('\n'), process.stdout.isTTY ? process.stdout.columns : undefined);
}

/**
 * A summary as people read it, not wider than 80 columns where event types and paths are not.
 *
 * @param named the topic, where it is not the configured one
 */
export function summaryText(given: DlqSummary, named: string | undefined): string {
  const summary = visible(given);
  const { causes, topic } = summary;
  const which = named === undefined ? '' : ` --topic ${quoted(named)}`;
  if (causes.length === 0) return totals(summary);
  const [titles = '', ...heads] = table(
    ['fingerprint', 'open', 'resolved', 'discarded', 'last 24 hours'],
    causes.map(({ fingerprint, open, resolved, discarded, hours }) => [
      ...[fingerprint, open, resolved, discarded],
      `│${sparkline(hours)}│`,
    ]),
  ).split('\n');
  const blocks = causes.map((cause, i) => {
    const text = block(cause, heads[i] ?? '');
    return cause.open === 0 ? chalk.dim(text) : text;
  });
  const worst = causes.find(({ open }) => open > 0);
  const next = worst
    ? [
        '\nNext:',
        `  dbw dlq show ${worst.example}${which}`,
        `  dbw replay-dlq --topic ${topic} --fingerprint ${worst.fingerprint} --dry-run`,
      ]
    : ['\nNothing is open.'];
  return [titles, ...blocks, '', totals(summary), ...next].join('\n');
}
