import { Chalk, supportsColor, supportsColorStderr, type ChalkInstance } from 'chalk';

/** chalk knows FORCE_COLOR and terminals; NO_COLOR it leaves to us. FORCE_COLOR is the stronger, as it is for Node. */
function levelFor(support: typeof supportsColor): 0 | 1 | 2 | 3 {
  const { NO_COLOR, FORCE_COLOR } = process.env;
  if (NO_COLOR !== undefined && NO_COLOR !== '' && FORCE_COLOR === undefined) return 0;
  return support === false ? 0 : support.level;
}

/** Colour for standard output: none in a pipe, or where NO_COLOR says so. */
export const paint: ChalkInstance = new Chalk({ level: levelFor(supportsColor) });

/** The same for standard error. */
export const paintError: ChalkInstance = new Chalk({ level: levelFor(supportsColorStderr) });
