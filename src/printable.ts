/**
 * What steers a terminal, or the order in which it shows text: the control characters (C0, DEL, C1), the separators of lines
 * and paragraphs, the controls of writing direction. All of them are single UTF-16 units.
 */
const STEERING = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;

/** The colours that paint.ts and chalk make for us; nothing else of what a terminal obeys is ours. */
// eslint-disable-next-line no-control-regex
const OWN_COLOUR = /(\x1b\[(?:1|2|22|31|32|33|36|39)m)/;

function sign(found: string): string {
  const code = found.charCodeAt(0);
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  return code === 0x7f ? '\u2421' : `\\u{${code.toString(16)}}`;
}

function isBreak(found: string): boolean {
  return found === '\n' || found === '\t';
}

/** Text from outside for one line of a terminal: what would steer it is seen instead. To be called before it is coloured. */
export function printable(text: string): string {
  return text.replace(STEERING, sign);
}

/** The same for text of several lines: newlines and tabs stay. */
export function printableLines(text: string): string {
  return text.replace(STEERING, (found) => (isBreak(found) ? found : sign(found)));
}

/**
 * The last look at what a command prints, should a value have come so far as it is: newlines, tabs and our own colours stay, all else
 * that steers is seen.
 */
export function screened(text: string): string {
  const parts = text.split(OWN_COLOUR);
  return parts.map((part, i) => (i % 2 === 1 ? part : printableLines(part))).join('');
}

function shownOf(value: unknown): unknown {
  if (typeof value === 'string') return printable(value);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(shownOf);
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [printable(name), shownOf(part)]));
}

/** A report as it may be shown to people: each text in it is printable. What is made for `--json` stays as it is. */
export function visible<T>(report: T): T {
  // The same shape with other texts; no type guard can say so.
  return shownOf(report) as T;
}

/** JSON that a terminal does not obey: what JSON.stringify lets through of that is escaped too. It reads as the same. */
export function jsonText(value: unknown, indent?: number): string {
  const text = JSON.stringify(value, null, indent);
  return text.replace(STEERING, (found) =>
    // Outside of texts JSON has newlines, and inside of them none.
    found === '\n' ? found : `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** A line of JSON that somebody is going to parse and print, as that of a log: what would steer the terminal then is seen instead. */
export function printableJson(line: string): string {
  return line.replace(/\\(?:u[0-9a-f]{4}|[^u])|[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/giu, (found) => {
    const said = found.startsWith('\\') ? String(JSON.parse(`"${found}"`)) : found;
    const shown = printableLines(said);
    return shown === said ? found : JSON.stringify(shown).slice(1, -1);
  });
}

/** A text as a shell takes it for one word. What would steer a terminal is spelled in bytes, as bash and zsh read them. */
export function quoted(text: string): string {
  if (/^[\w.:@%+,/=-]+$/.test(text)) return text;
  if (text.search(STEERING) < 0) return `'${text.replaceAll("'", `'\\''`)}'`;
  const spelled = text.replace(/[\\']/g, '\\$&').replace(STEERING, (found) => {
    const bytes = [...Buffer.from(found)].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`);
    return bytes.join('');
  });
  return `$'${spelled}'`;
}
