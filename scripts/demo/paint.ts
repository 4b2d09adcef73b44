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

/** As many names as fit into a column, and how many more there are. */
export function listed(names: readonly string[], width: number): string {
  for (let shown = names.length; shown > 0; shown--) {
    const more = names.length - shown;
    const text = names.slice(0, shown).join(', ') + (more > 0 ? ` + ${more}` : '');
    if (text.length <= width) return text;
  }
  return `${names.length} of them`;
}
