import { spell } from '../../spell.js';
import { html, type Html } from './html.js';

/** A name, or what is said with one, that may be broken behind its dots. */
export function name(dotted: string): Html {
  const [first = '', ...more] = dotted.split('.');
  return html`${first}${more.map((part) => html`.<wbr />${part}`)}`;
}

/** `12,345`. */
export function number(n: number): string {
  return Math.round(n).toLocaleString('en-US');
}

/** Few signs for the side of a chart: `12k`, `1.5M`. */
export function short(n: number): string {
  const spelled = (value: number, unit: string) => `${Number(value.toFixed(value < 10 ? 1 : 0))}${unit}`;
  if (n >= 1e6) return spelled(n / 1e6, 'M');
  if (n >= 1e3) return spelled(n / 1e3, 'k');
  return spelled(n, '');
}

/** Events a second: below ten with one digit, so that a quiet system is not 0. */
export function rate(perSecond: number): string {
  return perSecond > 0 && perSecond < 9.95 ? perSecond.toFixed(1) : number(perSecond);
}

/** `4 ms`, `1.2 s`, `3 min 5 s`; `–` for nothing. */
export function duration(seconds: number | undefined): string {
  if (seconds === undefined) return '–';
  if (seconds < 0.01) return `${Number((seconds * 1000).toFixed(1))} ms`;
  if (seconds < 0.9995) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 10) return `${Number(seconds.toFixed(1))} s`;
  return spell(seconds);
}

/** A day or more in days, for how long a process has been up. */
export function long(seconds: number): string {
  const days = Math.floor(seconds / 86_400);
  return days === 0 ? spell(Math.floor(seconds)) : `${days} d ${Math.floor((seconds % 86_400) / 3600)} h`;
}

/** A moment of today as `14:03:12 UTC`, for people and machines. */
export function clock(ms: number): Html {
  const iso = new Date(ms).toISOString();
  return html`<time datetime="${iso}">${iso.slice(11, 19)} UTC</time>`;
}
