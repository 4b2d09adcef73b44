import type { History, Period } from '../history.js';
import type { Vitals } from '../vitals.js';
import { bandsOf, chart, linear, logarithmic, type Chart } from './charts.js';
import { html, type Html } from './html.js';
import { duration, number, rate, short } from './words.js';

const MINUTE_MS = 60_000;
const BAR_MS = 15_000;

/** One number of now, what belongs to it, and its last ten minutes. */
interface Card {
  readonly id: string;
  readonly title: string;
  readonly value: Html;
  readonly notes: readonly (Html | string)[];
  readonly found?: 'poor' | 'bad' | undefined;
  readonly chart: Chart;
}

/** A power of ten of a second, in few signs. */
function time(seconds: number): string {
  return seconds < 1 ? `${Math.round(seconds * 1000)} ms` : `${short(seconds)} s`;
}

function pointsOf(periods: readonly Period[], value: (period: Period) => number | undefined) {
  return periods.map((period) => ({ at: period.to, value: value(period) }));
}

function valuesOf(periods: readonly Period[], value: (period: Period) => number | undefined): number[] {
  return periods.flatMap((period) => value(period) ?? []);
}

function inWords(what: string, values: readonly number[], spell: (value: number) => string): string {
  if (values.length === 0) return `${what} in the last ten minutes: nothing yet`;
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return `${what} in the last ten minutes: between ${spell(least)} and ${spell(most)}, now ${spell(values.at(-1) ?? 0)}`;
}

function eventsCard(periods: readonly Period[], lately: Period): Card {
  const rates = valuesOf(periods, (period) => period.rate);
  const { applied, duplicate, collision, parked, dead_letter: dead, tombstone } = lately.outcomes;
  const became = { applied, known: duplicate + collision, parked, 'dead letters': dead, empty: tombstone };
  const parts = Object.entries(became).filter(([, n]) => n > 0);
  return {
    id: 'events',
    title: 'Events',
    value: html`${rate(rates.at(-1) ?? 0)}<small>/s</small>`,
    notes: [
      parts.length === 0
        ? 'none in the last minute'
        : `last minute: ${parts.map(([what, n]) => `${number(n)} ${what}`).join(', ')}`,
    ],
    chart: {
      scale: linear(rates, 10, short),
      series: [{ points: pointsOf(periods, (period) => period.rate), shape: 'area', tint: 'first' }],
      label: inWords('Events a second', rates, rate),
    },
  };
}

function latencyCard(periods: readonly Period[], lately: Period): Card {
  const worst = valuesOf(periods, ({ p99 }) => p99);
  return {
    id: 'latency',
    title: 'Latency',
    value: html`${duration(lately.p50)}<small class="key first">p50</small> ${duration(lately.p99)}<small
        class="key second"
        >p99</small
      >`,
    notes: ['from Kafka to the commit, last minute'],
    chart: {
      scale: logarithmic(worst, time),
      series: [
        { points: pointsOf(periods, ({ p99 }) => p99), shape: 'line', tint: 'second' },
        { points: pointsOf(periods, ({ p50 }) => p50), shape: 'line', tint: 'first' },
      ],
      label: inWords('99 of 100 events were written within', worst, duration),
    },
  };
}

function lagCard(periods: readonly Period[], { lag, lagSeconds }: Period): Card {
  const lags = valuesOf(periods, (period) => period.lag);
  return {
    id: 'lag',
    title: 'Lag',
    value: html`${number(lag)}<small>${lag === 1 ? 'event' : 'events'}</small>`,
    notes: [lag === 0 ? 'everything is written' : `the next one has waited for ${duration(lagSeconds)}`],
    found: lagSeconds > 60 ? 'poor' : undefined,
    chart: {
      scale: linear(lags, 10, short),
      series: [{ points: pointsOf(periods, (period) => period.lag), shape: 'area', tint: 'first' }],
      label: inWords('Events to write', lags, number),
    },
  };
}

function deadLettersCard(history: History, span: Period, sinceStart: number): Card {
  const periods = history.periods(BAR_MS);
  const counts = valuesOf(periods, ({ outcomes }) => outcomes.dead_letter);
  const n = span.outcomes.dead_letter;
  return {
    id: 'dead',
    title: 'Dead letters',
    value: html`${number(n)}<small>in 10 min</small>`,
    notes: [`${number(sinceStart)} since the start`],
    found: n > 0 ? 'poor' : undefined,
    chart: {
      scale: linear(counts, 10, short),
      series: [
        {
          points: pointsOf(periods, ({ outcomes }) => outcomes.dead_letter),
          shape: 'bars',
          everyMs: BAR_MS,
          tint: 'alarm',
        },
      ],
      label: inWords('Dead letters in 15 seconds', counts, number),
    },
  };
}

function parkedCard(periods: readonly Period[], { parked, database }: Vitals): Card {
  const counts = valuesOf(periods, (period) => period.parked);
  const all = parked.waiting + parked.dead;
  const dead = parked.dead > 0 ? `, ${number(parked.dead)} of them dead letters too` : '';
  const oldest = parked.waiting > 0 ? `, the oldest for ${duration(parked.oldestMs / 1000)}` : '';
  // They are counted by asking: in an outage the last answer stays.
  const asked = database.connected ? '' : ' – when PostgreSQL was last asked';
  return {
    id: 'parked',
    title: 'Parked',
    value: html`${number(all)}<small>${all === 1 ? 'event' : 'events'}</small>`,
    notes: [all === 0 ? 'none waits for a row' : `wait for a row${oldest}${dead}${asked}`],
    found: parked.full ? 'bad' : undefined,
    chart: {
      scale: linear(counts, 10, short),
      series: [{ points: pointsOf(periods, (period) => period.parked), shape: 'area', tint: 'first' }],
      label: inWords('Parked events', counts, number),
    },
  };
}

function poolCard(periods: readonly Period[], { database }: Vitals): Card {
  const { activeConnections: inUse, poolSize } = database;
  const counts = valuesOf(periods, (period) => period.inUse);
  return {
    id: 'pool',
    title: 'Connections',
    value: html`${inUse}<small>of ${poolSize} in use</small>`,
    notes: [database.connected ? 'to PostgreSQL' : 'PostgreSQL is away'],
    found: inUse >= poolSize && poolSize > 0 ? 'poor' : undefined,
    chart: {
      scale: { of: (n) => n / Math.max(1, poolSize), top: String(poolSize), bottom: '0', lines: [0.5] },
      series: [{ points: pointsOf(periods, (period) => period.inUse), shape: 'area', tint: 'first' }],
      limit: poolSize,
      label: inWords(`Connections to PostgreSQL in use, of ${poolSize}`, counts, number),
    },
  };
}

/** The charts, each with its number of now. */
export function cards(history: History, vitals: Vitals, span: Period, deadLetters: number, now: number): Html {
  const axis = { now, span: history.span(now) };
  const periods = history.periods();
  const lately = history.since(MINUTE_MS, now);
  const bands = bandsOf(periods, axis);
  const all = [
    eventsCard(periods, lately),
    latencyCard(periods, lately),
    lagCard(periods, lately),
    deadLettersCard(history, span, deadLetters),
    parkedCard(periods, vitals),
    poolCard(periods, vitals),
  ];
  return html`${all.map(
    ({ id, title, value, notes, found = '', chart: picture }) =>
      html` <figure class="card ${found}" id="card-${id}">
        <figcaption>
          <h3>${title}</h3>
          <p class="value">${value}</p>
          ${notes.map((note) => html`<p class="note">${note}</p>`)}
        </figcaption>
        ${chart(picture, bands, axis)}
      </figure>`,
  )}`;
}
