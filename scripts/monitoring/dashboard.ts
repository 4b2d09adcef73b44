import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Line } from './prometheus.js';

const FILE = fileURLToPath(new URL('../../deploy/grafana/dbw.json', import.meta.url));

export interface Panel {
  readonly title: string;
  readonly type: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly fieldConfig?: { readonly defaults: { readonly unit: string } };
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}

/** The panels of deploy/grafana/dbw.json. */
export function panels(): readonly Panel[] {
  const { panels: all } = JSON.parse(readFileSync(FILE, 'utf8')) as { panels: readonly Panel[] };
  return all;
}

/** A query as Grafana would ask it, with all jobs and instances. */
export function asked(expr: string, interval: string): string {
  return expr.replaceAll('$job', '.*').replaceAll('$instance', '.*').replaceAll('$__rate_interval', interval);
}

const TINTS = ['#3274d9', '#e0752d', '#3f9c35', '#b877d9', '#c4162a', '#8f8f00', '#0a8a8a', '#7a5230'];

function escaped(text: string): string {
  return text.replace(/[&<>]/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

function legendOf(format: string, labels: Line['labels']): string {
  return format.replace(/\{\{(\w+)\}\}/g, (_, name: string) => labels[name] ?? '');
}

/** What was asked for, in seconds since 1970, and how far apart the points are. */
export interface Time {
  readonly from: number;
  readonly to: number;
  readonly step: number;
}

/** A panel's queries, drawn plainly: Grafana itself is in no package registry. */
function drawn(panel: Panel, lines: readonly (Line & { readonly legend: string })[], { from, to, step }: Time): string {
  const { x, y, w, h } = panel.gridPos;
  const place = `grid-column:${x + 1}/span ${w};grid-row:${y + 1}/span ${h}`;
  if (panel.type === 'row') return `<h2 style="${place}">${escaped(panel.title)}</h2>`;
  const most = Math.max(1e-9, ...lines.flatMap(({ points }) => points.map(([, value]) => (Number.isFinite(value) ? value : 0)))); // prettier-ignore
  const now = lines.map(({ points, legend }, i) => {
    const value = points.at(-1)?.[1] ?? NaN;
    return `<span style="color:${TINTS[i % TINTS.length] ?? ''}">${escaped(legend)} ${Number(value.toPrecision(3))}</span>`;
  });
  const paths = lines.map(({ points }, i) => {
    const known = points.filter(([, value]) => Number.isFinite(value));
    const d = known
      // Where nothing is known there is no line.
      .map(([at, value], n) => `${at - (known[n - 1]?.[0] ?? 0) < 1.5 * step ? 'L' : 'M'}${(((at - from) / (to - from)) * 600).toFixed(1)} ${(100 - (value / most) * 100).toFixed(1)}`); // prettier-ignore
    return `<path d="${d.join('')}" stroke="${TINTS[i % TINTS.length] ?? ''}"/>`;
  });
  const unit = panel.fieldConfig?.defaults.unit ?? '';
  const svg = `<svg viewBox="0 0 600 100" preserveAspectRatio="none">${paths.join('')}</svg>`;
  return `<div style="${place}"><b>${escaped(panel.title)}</b> <i>0 to ${Number(most.toPrecision(3))} ${unit}</i>${svg}<p>${now.join(' ')}</p></div>`; // prettier-ignore
}

/** All panels as one page, to be looked at. */
export function dashboardPage(
  drawings: readonly { readonly panel: Panel; readonly lines: readonly (Line & { readonly legend: string })[] }[],
  time: Time,
): string {
  const style = `body{font:12px sans-serif;display:grid;grid-template-columns:repeat(24,1fr);grid-auto-rows:26px;gap:4px;margin:8px}
div{border:1px solid #ddd;padding:4px;overflow:hidden;display:flex;flex-direction:column}svg{flex:1;min-height:0;width:100%}p,h2{margin:0}h2{font-size:14px;align-self:end}span{margin-right:8px}i{color:#777}
path{fill:none;stroke-width:1.5;vector-effect:non-scaling-stroke}`;
  const shown = drawings.map(({ panel, lines }) => drawn(panel, lines, time));
  return `<!doctype html><meta charset="utf-8"><style>${style}</style>${shown.join('')}`;
}

export { legendOf };
