// A chart as SVG: lines over sizes that stand at equal distances, as few as are measured. Charting libraries that need no
// browser are larger than dbw. Legible on light and on dark pages: it brings both, and its own ground.

export interface Point {
  /** The index of its size. */
  readonly at: number;
  readonly y: number;
  /** The spread of the rounds. */
  readonly least?: number;
  readonly most?: number;
}

export interface Line {
  readonly name: string;
  readonly points: readonly Point[];
}

export interface Chart {
  readonly title: string;
  /** What the sizes are, with their unit, and how each is written. */
  readonly x: { readonly about: string; readonly sizes: readonly string[] };
  /** What is measured, with its unit; logarithmic where it spans decades. */
  readonly y: { readonly about: string; readonly scale: 'linear' | 'log'; readonly format: (value: number) => string };
  readonly lines: readonly Line[];
  /** Values to compare with, drawn across. */
  readonly levels?: readonly { readonly name: string; readonly y: number }[];
}

const STYLE = `
  text { font: 12px system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif; fill: #1f2328 }
  .ground { fill: #ffffff }
  .halo { stroke: #ffffff; stroke-width: 2px; paint-order: stroke }
  .title { font-size: 14px; font-weight: 600 }
  .quiet { fill: #59636e }
  .grid { stroke: #d1d9e0; stroke-width: 1 }
  .level { stroke: #59636e; stroke-width: 1.5; stroke-dasharray: 5 4 }
  .line { fill: none; stroke-width: 2 }
  .c0 { stroke: #0969da; fill: #0969da } .c1 { stroke: #bc4c00; fill: #bc4c00 } .c2 { stroke: #1a7f37; fill: #1a7f37 }
  .c3 { stroke: #8250df; fill: #8250df }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc }
    .ground { fill: #0d1117 }
    .halo { stroke: #0d1117 }
    .quiet { fill: #9198a1 }
    .grid { stroke: #3d444d }
    .level { stroke: #9198a1 }
    .c0 { stroke: #4493f8; fill: #4493f8 } .c1 { stroke: #f0883e; fill: #f0883e } .c2 { stroke: #3fb950; fill: #3fb950 }
    .c3 { stroke: #ab7df8; fill: #ab7df8 }
  }
  path.line { fill: none }`;

const WIDTH = 460;
const HEIGHT = 300;
/** Room around the plot: heading and legend above, values at the left, sizes and what they are below. */
const ROOM = { top: 62, right: 24, bottom: 50, left: 78 };
const PLOT = { width: WIDTH - ROOM.left - ROOM.right, height: HEIGHT - ROOM.top - ROOM.bottom };
/** About as wide as a letter of the font is, to place one text behind another. */
const LETTER = 6.6;
/** As high as a line of text. */
const LINE = 16;

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c] ?? c);
}

function text(x: number, y: number, content: string, more = ''): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}"${more}>${escaped(content)}</text>`;
}

/** 1, 2 and 5 times a power of ten: the greatest of them that is not greater. */
function roundDown(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return ([5, 2, 1].find((step) => step * power <= value * (1 + 1e-9)) ?? 1) * power;
}

/**
 * Values for the lines of a grid that holds these values: some five from 0 on, or 1, 2, 5, 10, … .
 *
 * @param values the values to be drawn, above 0
 */
export function ticks(values: readonly number[], scale: 'linear' | 'log'): number[] {
  const most = Math.max(...values);
  if (scale === 'linear') {
    const rough = roundDown(most / 4);
    const step = most / rough > 6 ? roundDown(rough * 2.5) : rough;
    return Array.from({ length: Math.ceil(most / step - 1e-9) + 1 }, (_, i) => i * step);
  }
  const found = [roundDown(Math.min(...values))];
  for (let last = found[0] ?? 1; last < most * (1 - 1e-9); found.push(last)) {
    last = [2, 2.5].map((by) => last * by).find((next) => Math.abs(roundDown(next) - next) < next * 1e-9) ?? last * 2;
  }
  return found;
}

/** How high a value stands in the plot. */
function heights(grid: readonly number[], scale: 'linear' | 'log'): (value: number) => number {
  const place = scale === 'log' ? Math.log10 : (value: number) => value;
  const [low, high] = [place(grid[0] ?? 0), place(grid.at(-1) ?? 1)];
  return (value) => ROOM.top + PLOT.height * (1 - (place(value) - low) / (high - low));
}

function legend(lines: readonly Line[]): string[] {
  let x = ROOM.left;
  return lines.map(({ name }, i) => {
    const entry = `<circle class="c${i}" cx="${x + 5}" cy="42" r="4"/>${text(x + 14, 46, name)}`;
    x += 30 + name.length * LETTER;
    return entry;
  });
}

/** One chart of WIDTH × HEIGHT, its upper left corner at 0, 0. */
function drawn({ title, x, y, lines, levels = [] }: Chart): string {
  const points = lines.flatMap((line) => line.points);
  const values = [...points.flatMap((point) => [point.y, point.least ?? point.y, point.most ?? point.y]), ...levels.map((level) => level.y)]; // prettier-ignore
  const grid = ticks(values, y.scale);
  const up = heights(grid, y.scale);
  const across = (at: number) => ROOM.left + (PLOT.width * (at + 0.5)) / x.sizes.length;
  const right = WIDTH - ROOM.right;
  const out = [text(ROOM.left, 22, title, ' class="title"'), ...legend(lines)];
  for (const value of grid) {
    out.push(`<path class="grid" d="M${ROOM.left} ${up(value).toFixed(1)}H${right}"/>`);
    out.push(text(ROOM.left - 8, up(value) + 4, y.format(value), ' class="quiet" text-anchor="end"'));
  }
  const middle = ROOM.top + PLOT.height / 2;
  out.push(text(14, middle, y.about, ` class="quiet" text-anchor="middle" transform="rotate(-90 14 ${middle})"`));
  for (const [at, size] of x.sizes.entries()) {
    out.push(text(across(at), HEIGHT - ROOM.bottom + 18, size, ' class="quiet" text-anchor="middle"'));
  }
  out.push(text(ROOM.left + PLOT.width / 2, HEIGHT - 12, x.about, ' class="quiet" text-anchor="middle"'));
  const falling = [...levels].sort((a, b) => b.y - a.y);
  for (const [i, level] of falling.entries()) {
    const at = up(level.y);
    const above = falling[i - 1];
    const isClose = above !== undefined && at - up(above.y) < LINE;
    out.push(`<path class="level" d="M${ROOM.left} ${at.toFixed(1)}H${right}"/>`);
    // At the left, where curves begin that rise.
    out.push(text(ROOM.left + 4, isClose ? at + LINE - 2 : at - 5, level.name, ' class="quiet halo"'));
  }
  for (const [i, line] of lines.entries()) {
    // Lines whose points lie upon each other are set beside each other a little.
    const place = (at: number) => across(at) + (i - (lines.length - 1) / 2) * 5;
    const path = line.points.map((point) => `${place(point.at).toFixed(1)} ${up(point.y).toFixed(1)}`).join('L');
    out.push(`<path class="line c${i}" d="M${path}"/>`);
    for (const point of line.points) {
      const [px, py] = [place(point.at).toFixed(1), up(point.y).toFixed(1)];
      const { least = point.y, most = point.y } = point;
      if (least !== most) out.push(`<path class="c${i}" d="M${px} ${up(least).toFixed(1)}V${up(most).toFixed(1)}"/>`);
      out.push(`<circle class="c${i}" cx="${px}" cy="${py}" r="3.5"/>`);
    }
  }
  return out.join('\n');
}

/**
 * Charts beside and below each other as the text of an SVG file.
 *
 * @param about what a reader hears who cannot see it
 */
export function svg(charts: readonly Chart[], about: string): string {
  const columns = Math.min(2, charts.length);
  const [width, height] = [columns * WIDTH, Math.ceil(charts.length / columns) * HEIGHT];
  const placed = charts.map((chart, i) => {
    const [x, y] = [(i % columns) * WIDTH, Math.floor(i / columns) * HEIGHT];
    return `<g transform="translate(${x} ${y})">\n${drawn(chart)}\n</g>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escaped(about)}">
<title>${escaped(about)}</title>
<style>${STYLE}
</style>
<rect class="ground" width="${width}" height="${height}" rx="6"/>
${placed.join('\n')}
</svg>
`;
}
