import { parseTime } from '../event/time.js';
import { jsonText } from '../printable.js';

/** A line of a document, and the place that it shows as a JSON pointer. */
export interface Line {
  readonly path: string;
  readonly text: string;
}

const FIELD = /^[A-Za-z_]\w{0,63}$/;
const MAX_DEPTH = 64;
const INDENT = '  ';

function lengthOf(text: string): number {
  return Array.from(text).length;
}

/** What may be told of a value without telling it. */
export function masked(value: unknown): string {
  if (typeof value === 'string') return `"‹text of ${lengthOf(value)}›"`;
  if (typeof value === 'number') return '‹number›';
  if (typeof value === 'boolean') return '‹true or false›';
  return 'null';
}

/** A name that looks like one of a field; others may be somebody's data. */
function maskedName(name: string): string {
  return FIELD.test(name) ? jsonText(name) : `"‹name of ${lengthOf(name)}›"`;
}

/** What of an envelope is told: who the event is, its type, and when. Whatever else stands there in their place is not. */
function isTold(path: string, value: unknown): boolean {
  if (typeof value !== 'string') return false;
  if (path === '/eventId') return value.length <= 255;
  if (path === '/eventType') return /^[a-z]+(\.[a-z_-]+){0,5}$/i.test(value) && value.length <= 100;
  return path === '/timestamp' && parseTime(value) !== undefined;
}

/** The part of a JSON pointer that stands for a name; what is no name of a field is `*`, as in the paths of refusals. */
function pointer(name: string): string {
  return FIELD.test(name) || /^\d{1,9}$/.test(name) ? name : '*';
}

/**
 * A document as people read it, a line for each value.
 *
 * @param reveal whether values are told, not only what they are
 */
export function linesOf(document: unknown, reveal: boolean): Line[] {
  const lines: Line[] = [];
  const scalar = (value: unknown, path: string) => (reveal || isTold(path, value) ? jsonText(value) : masked(value));
  const walk = (value: unknown, path: string, depth: number, before: string, after: string): void => {
    const lead = INDENT.repeat(depth) + before;
    if (typeof value !== 'object' || value === null) {
      lines.push({ path, text: `${lead}${scalar(value, path)}${after}` });
      return;
    }
    const [open, close] = Array.isArray(value) ? ['[', ']'] : ['{', '}'];
    const entries = Object.entries(value);
    if (entries.length === 0 || depth >= MAX_DEPTH) {
      lines.push({ path, text: `${lead}${open}${entries.length === 0 ? '' : '…'}${close}${after}` });
      return;
    }
    lines.push({ path, text: `${lead}${open}` });
    entries.forEach(([name, part], i) => {
      const title = Array.isArray(value) ? '' : `${reveal ? jsonText(name) : maskedName(name)}: `;
      walk(part, `${path}/${pointer(name)}`, depth + 1, title, i < entries.length - 1 ? ',' : '');
    });
    lines.push({ path: '', text: `${INDENT.repeat(depth)}${close}${after}` });
  };
  walk(document, '', 0, '', '');
  return lines;
}

/** The line that shows a place, or where it is missing, what would hold it. */
export function lineAt(lines: readonly Line[], path: string): number {
  for (let place = path; place !== ''; place = place.slice(0, place.lastIndexOf('/'))) {
    const found = lines.findIndex((line) => line.path === place);
    if (found >= 0) return found;
  }
  return 0;
}

/** Bytes as a table of hexadecimal numbers and what is text of them, sixteen a line. */
export function hexdump(bytes: Buffer): string[] {
  return Array.from({ length: Math.ceil(bytes.length / 16) }, (_, i) => {
    const row = bytes.subarray(i * 16, i * 16 + 16);
    const hex = [...row].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
    return `${(i * 16).toString(16).padStart(8, '0')}  ${hex.padEnd(47)}  ${row.toString('latin1').replace(/[^ -~]/g, '.')}`;
  });
}
