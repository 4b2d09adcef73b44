import type { Period } from '../history.js';
import { html, type Html } from './html.js';

/** Units of the drawing, which is stretched to its place. */
const [WIDTH, HEIGHT] = [600, 100];
/** Between two points that are further apart nothing was seen. */
const HOLE_MS = 30_000;

interface Point {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly value: number | undefined;
}

/** From so long ago to now, in milliseconds; `now` since 1970. */
export interface Axis {
  readonly now: number;
  readonly span: number;
}

export interface Series {
  readonly points: readonly Point[];
  /** `area`: filled below; `bars`: one for each point, as wide as `everyMs`. */
  readonly shape: 'area' | 'line' | 'bars';
  readonly everyMs?: number;
  /** Of the style: `first`, `second`, `alarm`. */
  readonly tint: string;
}

/** From a value to its height: 0 at the bottom, 1 at the top. */
export interface Scale {
  readonly of: (value: number) => number;
  /** What stands beside the top and the bottom. */
  readonly top: string;
  readonly bottom: string;
  /** Heights of the lines behind. */
  readonly lines: readonly number[];
}

/** The next number whose first digit says it all. */
function round(value: number): number {
  const unit = 10 ** Math.floor(Math.log10(value));
  return unit * ([1, 2, 3, 4, 5, 6, 8].find((step) => step * unit >= value) ?? 10);
}

/** From 0 to a round number above all values, and at least `least`. */
export function linear(values: readonly number[], least: number, spell: (value: number) => string): Scale {
  const most = round(values.reduce((max, value) => Math.max(max, value), least));
  return { of: (value) => value / most, top: spell(most), bottom: '0', lines: [0.5, 1] };
}

/** By powers of ten, from 1 ms to one above all values: milliseconds and minutes in one picture. */
export function logarithmic(seconds: readonly number[], spell: (value: number) => string): Scale {
  const most = seconds.reduce((max, value) => Math.max(max, value), 0.1);
  const powers = Math.ceil(Math.log10(most * 1000));
  return {
    of: (value) => Math.max(0, Math.log10(value * 1000)) / powers,
    top: spell(10 ** powers / 1000),
    bottom: spell(0.001),
    lines: Array.from({ length: powers }, (_, at) => (at + 1) / powers),
  };
}

function fixed(n: number): string {
  return String(Number(n.toFixed(1)));
}

/** How a time is shaded. */
export function tintOf({ status, isReading }: Period): 'bad' | 'poor' | undefined {
  if (status === 'unhealthy') return 'bad';
  return status === 'degraded' || !isReading ? 'poor' : undefined;
}

/** Times at which something was wrong. */
export function bandsOf(periods: readonly Period[], axis: Axis): Html[] {
  const bands: { tint: string; from: number; to: number }[] = [];
  for (const period of periods) {
    const { from, to } = period;
    const tint = tintOf(period);
    const last = bands.at(-1);
    if (tint === undefined || to - from > HOLE_MS) continue;
    if (last?.tint === tint && last.to === from) last.to = to;
    else bands.push({ tint, from, to });
  }
  return bands.map(({ tint, from, to }) => {
    const [left, right] = [Math.max(0, xOf(from, axis)), Math.min(WIDTH, xOf(to, axis))];
    return html`<rect class="band ${tint}" x="${fixed(left)}" width="${fixed(right - left)}" height="${HEIGHT}" />`;
  });
}

function xOf(at: number, { now, span }: Axis): number {
  return ((at - now + span) / span) * WIDTH;
}

/** Points that belong together: a hole divides them. */
function runsOf(points: readonly Point[]): { at: number; value: number }[][] {
  const runs: { at: number; value: number }[][] = [];
  let last: number | undefined;
  for (const { at, value } of points) {
    if (value === undefined) {
      last = undefined;
      continue;
    }
    if (last === undefined || at - last > HOLE_MS) runs.push([]);
    runs.at(-1)?.push({ at, value });
    last = at;
  }
  return runs;
}

function drawn({ points, shape, everyMs = 0, tint }: Series, scale: Scale, axis: Axis): Html[] {
  const x = (at: number) => fixed(Math.max(0, xOf(at, axis)));
  const y = (value: number) => fixed(HEIGHT * (1 - Math.min(1, Math.max(0, scale.of(value)))));
  if (shape === 'bars') {
    const wide = (everyMs / axis.span) * WIDTH * 0.8;
    return points.flatMap(({ at, value = 0 }) => {
      if (value === 0) return [];
      const right = Math.min(WIDTH, xOf(at, axis));
      const left = Math.max(0, right - wide);
      // What was there at all is seen.
      const high = Math.max(3, HEIGHT * Math.min(1, scale.of(value)));
      const [top, width] = [fixed(HEIGHT - high), fixed(wide)];
      return [
        html`<rect class="bar ${tint}" x="${fixed(left)}" y="${top}" width="${width}" height="${fixed(high)}" />`,
      ];
    });
  }
  return runsOf(points).flatMap((run) => {
    const line = run.map(({ at, value }) => `${x(at)},${y(value)}`).join(' ');
    const [first, last] = [run[0]?.at ?? axis.now, run.at(-1)?.at ?? axis.now];
    // One point alone is a line without length: its round ends are a dot.
    const stroke = html`<polyline class="line ${tint}" points="${run.length === 1 ? `${line} ${line}` : line}" />`;
    if (shape === 'line') return [stroke];
    const area = `${x(first)},${HEIGHT} ${line} ${x(last)},${HEIGHT}`;
    return [html`<polygon class="area ${tint}" points="${area}" />`, stroke];
  });
}

export interface Chart {
  readonly scale: Scale;
  readonly series: readonly Series[];
  /** A line that values may reach at most, and should not. */
  readonly limit?: number;
  /** The picture in words. */
  readonly label: string;
}

/** A picture of the last minutes; its scale stands beside it as text. */
export function chart({ scale, series, limit, label }: Chart, bands: readonly Html[], axis: Axis): Html {
  const across = (height: number, tint: string) => {
    const y = fixed(HEIGHT * (1 - height));
    return html`<line class="${tint}" x1="0" x2="${WIDTH}" y1="${y}" y2="${y}" />`;
  };
  return html`<div class="plot">
    <svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label="${label}">
      ${bands}${scale.lines.map((height) => across(height, 'grid'))}${across(0, 'ground')}
      ${limit === undefined ? undefined : across(scale.of(limit), 'limit')}
      ${series.flatMap((one) => drawn(one, scale, axis))}
    </svg>
    <span class="top" aria-hidden="true">${scale.top}</span>
    <span class="bottom" aria-hidden="true">${scale.bottom}</span>
    <span class="then" aria-hidden="true">${axis.span / 60_000} min ago</span>
    <span class="now" aria-hidden="true">now</span>
  </div>`;
}
