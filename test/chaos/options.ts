import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';

/** What a run is made of. The seed decides the stream, the plan of faults and their instants. */
export interface Options {
  readonly seed: number;
  /** How long faults happen, in minutes; recovery and checks come on top. */
  readonly minutes: number;
  /** How many things happen on the platform; duplicates and poison come on top. */
  readonly events: number;
}

const USAGE = 'Use: npm run test:chaos -- [--seed N] [--minutes M] [--events N], or SEED, MINUTES, EVENTS.';

/**
 * The run that was asked for: flags, else the environment, else a quarter of an hour with a seed by chance.
 *
 * @throws Error that names what is wrong, and how to say it right
 */
export function readOptions(args: readonly string[], env: NodeJS.ProcessEnv): Options {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({ args: [...args], options: { seed: text, minutes: text, events: text } });
  const read = (name: 'seed' | 'minutes' | 'events', least: number, most: number, standard: number): number => {
    const given = values[name] ?? env[name.toUpperCase()];
    if (given === undefined || given === '') return standard;
    const number = Number(given);
    if (number >= least && number <= most && (name === 'minutes' || Number.isInteger(number))) return number;
    throw new Error(`${name} is "${given}"; it must be a number from ${least} to ${most}. ${USAGE}`);
  };
  return {
    seed: read('seed', 0, 2 ** 32 - 1, randomInt(1_000_000)),
    minutes: read('minutes', 0.5, 600, 15),
    events: read('events', 1_000, 5_000_000, 200_000),
  };
}
