import { stripVTControlCharacters } from 'node:util';
import Table from 'cli-table3';
import { paint } from './paint.js';
import { printable } from './printable.js';

const BARE = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
};
const BETWEEN = 2;
/** A column that is cut keeps so much. */
const LEAST = 10;

export interface Fitting {
  /** Headings of the columns that may be cut where the terminal is too narrow; without them the last with text. */
  readonly cut?: readonly string[];
  /** Headings of columns that are left out, one after the other, where cutting is not enough. */
  readonly drop?: readonly string[];
  /** Columns there are; without it those of the terminal, and as many as it takes where output goes to a pipe or a file. */
  readonly width?: number | undefined;
}

function columnsOf(text: string): number {
  return Array.from(stripVTControlCharacters(text)).length;
}

function isRight(rows: readonly (readonly (string | number)[])[], column: number): boolean {
  return rows.length > 0 && rows.every((row) => typeof row[column] === 'number');
}

/** The width of each column: as wide as its widest cell, those that may be cut less wide where it would not fit. */
function widthsFor(lines: readonly (readonly string[])[], mayCut: readonly number[], width: number): number[] {
  // A table may have no headings.
  const columns = Math.max(0, ...lines.map((line) => line.length));
  const widths = Array.from({ length: columns }, (_, i) =>
    Math.max(1, ...lines.map((line) => columnsOf(line[i] ?? ''))),
  );
  let over = widths.reduce((sum, wide) => sum + wide + BETWEEN, -BETWEEN) - width;
  for (const column of mayCut) {
    if (over <= 0) break;
    const wide = widths[column] ?? 0;
    const less = Math.max(Math.min(wide, LEAST), wide - over);
    widths[column] = less;
    over -= wide - less;
  }
  return widths;
}

/** A cell that ends with … where it is too long. */
function cutTo(width: number, cell: string): string {
  return columnsOf(cell) <= width
    ? cell
    : `${Array.from(stripVTControlCharacters(cell))
        .slice(0, width - 1)
        .join('')}…`;
}

/** The columns that stay, by their numbers, where those that may go are dropped until the others fit. */
function kept(
  head: readonly string[],
  lines: readonly (readonly string[])[],
  { cut, drop, width }: { cut: readonly number[]; drop: readonly string[]; width: number },
): number[] {
  const widths = widthsFor([head, ...lines], cut, 0);
  let stay = widths.map((_, i) => i);
  for (const name of drop) {
    const least = stay.reduce((sum, i) => sum + (widths[i] ?? 0) + BETWEEN, -BETWEEN);
    if (least <= width) break;
    stay = stay.filter((i) => head[i] !== name);
  }
  return stay;
}

/**
 * Rows under their headings; cells are made printable, so they have no colours. On a terminal that is too narrow cells are cut and columns dropped; in a pipe columns are as wide as they need and
 * nothing is. Numbers stand right, with separators of thousands.
 */
export function table(
  head: readonly string[],
  rows: readonly (readonly (string | number)[])[],
  { cut, drop = [], width = process.stdout.isTTY ? process.stdout.columns : undefined }: Fitting = {},
): string {
  const text = rows.map((row) =>
    row.map((cell) => (typeof cell === 'number' ? cell.toLocaleString('en-US') : printable(cell))),
  );
  const columns = Math.max(head.length, ...rows.map((row) => row.length));
  const lastText = Array.from({ length: columns }, (_, i) => !isRight(rows, i)).lastIndexOf(true);
  const mayCut = cut ? cut.map((name) => head.indexOf(name)).filter((i) => i >= 0) : [lastText];
  if (drop.length > 0) {
    const stay = kept(head, text, { cut: mayCut, drop, width: width ?? Infinity });
    if (stay.length < columns) {
      const only = <T>(cells: readonly T[]) => cells.filter((_, i) => stay.includes(i));
      return table(only(head), rows.map(only), { ...(cut ? { cut } : {}), width });
    }
  }
  const widths = widthsFor([head, ...text], mayCut, width ?? Infinity);
  const drawn = new Table({
    head: head.map((name, i) => paint.bold(cutTo(widths[i] ?? 0, name))),
    chars: BARE,
    colWidths: widths,
    colAligns: widths.map((_, i) => (isRight(rows, i) ? 'right' : 'left')),
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
  });
  for (const [i, row] of text.entries()) {
    drawn.push(
      row.map((cell, column) => {
        const content = cutTo(widths[column] ?? 0, cell);
        return typeof rows[i]?.[column] === 'number' ? { content, hAlign: 'right' } : content;
      }),
    );
  }
  return drawn
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}
