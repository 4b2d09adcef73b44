// The curves for docs/performance.md.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { costOf } from './figures.js';
import { growthParts } from './parts.js';
import type { Results } from './results.js';
import type { Measured } from './rounds.js';
import { svg, type Chart, type Line } from './svg.js';

const whole = (value: number) => Math.round(value).toLocaleString('en-US');
const plain = (value: number) => value.toLocaleString('en-US', { maximumFractionDigits: 2 });

/** One figure of measured ways as a line. */
function lineOf(name: string, measured: readonly Measured[], figure: string): Line {
  const points = measured.flatMap(({ figures }, at) => {
    const spread = figures[figure];
    return spread ? [{ at, y: spread.median, least: spread.least, most: spread.most }] : [];
  });
  return { name, points };
}

const COSTS = [
  ['time', 'eventsPerSecond'],
  ['CPU: dbw', 'cpuMicros'],
  ['CPU: PostgreSQL', 'postgresMicros'],
  ['memory', 'peakMiB'],
] as const;

/** The most that issue and design allow a cost to grow. */
const GOAL = 1.3;

function growth(title: string, ladder: readonly Measured[]): Chart {
  const [first] = ladder;
  const lines = COSTS.map(([name, figure]): Line => {
    const points = first ? ladder.map((one, at) => ({ at, y: costOf(figure, one, first) })) : [];
    return { name, points: points.filter(({ y }) => Number.isFinite(y)) };
  }).filter(({ points }) => points.length > 0);
  return {
    title: title.charAt(0).toUpperCase() + title.slice(1),
    x: { about: title, sizes: ladder.map(({ size = 0 }) => whole(size)) },
    y: { about: 'times the smallest', scale: 'linear', format: plain },
    lines,
    levels: [{ name: `goal: below ${GOAL}`, y: GOAL }],
  };
}

const BATCHES = ['batches of 100', 'batches of 1,000', 'batches of 5,000'];

function batches(throughput: readonly Measured[]): Chart | undefined {
  const measured = BATCHES.flatMap((name) => throughput.find((one) => one.name === name) ?? []);
  if (measured.length < BATCHES.length) return undefined;
  const levels = ['COPY', 'INSERT … unnest'].flatMap((name) => {
    const y = throughput.find((one) => one.name === name)?.figures.eventsPerSecond?.median;
    return y === undefined ? [] : [{ name, y }];
  });
  return {
    title: 'Batch size',
    x: { about: 'events in a batch (BATCH_SIZE)', sizes: BATCHES.map((name) => name.replace('batches of ', '')) },
    y: { about: 'events a second', scale: 'linear', format: whole },
    lines: [lineOf('dbw consume', measured, 'eventsPerSecond')],
    levels,
  };
}

function latency(measured: readonly Measured[]): Chart | undefined {
  const posts = measured.filter(({ size }) => size !== undefined);
  if (posts.length === 0) return undefined;
  return {
    title: 'From the append in Kafka to the commit',
    x: { about: 'events a second', sizes: posts.map(({ size = 0 }) => whole(size)) },
    y: { about: 'milliseconds, at most', scale: 'log', format: plain },
    lines: [lineOf('half', posts, 'p50'), lineOf('99 of 100', posts, 'p99'), lineOf('999 of 1,000', posts, 'p999')],
  };
}

/** Draws what there is of growth, batch sizes and latency into a folder; returns the names of the files. */
export async function drawAll({ parts }: Results, folder: string): Promise<string[]> {
  const ladders = growthParts.flatMap(({ names: [name = ''], title }) => {
    const ladder = parts[name];
    return ladder ? [growth(title, ladder)] : [];
  });
  const [sizes, waits] = [batches(parts.limits ?? []), latency(parts.latency ?? [])];
  const pictures: readonly (readonly [file: string, about: string, charts: readonly Chart[]])[] = [
    [
      'performance-growth.svg',
      'What an event costs as there is more of one thing, as a multiple of the smallest',
      ladders,
    ],
    [
      'performance-batches.svg',
      'Events a second by batch size, beside COPY and INSERT of the same rows',
      sizes ? [sizes] : [],
    ],
    ['performance-latency.svg', 'Latency of an event by events a second', waits ? [waits] : []],
  ];
  const drawn = pictures.filter(([, , charts]) => charts.length > 0);
  for (const [file, about, charts] of drawn) await writeFile(join(folder, file), svg(charts, about));
  return drawn.map(([file]) => file);
}
