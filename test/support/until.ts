import { setTimeout as delay } from 'node:timers/promises';
import type { Running } from './cli.js';

/** Between two questions: the machine has work to do meanwhile, and most when the answer takes long. */
const PAUSE_MS = 10;

/**
 * Waits until something is a fact. Asks again and again, and has no limit of its own: a fact that never comes is ended by
 * the test's. A process that ends meanwhile will not bring it.
 */
export async function until(fact: () => boolean | Promise<boolean>, running?: Running): Promise<void> {
  for (let asked = performance.now(); !(await fact()); asked = performance.now()) {
    if (running && (running.child.exitCode ?? running.child.signalCode) !== null)
      throw new Error(`dbw ended: ${running.output.stderr}`);
    await delay(Math.max(PAUSE_MS, 2 * (performance.now() - asked)));
  }
}
