const LONGEST_DELAY_MS = 30_000;

/** Milliseconds before try `n` + 1: full jitter under an exponential bound, so that many writers do not come at once. */
export function backoff(delayMs: number, attempt: number): number {
  return Math.random() * Math.min(delayMs * 2 ** Math.min(attempt - 1, 20), LONGEST_DELAY_MS);
}
