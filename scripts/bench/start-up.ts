// How long commands take that have almost nothing to do.
import { once } from 'node:events';
import { dropDatabase, freshDatabase } from './databases.js';
import { start } from './dbw.js';

const COMMANDS = ['--help', 'events', 'migrate status', 'runs', 'lag'];

export interface StartUp {
  readonly command: string;
  /** From the start of the process to its end: the median. */
  readonly seconds: number;
}

/** Starts each of some commands several times, in turn. */
export async function startUp(rounds: number): Promise<StartUp[]> {
  const database = await freshDatabase();
  const took = new Map<string, number[]>(COMMANDS.map((command) => [command, []]));
  for (let round = 0; round < rounds; round++) {
    for (const [command, seconds] of took) {
      const started = performance.now();
      const child = start(command.split(' '), { DB_DATABASE: database });
      child.stdout?.resume();
      await once(child, 'close');
      seconds.push((performance.now() - started) / 1000);
    }
  }
  await dropDatabase(database);
  return [...took].map(([command, seconds]) => ({
    command: `dbw ${command}`,
    seconds: seconds.sort((a, b) => a - b)[Math.floor(seconds.length / 2)] ?? NaN,
  }));
}
