import { table } from '../output.js';
import { visible } from '../printable.js';
import { spell } from '../spell.js';
import { FINDINGS } from './beginnings.js';
import type { LagReport, LagSum, PartitionLag } from './group-lag.js';
import type { Rates } from './lag-rates.js';

const UNKNOWN = '?';

function waited(seconds: number | null): string {
  if (seconds === null) return UNKNOWN;
  return seconds === 0 ? '-' : spell(seconds);
}

function count(n: number): string {
  return Math.round(n).toLocaleString('en-US');
}

function unread(unstable: number): string[] {
  return unstable > 0 ? [`${count(unstable)} more behind an open transaction`] : [];
}

function remark({ lost, unstable, uncommitted, partitions }: LagSum): string {
  const parts = [
    ...unread(unstable),
    ...(lost > 0 ? [`${count(lost)} lost to retention`] : []),
    ...(uncommitted > 0 ? [`${uncommitted} of ${partitions} partitions never read`] : []),
  ];
  return parts.join('; ');
}

function remarkOn({
  topic,
  partition,
  committed,
  position,
  end,
  lost,
  unstable,
  start,
  finding,
}: PartitionLag): string {
  const never = committed === null && position === null && end > 0;
  const parts = [
    ...unread(unstable),
    ...(lost > 0 ? [`${count(lost)} lost to retention: --accept-gap ${topic}:${partition}:${start}`] : []),
    ...(never ? ['never read'] : []),
    ...(finding === null ? [] : [FINDINGS[finding]]),
  ];
  return parts.join('; ');
}

/** Leaves a column out that has nothing to say. */
function without(
  column: number,
  head: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): [string[], (string | number)[][]] {
  const keep = <T>(line: readonly T[]) => line.filter((_, i) => i !== column);
  return [keep(head), rows.map(keep)];
}

/** One row a topic and one for all, the largest lag first. */
function byTopic({ topics, total }: LagReport): string {
  const row = (name: string, sum: LagSum) => [name, sum.partitions, sum.events, waited(sum.seconds), remark(sum)];
  const rows = [...topics.map(({ topic, ...sum }) => row(topic, sum)), row('all', total)];
  const head = ['topic', 'partitions', 'lag', 'oldest', ''];
  return rows.some((one) => one[4] !== '') ? table(head, rows) : table(...without(4, head, rows));
}

/** One row a partition; PostgreSQL's position where it is not Kafka's offset. */
function byPartition({ partitions, total }: LagReport): string {
  const rows = partitions.map((one) => {
    const { topic, partition, committed, position, end, events, seconds } = one;
    const stored = position === committed ? '' : (position?.toLocaleString('en-US') ?? 'none');
    const offset = committed?.toLocaleString('en-US') ?? 'none';
    return [
      `${topic}:${partition}`,
      offset,
      stored,
      end.toLocaleString('en-US'),
      events,
      waited(seconds),
      remarkOn(one),
    ];
  });
  const all = ['all', '', '', '', total.events, waited(total.seconds), ''];
  let head = ['partition', 'committed', 'in PostgreSQL', 'end', 'lag', 'oldest', ''];
  let lines: (string | number)[][] = [...rows, all];
  for (const column of [6, 2]) {
    if (lines.every((line) => line[column] === '')) [head, lines] = without(column, head, lines);
  }
  return table(head, lines);
}

function remarks({ missingTopics, notes }: LagReport): string[] {
  const [first = ''] = missingTopics;
  const others = missingTopics.length > 1 ? ` and ${missingTopics.length - 1} more` : '';
  return [
    ...(missingTopics.length > 0 ? [`Not there: ${first}${others}. To create them: dbw topics create`] : []),
    ...notes.map((note) => `Note: ${note}`),
  ];
}

/** The report for people. */
export function lagTable(given: LagReport, by: 'topic' | 'partition'): string {
  const report = visible(given);
  const drawn = by === 'topic' ? byTopic(report) : byPartition(report);
  const more = remarks(report);
  const parts = [...(report.partitions.length > 0 ? [drawn] : []), ...(more.length > 0 ? [more.join('\n')] : [])];
  return parts.join('\n\n');
}

/** The report in one line. */
export function lagLine({ at, total }: LagReport, rates: Rates | undefined): string {
  const lost = total.lost > 0 ? `  ${count(total.lost)} lost` : '';
  return `${at}  lag ${count(total.events)}  oldest ${waited(total.seconds)}${lost}${rates ? `  ${pace(rates)}` : ''}`;
}

/** What comes in and goes out, and when it will be caught up. */
export function pace({ inPerSecond, outPerSecond, secondsLeft }: Rates): string {
  const left = secondsLeft === null ? '' : secondsLeft === 0 ? '  caught up' : `  caught up in ${spell(secondsLeft)}`;
  return `in ${count(inPerSecond)}/s  out ${count(outPerSecond)}/s${left}`;
}
