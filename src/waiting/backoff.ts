const LONGEST_DELAY_MS = 30_000;
const LONGEST_PAUSE_MS = 600_000;
/** Doubled more often, any delay is beyond its bound. */
const MOST_DOUBLINGS = 20;

/**
 * Milliseconds before try `attempt` + 1 of what fails for a passing reason: full jitter under an exponential bound, so that
 * many writers do not come at once; always `delayMs` where not exponential. At most 30 s.
 */
export function backoff(delayMs: number, attempt: number, exponential = true): number {
  if (!exponential) return Math.min(delayMs, LONGEST_DELAY_MS);
  return Math.random() * Math.min(delayMs * 2 ** Math.min(attempt - 1, MOST_DOUBLINGS), LONGEST_DELAY_MS);
}

/** Milliseconds before the `n`th try of an event that fails for an unknown reason: to be foreseen, so without jitter. */
export function pause(delayMs: number, n: number, exponential: boolean): number {
  return Math.min(exponential ? delayMs * 2 ** Math.min(n - 1, MOST_DOUBLINGS) : delayMs, LONGEST_PAUSE_MS);
}
