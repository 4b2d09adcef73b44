import { Chalk, type ChalkInstance } from 'chalk';

/** chalk looks at the terminal but not at NO_COLOR. */
const inColour = process.stdout.isTTY && !process.env.NO_COLOR;

export const paint: ChalkInstance = inColour ? new Chalk() : new Chalk({ level: 0 });

export function sayError(message: string): void {
  console.error(`\n${message}`);
}

/** "10,714" */
export function count(number: number): string {
  return number.toLocaleString('en-US');
}

/** "1 row", "2 rows" */
export function counted(number: number, what: string, plural = `${what}s`): string {
  return `${count(number)} ${number === 1 ? what : plural}`;
}

/** A headline over its lines, which are indented as far as the titles of the steps. */
export function section(headline: string, remark: string, body: string): string {
  const indented = body.split('\n').map((line) => (line === '' ? '' : `  ${line}`));
  return ['', `  ${paint.bold(headline)}${remark === '' ? '' : `  ${paint.dim(remark)}`}`, ...indented].join('\n');
}

/** A text that is not wider than its column; what does not fit ends in "…". */
export function fitted(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, width - 1)}…` : text;
}
