// The figures of a measurement for people: headings, units, tables.
import { table } from '../../src/output.js';
import type { Part } from './part.js';
import type { Measured, Sample, Spread } from './rounds.js';

interface Figure {
  readonly heading: string;
  readonly digits: number;
  /** Stands before the value: of a latency only a bound is known. */
  readonly before?: string;
}

const FIGURES: Readonly<Record<string, Figure>> = {
  eventsPerSecond: { heading: 'events/s', digits: 0 },
  cpuMicros: { heading: 'CPU of dbw, µs/event', digits: 1 },
  postgresMicros: { heading: 'of PostgreSQL, µs/event', digits: 1 },
  copyMicros: { heading: 'COPY of a row, µs', digits: 1 },
  peakMiB: { heading: 'memory, MiB', digits: 0 },
  seconds: { heading: 'seconds', digits: 2 },
  p50: { heading: 'half, ms', digits: 1, before: '≤ ' },
  p99: { heading: '99 of 100, ms', digits: 1, before: '≤ ' },
  p999: { heading: '999 of 1,000, ms', digits: 1, before: '≤ ' },
};

function figureOf(name: string): Figure {
  return FIGURES[name] ?? { heading: name, digits: 2 };
}

function format(value: number, { digits, before = '' }: Figure): string {
  const places = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  // Bounds are whole where they can be.
  return before + value.toLocaleString('en-US', before === '' ? places : { maximumFractionDigits: digits });
}

/** One run in a line. */
export function sampleText(sample: Sample): string {
  return Object.entries(sample)
    .map(([name, value]) => `${figureOf(name).heading}: ${format(value, figureOf(name))}`)
    .join('; ');
}

/** What one event costs, as a multiple of what it costs the first; by the way's figure, of which more is better or worse. */
export function costOf(name: string, of: Measured, first: Measured): number {
  const [value = NaN, base = NaN] = [of.figures[name]?.median, first.figures[name]?.median];
  return name === 'eventsPerSecond' ? base / value : value / base;
}

/** The most that a cost grows from one size to a greater one, also where the smallest is not the cheapest. */
export function growthOf(name: string, ladder: readonly Measured[]): number {
  return Math.max(1, ...ladder.flatMap((small, i) => ladder.slice(i + 1).map((great) => costOf(name, great, small))));
}

function cells(name: string, spread: Spread | undefined): string[] {
  if (spread === undefined) return ['', ''];
  const figure = figureOf(name);
  const [median, least, most] = [spread.median, spread.least, spread.most].map((value) => format(value, figure));
  return [median ?? '', least === most ? '' : `${least ?? ''} – ${most ?? ''}`];
}

/** The medians with their spread; compared with the first way where that is wanted. */
export function measuredTable(
  { title, compared }: Pick<Part, 'title' | 'compared'>,
  measured: readonly Measured[],
): string {
  const [first] = measured;
  const names = [...new Set(measured.flatMap(({ figures }) => Object.keys(figures)))];
  const against = { rate: `of ${first?.name ?? ''}`, growth: 'time of an event', none: undefined }[compared ?? 'none'];
  const comparison = (one: Measured) => {
    if (first === undefined || against === undefined) return [];
    const cost = costOf('eventsPerSecond', one, first);
    return [compared === 'growth' ? `× ${cost.toFixed(2)}` : (1 / cost).toFixed(cost > 10 ? 4 : 2)];
  };
  const rows = measured.map((one) => [
    one.name,
    ...comparison(one),
    ...names.flatMap((name) => cells(name, one.figures[name])),
  ]);
  const headings = names.flatMap((name) => [figureOf(name).heading, 'spread']);
  const text = table([title, ...(against === undefined ? [] : [against]), ...headings], rows);
  if (compared !== 'growth') return text;
  const growth = names.map((name) => {
    const what = name === 'eventsPerSecond' ? 'time of an event' : figureOf(name).heading;
    return `${what} × ${growthOf(name, measured).toFixed(2)}`;
  });
  return `${text}\nAt worst from one size to a greater: ${growth.join('; ')}`;
}
