import type { Config, Errors } from '@oclif/core';
import { EXIT, UserError } from './errors.js';
import { nearest } from './nearest.js';

type CommandMap = Config['commands'];

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string');
}

function meant(typed: string, words: readonly string[]): string {
  const word = nearest(typed, words);
  return word === undefined ? '' : ` Did you mean ${word}?`;
}

/** A command as it is typed: `dbw dlq ls`. */
function spelled(bin: string, id: string): string {
  return [bin, ...id.split(':')].filter((word) => word !== '').join(' ');
}

/** What to tell of a command that does not exist. */
export function unknownCommand(id: string, config: Pick<Config, 'bin' | 'commands'>): UserError {
  const typed = id.split(':').join(' ');
  const known = visible(config.commands).map(({ id: name }) => name.split(':').join(' '));
  // Of `dlq sho 1:2` only the beginning is a command.
  const words = typed.split(' ');
  const tries = words.map((_, i) => words.slice(0, words.length - i).join(' '));
  const whole = tries.find((one) => known.includes(one));
  if (whole !== undefined && !known.some((name) => name.startsWith(`${whole} `))) {
    const rest = typed.slice(whole.length + 1);
    return new UserError(
      `"${config.bin} ${whole}" takes no "${rest}".\nHelp: ${config.bin} ${whole} --help`,
      EXIT.usage,
    );
  }
  const found = tries.map((one) => nearest(one, known)).find((one) => one !== undefined);
  const hint = found === undefined ? '' : ` Did you mean: ${config.bin} ${found}`;
  const [first = ''] = words;
  const topic = known.some((name) => name === first || name.startsWith(`${first} `)) ? ` ${first}` : '';
  const all = `All commands: ${config.bin}${topic} --help`;
  return new UserError(`There is no command "${config.bin} ${typed}".${hint}\n${all}`, EXIT.usage);
}

function visible(commands: CommandMap): CommandMap {
  return commands.filter(({ hidden }) => !hidden);
}

/**
 * What oclif has to say about flags and arguments, in our words: what was probably meant, and where to read more.
 *
 * @param error of oclif's parser
 * @param flags the flags of the command
 */
export function usageError(
  error: Errors.CLIError,
  { bin, id, flags }: { bin: string; id: string; flags: readonly string[] },
): UserError {
  const unknown: unknown = 'flags' in error ? error.flags : undefined;
  const names = flags.map((name) => `--${name}`);
  const hint = isTexts(unknown) ? unknown.map((flag) => meant(flag.replace(/=.*/s, ''), names)).join('') : '';
  const message = error.message.replace(/\n*See more help with --help\s*$/, '').replace(/\s*\n\t/g, ': ');
  const stop = /[.?:!]$/.test(message) || hint === '' ? '' : '.';
  return new UserError(
    `${message}${stop}${hint}\nAll flags: ${spelled(bin, id)} --help`,
    error.oclif.exit ?? EXIT.usage,
  );
}

/** Columns that a line of prose may take on a terminal. */
const WIDEST = 100;

/**
 * A message for the person at the terminal. Prose is broken between words; a command at the end of a line stands alone and
 * whole, so that it can be copied. In a pipe no line is broken.
 *
 * @param width of the terminal; undefined for a pipe
 */
export function laidOut(message: string, width: number | undefined): string {
  if (width === undefined) return message;
  return message
    .split('\n')
    .flatMap((line) => {
      const [, prose = line, command] = /^(.*?:) (dbw [^.?]*(?:\.\S[^.?]*)*[.?]?)$/.exec(line) ?? [];
      return [...broken(prose, Math.min(width, WIDEST)), ...(command === undefined ? [] : [`  ${command}`])];
    })
    .join('\n');
}

/** Lines of at most so many columns; a word that is longer stays whole. */
function broken(line: string, width: number): string[] {
  const indent = /^\s*/.exec(line)?.[0] ?? '';
  const lines: string[] = [];
  let last = indent;
  for (const word of line.trim().split(' ')) {
    if (last.trim() !== '' && last.length + 1 + word.length > width) {
      lines.push(last);
      last = indent + word;
    } else last = last.trim() === '' ? indent + word : `${last} ${word}`;
  }
  return [...lines, last];
}
