import { setTimeout as sleep } from 'node:timers/promises';

/** How long to keep asking, and what makes asking on pointless. */
export interface Patience {
  readonly seconds: number;
  /** Says why the fact can no longer come true, or nothing. */
  readonly hopeless?: () => string | undefined;
}

/**
 * Asks for a fact until it is true. Waits for nothing but the fact; `what` finishes the sentence "waited N s for …".
 */
export async function until(what: string, fact: () => Promise<boolean> | boolean, patience: Patience): Promise<void> {
  const deadline = Date.now() + patience.seconds * 1000;
  let lastError: unknown;
  for (;;) {
    const reason = patience.hopeless?.();
    if (reason !== undefined) throw new Error(reason);
    try {
      if (await fact()) return;
      lastError = undefined;
    } catch (error) {
      lastError = error;
    }
    if (Date.now() > deadline) {
      const last = lastError instanceof Error ? ` (${lastError.message})` : '';
      throw new Error(`waited ${String(patience.seconds)} s for ${what}${last}`, { cause: lastError });
    }
    await sleep(25);
  }
}
