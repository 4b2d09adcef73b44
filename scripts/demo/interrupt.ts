const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Somebody asked the demo to end. */
export class Interrupted extends Error {
  constructor(readonly signal: (typeof SIGNALS)[number]) {
    super('interrupted');
  }
}

/**
 * Rejects when somebody asks the demo to end. The handlers stay: npm passes Ctrl-C on to those who have it from the
 * terminal already, and the second must not end us while the servers stop.
 */
export const untilInterrupted = new Promise<never>((_, reject) => {
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      reject(new Interrupted(signal));
    });
  }
});
// It may be that nobody waits for it just now.
untilInterrupted.catch(() => undefined);
