/**
 * Waits for something no longer than so many milliseconds. What is given up goes on by itself; its failure is nobody's
 * concern any more.
 *
 * @returns whether it was done in time
 * @throws what it fails with in time
 */
export async function within(ms: number, work: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => {
      resolve(false);
    }, ms);
  });
  work.catch(() => undefined);
  try {
    return await Promise.race([work.then(() => true as const), late]);
  } finally {
    clearTimeout(timer);
  }
}
