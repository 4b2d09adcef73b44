import { setTimeout as delay } from 'node:timers/promises';

/**
 * Many who ask the same share one answer: however often somebody asks, it is made at most every `restMs`. Nobody gets one
 * that was begun before they asked, so that no answer is ever stale; who asks within the rest waits for its end.
 *
 * @param make makes one answer; where it fails, all who share it are told
 * @param restMs milliseconds between the ends and the beginnings of two makings
 * @param wait waits so many milliseconds
 */
export function shared<Answer>(
  make: () => Answer | Promise<Answer>,
  restMs: number,
  wait: (ms: number) => Promise<void> = (ms) => delay(ms, undefined, { ref: false }),
): () => Promise<Answer> {
  let endedAt = -Infinity;
  let running: Promise<unknown> = Promise.resolve();
  /** The one that has not begun yet. */
  let next: Promise<Answer> | undefined;
  const begin = async (): Promise<Answer> => {
    await running;
    const rest = endedAt + restMs - performance.now();
    if (rest > 0) await wait(rest);
    next = undefined;
    try {
      const making = Promise.resolve(make());
      running = making.catch(() => undefined);
      return await making;
    } finally {
      endedAt = performance.now();
    }
  };
  return () => (next ??= begin());
}
