import type { Finding } from './checks.js';
import type { Options } from './options.js';
import type { Outages } from './outages.js';
import type { ServerName } from './plan.js';
import type { Ending } from './writers.js';

/** What a run was, in numbers. */
export interface Figures {
  readonly options: Options;
  readonly messages: number;
  /** Records in the source topics: the messages, and those that the producer sent twice. */
  readonly records: number;
  /** Of these, those that were not done when the faults were over. */
  readonly left: number;
  readonly sentAgain: number;
  readonly counts: ReadonlyMap<string, number>;
  readonly endings: readonly Ending[];
  readonly starts: number;
  readonly outages: Outages;
  readonly waiting: number;
  readonly refused: number;
  readonly letters: number;
  readonly lost: number;
  readonly doubled: number;
  readonly differing: number;
  /** From the first fault until everything was done. */
  readonly seconds: number;
  /** From the last fault; undefined where it hung. */
  readonly recovery: number | undefined;
  readonly againSeconds: number | undefined;
  readonly peakMiB: number;
}

const servers: readonly ServerName[] = ['kafka', 'postgres', 'redis'];

/** The figures as lines for people. */
export function figureLines(figures: Figures): string[] {
  const { options, records, counts, endings, outages, seconds, recovery, againSeconds } = figures;
  const number = (value: number) => Math.round(value).toLocaleString('en');
  const rate = (over: number | undefined) => (over === undefined ? '–' : `${number(records / over)} a second`);
  const ended = (how: Ending['how']) => endings.filter((ending) => ending.how === how);
  const alone = ended('of itself').map(({ status }) => status ?? 'signal');
  const slowest = Math.max(0, ...ended('asked').map(({ from, to }) => to - from));
  const rows: [string, string][] = [
    ['seed', String(options.seed)],
    ['messages', `${number(figures.messages)}; ${number(records)} records, ${figures.sentAgain} chunks sent again`],
    ['faults', `${number([...counts.values()].reduce((sum, n) => sum + n, 0))} in ${options.minutes} minutes`],
    ...[...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([sort, n]): [string, string] => [`  ${sort}`, String(n)]),
    ['processes', `${figures.starts} started, ${ended('killed').length} killed, ${ended('asked').length} asked to end`],
    ['ended of itself', alone.length > 0 ? `${alone.length} (status ${alone.join(', ')})` : '0'],
    ['slowest end', `${(slowest / 1000).toFixed(1)} s after SIGTERM`],
    ['outages', servers.map((server) => `${server} ${number(outages.seconds(server))} s`).join(', ')],
    ['refused', `${number(figures.refused)} records, ${number(figures.letters)} dead letters`],
    ['parked for good', number(figures.waiting)],
    ['lost', number(figures.lost)],
    ['doubled', number(figures.doubled)],
    ['rows that differ', number(figures.differing)],
    ['throughput', `${rate(seconds)} over all faults; ${rate(againSeconds)} the second time, without`],
    ['done under faults', `${number(((records - figures.left) / records) * 100)} %`],
    ['recovery', recovery === undefined ? 'never' : `${recovery.toFixed(1)} s after the last fault`],
    ['peak memory', `${number(figures.peakMiB)} MiB in one process`],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`);
}

/** The findings as lines for people. */
export function findingLines(findings: readonly Finding[]): string[] {
  return findings.flatMap(({ what, wrong }) => [
    `${wrong.length === 0 ? '✔' : '✘'} ${what}`,
    ...wrong.map((line) => `    ${readable(line)}`),
  ]);
}

const WIDEST = 400;

/** Parts of keys are joined by a character that nobody sees. */
function readable(line: string): string {
  const shown = line.replaceAll('\u001f', '/').replaceAll('\n', '\n    ');
  return shown.length > WIDEST ? `${shown.slice(0, WIDEST)} …` : shown;
}
