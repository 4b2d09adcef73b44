import { Listr } from 'listr2';
import { untilInterrupted } from './interrupt.js';
import { paint } from './paint.js';

/** One line of what happens, from its spinner to its mark. */
export interface Step {
  readonly name: string;
  /** Does it and returns what is to be said of it; `tell` says how far it is. */
  readonly work: (tell: (doing: string) => void) => Promise<string>;
}

const NAME_WIDTH = 10;

/** Takes the steps one after the other: lines that move on a terminal, and elsewhere one line when each is done. */
export async function take(steps: readonly Step[]): Promise<void> {
  if (process.stdout.isTTY) return moving(steps);
  for (const step of steps) console.log(`✔ ${await done(step, () => undefined)}`);
}

async function moving(steps: readonly Step[]): Promise<void> {
  const list = new Listr(
    steps.map((step) => ({
      title: titleOf(step, ''),
      task: async (_: unknown, task: { title: string }) => {
        task.title = await done(step, (doing) => (task.title = titleOf(step, doing)));
      },
    })),
    // Signals are ours: listr2 would end the process before the servers are stopped.
    { registerSignalListeners: false, rendererOptions: { showErrorMessage: false, collapseErrors: false } },
  );
  await list.run();
}

async function done(step: Step, tell: (doing: string) => void): Promise<string> {
  const began = performance.now();
  const result = await Promise.race([step.work(tell), untilInterrupted]);
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  return `${titleOf(step, result)}  ${paint.dim(`${seconds} s`)}`;
}

function titleOf({ name }: Step, text: string): string {
  return `${paint.bold(name.padEnd(NAME_WIDTH))}${text}`;
}
