// How long commands take that have almost nothing to do.
import { dbw } from '../../test/support/cli.js';
import { dropDatabase, newDatabase } from './databases.js';
import { median } from './rounds.js';

const COMMANDS = ['--help', 'events', 'migrate status', 'runs', 'lag'];

export interface StartUp {
  readonly command: string;
  /** From the start of the process to its end: the median. */
  readonly seconds: number;
}

/** Starts each of some commands several times, in turn. */
export async function startUp(rounds: number): Promise<StartUp[]> {
  const database = await newDatabase();
  const took = new Map<string, number[]>(COMMANDS.map((command) => [command, []]));
  for (let round = 0; round < rounds; round++) {
    for (const [command, seconds] of took) {
      const started = performance.now();
      await dbw(command.split(' '), { DB_DATABASE: database, LOG_LEVEL: 'error' });
      seconds.push((performance.now() - started) / 1000);
    }
  }
  await dropDatabase(database);
  return [...took].map(([command, seconds]) => ({
    command: `dbw ${command}`,
    seconds: median(seconds),
  }));
}
